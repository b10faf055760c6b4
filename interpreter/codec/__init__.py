"""Values, exceptions and calls to bytes and back.

What a workflow sees live is what it would see on replay, value and type: every outcome passes
through here before anybody may look at it. Three encodings, named beside the bytes:

- ``json``   where decoding gives back an equal value of the same types, at every depth; our own
  values (``Event``, ``Task``, ``Winner``) are tagged objects in it, so that what came from outside
  the program is never unpickled;
- ``dill``   any other value, its classes by module and qualified name, never by value;
- ``error``  an exception with its text, traceback, notes and everything it is linked to.

The package owns the bytes. It knows nothing of journals, machines and databases.
"""

from interpreter.codec.description import describe, describe_error
from interpreter.codec.encoded import LARGEST, Encoded, is_error, is_json
from interpreter.codec.exceptions import decode_error, encode_error
from interpreter.codec.functions import dump_call, run_call
from interpreter.codec.own_types import register_own_types
from interpreter.codec.tagged import register_json_type
from interpreter.codec.values import decode, encode

__all__ = [
    "LARGEST",
    "Encoded",
    "decode",
    "decode_error",
    "describe",
    "describe_error",
    "dump_call",
    "encode",
    "encode_error",
    "is_error",
    "is_json",
    "register_json_type",
    "run_call",
]

register_own_types()
