"""Seals on what was pickled, for who does not trust everybody that can write to the database.

Whoever unpickles bytes runs what they say. With a key in ``DATAFLOWS_PICKLE_KEY`` a pickle is stored with its seal (an
HMAC of SHA-256), and none is read without one that fits. Of several keys, with commas between, the first seals and each
opens, so that one can be replaced. Owns the form of a seal; what is pickled is not known here.
"""

from __future__ import annotations

import hashlib
import hmac
import os

from dataflows.errors import CannotRestore

__all__ = ["VARIABLE", "seal", "unseal"]

VARIABLE = "DATAFLOWS_PICKLE_KEY"

_MARK = b"sealed:1:"  # no pickle begins so
_LENGTH = hashlib.sha256().digest_size


def seal(pickled: bytes) -> bytes:
    """The pickle behind its seal; without a key, as it is."""
    keys = _keys()
    return _MARK + _mac(keys[0], pickled) + pickled if keys else pickled


def unseal(stored: bytes) -> bytes:
    """The pickle itself.

    :raises CannotRestore: there is a key, and it was not sealed with it.
    """
    is_sealed = stored.startswith(_MARK)
    begin = len(_MARK) + _LENGTH if is_sealed else 0
    pickled, told = stored[begin:], stored[len(_MARK) : begin]
    keys = _keys()
    if keys and not any(hmac.compare_digest(told, _mac(key, pickled)) for key in keys):
        what = "sealed with another key" if is_sealed else "not sealed"
        raise CannotRestore(
            f"what is stored was {what}, and is not unpickled; if a program of yours wrote it, add that one's key to "
            f"{VARIABLE}, or unset it where all who write to the database are trusted"
        )
    return pickled


def _keys() -> list[bytes]:
    return [key.strip().encode() for key in os.environ.get(VARIABLE, "").split(",") if key.strip()]


def _mac(key: bytes, pickled: bytes) -> bytes:
    return hmac.digest(key, pickled, "sha256")
