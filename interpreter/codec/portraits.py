"""An exception in words: its type's name, its traceback, its notes.

Owns how these are taken off an exception that may be broken in any way, and their bounds.
A decoded exception carries its first traceback as a note; here it is written, and found again,
so that being encoded once more adds nothing.
"""

from __future__ import annotations

import traceback
from types import TracebackType

from interpreter.codec.names import MAINS, dotted, main_name
from interpreter.codec.rebuilding import text_of

__all__ = ["split_notes", "traceback_note", "traceback_of", "truncate", "type_name"]

LONGEST_TRACEBACK = 20_000
_LONGEST_NOTE = 10_000
_MOST_NOTES = 50
_HEADING = "First raised here:\n"

# Whatever runs a step; of no interest to the step's author.
_RUNNERS = ("interpreter", "asyncio", "concurrent", "threading")


def type_name(kind: type) -> tuple[str, str]:
    """Module and qualified name, the module under its real name."""
    module = kind.__module__
    return (main_name() if module in MAINS else str(module)), str(kind.__qualname__)


def truncate(text: str, longest: int) -> str:
    """The text with its middle left out where it is too long: both ends of a traceback tell something."""
    if len(text) <= longest:
        return text
    half = longest // 2
    return f"{text[:half]}\n[… {len(text) - 2 * half:,} characters left out …]\n{text[-half:]}"


def traceback_of(exception: BaseException, text: str) -> str:
    """The traceback as Python prints it, from the first frame that is the author's; "" if there is none."""
    try:
        frames = "".join(traceback.format_tb(_author_frames(exception.__traceback__)))
    except Exception:  # source that cannot be read or decoded
        return ""
    if not frames:
        return ""
    name = dotted(*type_name(type(exception)))
    last_line = f"{name}: {text}" if text else name
    return truncate(f"Traceback (most recent call last):\n{frames}{last_line}", LONGEST_TRACEBACK)


def traceback_note(text: str) -> list[str]:
    """The note, if there is one, that says where the exception was first raised."""
    return [_HEADING + text] if text else []


def split_notes(exception: BaseException) -> tuple[list[str], str]:
    """The author's notes, and the text of the traceback note or ""."""
    notes = getattr(exception, "__notes__", None)
    texts = [_note_text(note) for note in notes[:_MOST_NOTES]] if isinstance(notes, list) else []
    first = next((text for text in texts if text.startswith(_HEADING)), "")
    return [text for text in texts if not text.startswith(_HEADING)], first.removeprefix(_HEADING)


def _note_text(note: object) -> str:
    text = text_of(note)
    return text if text.startswith(_HEADING) else truncate(text, _LONGEST_NOTE)


def _author_frames(frames: TracebackType | None) -> TracebackType | None:
    first = frames
    while first is not None and _module_of(first).partition(".")[0] in _RUNNERS:
        first = first.tb_next
    return first or frames


def _module_of(frame: TracebackType) -> str:
    return str(frame.tb_frame.f_globals.get("__name__", ""))
