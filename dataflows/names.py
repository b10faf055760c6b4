"""What a name may be: workflows, steps, signals, executor names and ids.

Owns the bounds, because every store must be able to hold every name.
"""

from __future__ import annotations

__all__ = ["LONGEST_NAME", "check_name"]

LONGEST_NAME = 200


def check_name(name: object, what: str) -> str:
    """The name itself.

    :raises TypeError: it is no ``str``.
    :raises ValueError: empty, over 200 characters, or with a character that PostgreSQL's text cannot
        hold (NUL, a lone surrogate).
    """
    if type(name) is str and 0 < len(name) <= LONGEST_NAME and name.isascii() and name.isprintable():
        return name  # nearly all, and there are many
    if not isinstance(name, str):
        raise TypeError(f"{what} is a str, not {type(name).__name__}: {name!r}")
    text = name if issubclass(type(name), str) else str(name)  # what only passes for a str, has a text
    if not text or len(text) > LONGEST_NAME:
        raise ValueError(f"{what} has 1 to {LONGEST_NAME} characters; this one has {len(text)}: {text[:50]!r}")
    _check_storable(text, what)
    return name


def _check_storable(name: str, what: str) -> None:
    if "\0" in name:
        raise ValueError(f"{what} must not contain NUL: {name!r}")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{what} must not contain a lone surrogate: {name!r}") from None
