"""A test, written from what an execution really went through.

::

    recorded.py     what the test says: an execution told line by line, and checked against the code
    calls.py        a journal as those lines
    redaction.py    what is not to be written, replaced
    writing.py      the lines as a file
    values.py       a value as the source of an expression
    layout.py       where that is broken into lines
    imports.py      what the file imports
"""

from interpreter.testing.recording.recorded import Recorded
from interpreter.testing.recording.redaction import Redact
from interpreter.testing.recording.values import restored
from interpreter.testing.recording.writing import record

__all__ = ["Recorded", "Redact", "record", "restored"]
