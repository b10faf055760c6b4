"""A question to somebody outside: ``callback``."""

from __future__ import annotations

from collections.abc import Sequence

from dataflows.commands import Callback
from dataflows.duration import Duration, to_optional_timedelta
from dataflows.names import check_name

__all__ = ["callback"]

_LONGEST_TEXT = 10_000
_MOST_CHOICES = 20


def callback(
    name: str,
    /,
    *,
    title: str | None = None,
    text: str = "",
    choices: Sequence[str] = ("approve", "reject"),
    valid_for: Duration | None = None,
) -> Callback:
    """Open an address at which somebody outside answers a question, once; go on with its URL.

    The URL holds a token that nobody guesses, and is the same on every replay. Whoever opens it in a browser is
    shown a page with the question, its choices, and room for a comment; a program posts ``{"choice": "approve"}``
    as JSON. The answer is sent as a signal of this name: ``wait("approval", Answer)`` takes it. Nothing is answered
    by looking, so the URL may pass the scanners of mail programs.

    A callback is the execution's, like its signals: it stays open over retries and ``continue_as_new``, until it is
    answered or the execution has ended; a fork has the same URL and not the answer. An answer that comes late waits
    for the next ``wait`` of that name, so give ``valid_for`` the ``timeout`` of the wait, and every question a name
    of its own. Where nobody knows the service's public URL (``Scheduler(public_url=…)``), the execution is blocked.

    :param title: of the page; default: the name.
    :param text: what is asked, as plain text; at most 10,000 characters.
    :param choices: what may be chosen, each a button, 20 at most. ``()``: there is nothing to choose, and a
        program answers with any JSON.
    :param valid_for: after this the address takes no answer any more.
    :raises TypeError, ValueError: here, what cannot be shown.
    """
    check_name(name, "a callback's name")
    if not isinstance(text, str) or len(text) > _LONGEST_TEXT:
        raise ValueError(f"callback({name!r}, text=) is a text of at most {_LONGEST_TEXT:,} characters")
    shown = name if title is None else check_name(title, f"callback({name!r}, title=)")
    return Callback(name, shown, text, _checked(name, choices), to_optional_timedelta(valid_for))


def _checked(name: str, choices: Sequence[str]) -> tuple[str, ...]:
    if isinstance(choices, str):
        raise TypeError(f"callback({name!r}, choices=) takes several, like ('approve', 'reject'), not {choices!r}")
    checked = tuple(check_name(choice, f"a choice of callback({name!r})") for choice in choices)
    if len(set(checked)) < len(checked) or len(checked) > _MOST_CHOICES:
        raise ValueError(f"callback({name!r}, choices=) has at most {_MOST_CHOICES}, each once; got {choices!r}")
    return checked
