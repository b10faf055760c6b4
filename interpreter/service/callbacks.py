"""Callbacks over HTTP: a page that asks, and the one answer that it takes; for programs the same in JSON.

Owns what an answer has to look like, and who is answered in HTML. Whoever knows the address may answer: the token
in it is the credential, and looking never answers, since mail programs look at every link.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.responses import Response

from dataflows.answer import LONGEST_COMMENT
from dataflows.errors import NotFound
from interpreter.operations import CallbackState, CallbackStatus
from interpreter.service.answers import answer, to_dict
from interpreter.service.call import Call
from interpreter.service.callback_page import problem_page, question_page
from interpreter.service.members import Members
from interpreter.service.problems import KINDS, Problem, problem_of

__all__ = ["answer_question", "show_question"]

_FORM = "application/x-www-form-urlencoded"
_NOTHING = "See that the address is complete. Whoever sent it may have withdrawn the question."
_CLOSED = {
    CallbackState.ANSWERED: ("answered", "It was answered before; the first answer counts."),
    CallbackState.EXPIRED: ("gone", "It was open for a certain time, and that is over."),
    CallbackState.ENDED: ("gone", "What asked has ended, and needs no answer any more."),
}


async def show_question(call: Call) -> Response:
    """What is asked; it can be asked for any number of times."""
    try:
        return await _show(call)
    except Exception as error:
        return _refusal(call, error)


async def answer_question(call: Call) -> Response:
    """Answer it: with the form of its page, or in JSON."""
    try:
        return await _answer(call)
    except Exception as error:
        return _refusal(call, error)


async def _show(call: Call) -> Response:
    found = await call.desk.look_at_callback(call.parameters["token"])
    if found.state in (CallbackState.EXPIRED, CallbackState.ENDED):
        raise Problem(*_CLOSED[found.state])
    return question_page(found) if _wants_page(call) else _document(found)


async def _answer(call: Call) -> Response:
    token = call.parameters["token"]
    found = await call.desk.look_at_callback(token)
    if found.state is CallbackState.OPEN:
        payload = await _read_answer(call, found.choices)
        is_new, found = await call.desk.answer_callback(token, payload)
        if is_new:  # a relative address, since whatever stands before this may have taken a part of the path away
            return Response(status_code=303, headers={"Location": token}) if _is_form(call) else _document(found)
    kind, detail = _CLOSED[found.state]
    if kind == "answered" and _wants_page(call):
        return question_page(found, KINDS[kind].status, detail)
    raise Problem(kind, detail)


async def _read_answer(call: Call, choices: tuple[str, ...]) -> Any:
    if _is_form(call) and choices:
        return _checked(await _read_form(call), choices)
    payload = await call.body()
    if not choices:
        return payload
    if not isinstance(payload, dict):
        raise Problem("invalid", 'An answer is an object: {"choice": …, "comment": …}.')
    return _checked(payload, choices)


async def _read_form(call: Call) -> dict[str, Any]:
    body = await call.raw_body(call.service.limits.body)
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=10)
    except ValueError:
        raise Problem("malformed", "The body is no form.") from None
    if len({name for name, _ in pairs}) < len(pairs):
        raise Problem("malformed", "A field of the form stands there twice.")
    return {name: value.replace("\r\n", "\n") for name, value in pairs}


def _checked(given: Mapping[str, Any], choices: tuple[str, ...]) -> dict[str, str]:
    members = Members(given, "member", ("choice", "comment"))
    choice, comment = members.value("choice"), members.value("comment")
    if choice not in choices:
        raise Problem("invalid", f"The choice is one of {', '.join(map(repr, choices)) or 'none'}.")
    if comment is not None and (not isinstance(comment, str) or len(comment) > LONGEST_COMMENT):
        raise Problem("invalid", f"The comment is a text of at most {LONGEST_COMMENT:,} characters.")
    return {"choice": choice, "comment": comment or ""}


def _document(found: CallbackStatus) -> Response:
    document = to_dict(found)
    del document["url"]
    return answer(document)


def _refusal(call: Call, error: Exception) -> Response:
    problem = Problem("not-found", _NOTHING) if isinstance(error, NotFound) else problem_of(error)
    if not _wants_page(call):
        return problem.to_response()
    status, title = KINDS[problem.kind]
    heading = "Nothing is asked here" if status == 404 else title
    return problem_page(status, heading, problem.detail, problem.headers)


def _is_form(call: Call) -> bool:
    return (call.header("content-type") or "").partition(";")[0].strip().lower() == _FORM


def _wants_page(call: Call) -> bool:
    """A browser says so; of others, who looks, or sends a form, may as well be shown one."""
    accepted = (call.header("accept") or "").lower()
    if "text/html" in accepted or "json" in accepted:
        return "text/html" in accepted
    return call.method != "POST" or _is_form(call)
