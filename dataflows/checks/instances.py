"""The types whose instances are followed: ``Path(x).read_text()``, ``logger.info(…)`` on a module's logger.

Owns the table; it names types by their dotted names, since their packages need not be installed.
"""

from __future__ import annotations

from collections.abc import Collection

__all__ = ["dotted_type"]

_MAKES = {
    "pathlib.Path": "pathlib.Path",
    "pathlib.PosixPath": "pathlib.Path",
    "pathlib.Path.cwd": "pathlib.Path",
    "pathlib.Path.home": "pathlib.Path",
    "logging.getLogger": "logging.Logger",
    "logging.Logger": "logging.Logger",
    "random.Random": "random.Random",
    "random.SystemRandom": "random.SystemRandom",
    "requests.sessions.Session": "requests.Session",
    "requests.Session": "requests.Session",
    "httpx.Client": "httpx.Client",
    "httpx2.Client": "httpx.Client",
    "os._Environ": "os.environ",
}
"""What is called, or the class of an object → the type under which the rules know it."""

_SEEDED = {"random.Random"}
"""Made with arguments, these are the same at every replay."""


def dotted_type(names: Collection[str], has_arguments: bool = False) -> str | None:
    """The type that a call of one of these makes, or that an object of one of these classes is."""
    for name in names:
        if name in _MAKES and not (has_arguments and name in _SEEDED):
            return _MAKES[name]
    return None
