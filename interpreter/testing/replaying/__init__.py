"""A real journal, fed to the code that is here, entry by entry, to be looked at with a debugger.

::

    replays.py     the feeding, and where the workflow then stands
    frames.py      the author's frames in a generator that stands, or in a traceback
    debugger.py    stopping there
    telling.py     an entry in one line
"""

from interpreter.testing.replaying.debugger import stop_in_debugger
from interpreter.testing.replaying.frames import Stop
from interpreter.testing.replaying.replays import Replay
from interpreter.testing.replaying.telling import tell

__all__ = ["Replay", "Stop", "stop_in_debugger", "tell"]
