"""The page of a callback: what is asked, and buttons to answer it; or why it cannot be answered.

Owns the HTML, and the headers with which a browser shows it. There is no script in it and nothing from elsewhere, so
the policy that it is sent with forbids both: whatever an author's text, or an answer, contains stays text.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape
from importlib.resources import files
from typing import Any

from starlette.responses import Response

from dataflows.answer import LONGEST_COMMENT
from interpreter.operations import CallbackState, CallbackStatus

__all__ = ["problem_page", "question_page"]

_STYLE = files("interpreter.service").joinpath("callback_page.css").read_text("utf-8")
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    # Not "no-referrer": with that, browsers keep from the server that it is this page whose form is sent.
    "Referrer-Policy": "same-origin",
    "X-Robots-Tag": "noindex, nofollow",
    "Cross-Origin-Opener-Policy": "same-origin",
}

_NOT_TO_BE_SHOWN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
"""Control characters, what is no character, and what would turn the order of others round."""


def question_page(found: CallbackStatus, status: int = 200, notice: str = "") -> Response:
    """The question; with it its answer if it has one, else what can be chosen.

    :param notice: to be read first.
    """
    body = [
        f'<p class="from">{_text(found.workflow)} asks</p>',
        f'<h1 dir="auto">{_text(found.title)}</h1>',
        f'<p class="text" dir="auto">{_text(found.text)}</p>' if found.text else "",
        f'<p class="notice" role="status">{_text(notice)}</p>' if notice else "",
        _answered(found) if found.state is CallbackState.ANSWERED else _form(found),
        f'<p class="small">{_times(found)}</p>',
    ]
    return _page(found.title, body, status)


def problem_page(status: int, title: str, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """Why there is no question to be seen, or why it cannot be answered."""
    return _page(title, [f"<h1>{_text(title)}</h1>", f'<p class="text">{_text(detail)}</p>'], status, headers)


def _form(found: CallbackStatus) -> str:
    if not found.choices:
        return '<p class="notice">A program answers this: it posts JSON to this address.</p>'
    buttons = "".join(_button(choice, number) for number, choice in enumerate(found.choices))
    return (
        '<form method="post" autocomplete="off">'
        '<label for="comment">Comment <span>(optional)</span></label>'
        f'<textarea id="comment" name="comment" rows="3" maxlength="{LONGEST_COMMENT}" dir="auto"></textarea>'
        f'<div class="choices">{buttons}</div></form>'
    )


def _button(choice: str, number: int) -> str:
    first = ' class="first"' if number == 0 else ""
    return f'<button{first} name="choice" value="{_text(choice)}" dir="auto">{_label(choice)}</button>'


def _label(choice: str) -> str:
    return _text(choice[:1].upper() + choice[1:])


def _answered(found: CallbackStatus) -> str:
    choice, comment = _read(found.answer)
    parts = [f'<p class="answer">Answered: <strong dir="auto">{_label(choice)}</strong></p>'] if choice else []
    parts += [f'<blockquote dir="auto">{_text(comment)}</blockquote>'] if comment else []
    return "".join(parts) or '<p class="answer">Answered</p>'


def _read(answer: Any) -> tuple[str, str]:
    """The choice and the comment, as far as it is made of them."""
    given = answer if isinstance(answer, dict) else {}
    choice, comment = given.get("choice"), given.get("comment")
    return choice if isinstance(choice, str) else "", comment if isinstance(comment, str) else ""


def _times(found: CallbackStatus) -> str:
    told = [f"Asked {_moment(found.opened_at)}"]
    if found.answered_at is not None:
        told.append(f"answered {_moment(found.answered_at)}")
    elif found.expires_at is not None:
        told.append(f"open until {_moment(found.expires_at)}")
    return " · ".join(told)


def _moment(moment: datetime) -> str:
    there = moment.astimezone(UTC)
    return f'<time datetime="{there.isoformat(timespec="seconds")}">{there:%Y-%m-%d %H:%M} UTC</time>'


def _text(text: str) -> str:
    """As text of a page, or of an attribute in quotes, in which everything is shown for what it is."""
    return escape(_NOT_TO_BE_SHOWN.sub("\ufffd", text.replace("\r\n", "\n")))


def _page(title: str, body: list[str], status: int, headers: Mapping[str, str] | None = None) -> Response:
    content = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body><main>{''.join(body)}</main></body></html>\n"
    )
    return Response(content, status, {**(headers or {}), **_HEADERS}, media_type="text/html")
