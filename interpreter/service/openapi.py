"""The API in OpenAPI's words (3.1), served at ``/openapi.json``.

Owns the description, which is written once, as data; a test holds it against ``routes``, and another against
what is really answered.
"""

from __future__ import annotations

import re
from typing import Any

from starlette.responses import Response

from interpreter.machine import Status
from interpreter.service.answers import answer
from interpreter.service.call import Call
from interpreter.service.schemas import SCHEMAS, Schema, array, one_of, ref, text, whole

__all__ = ["DOCUMENT", "show"]


async def show(call: Call) -> Response:
    """The document, with the address under which it was found."""
    call.query()
    return answer(DOCUMENT | {"servers": [{"url": call.root or "/"}]})


def _parameter(place: str, name: str, schema: Schema, description: str = "") -> Schema:
    made = {"in": place, "name": name, "schema": schema, "required": place == "path"}
    return made | ({"description": description} if description else {})


def _query(name: str, schema: Schema, description: str = "") -> Schema:
    return _parameter("query", name, schema, description)


def _content(schema: str, media_type: str = "application/json") -> Schema:
    return {"content": {media_type: {"schema": ref(schema)}}}


def _operation(
    id: str,
    summary: str,
    answers: dict[int, str],
    *parameters: Schema,
    body: str | None = None,
    required: bool = False,
    **others: Any,
) -> Schema:
    """One method on one path.

    :param answers: status → the schema of the answer; "" for an answer without a body.
    :param body: the schema of the request's body, and whether there has to be one.
    """
    responses = {str(status): _answer(status, schema) for status, schema in answers.items()}
    made: Schema = {"operationId": id, "summary": summary, "responses": responses | _PROBLEMS, **others}
    if parameters:
        made["parameters"] = list(parameters)
    if body is not None:
        made["requestBody"] = {"required": required, **_content(body)}
    return made


def _answer(status: int, schema: str) -> Schema:
    made: Schema = {"description": SCHEMAS[schema]["description"] if schema else "There is nothing to be said."}
    if status == 202:
        made["headers"] = {"Location": {"schema": text(), "description": "Where the execution can be looked at."}}
    return made | (_content(schema) if schema else {})


_PROBLEMS: Schema = {
    "503": {"$ref": "#/components/responses/Unavailable"},
    "default": {"$ref": "#/components/responses/Problem"},
}
_OPEN: list[Any] = []

_KEY = _parameter(
    "header", "Idempotency-Key", ref("Name"), "Sent twice under one key it happens once, until the execution is purged."
)
_LIMIT = _query("limit", whole("", 1, 500, default=50), "How many at most.")

_CURSOR = _query("cursor", text(), "Where the page before has ended; it is part of `next`.")

_FILTER = (
    _query("workflow", ref("Name"), "Only of this one."),
    _query("status", one_of(Status), "Only these."),
    _query("tag", array(text(pattern="^[^=\\u0000]{1,99}=[^\\u0000]{1,99}$")), "Only with this tag: name=value."),
    _query("created_after", text(format="date-time"), "Only those created then or later."),
    _query("created_before", text(format="date-time"), "Only those created before."),
    *(_CURSOR, _LIMIT),
)
_STARTED = _query("started", {"type": "boolean"}, "Only such as have started an execution, or have not.")
_PLACE = (
    _query("generation", whole(""), "Of the journal; by default the newest."),
    _query("after", whole("", 0), "Only entries after this `seq`."),
    _LIMIT,
)
_WAIT = _query(
    "wait",
    {"type": "number", "minimum": 0},
    "Seconds to wait for the end, by default none; the server waits for a minute, and no longer.",
)
_LAST = _parameter("header", "Last-Event-ID", text(pattern="^[0-9]{1,9}\\.[0-9]{1,9}$"), "Go on behind this event.")

_FOLLOW = _operation(
    "followExecution",
    "Follow an execution: its entries and its status, as they are committed",
    {204: ""},
    _LAST,
    description=(
        "Server-sent events until it has ended: `entry` (an Entry, with its generation; its id takes the stream up "
        "again), `status` (an Execution), `deleted`. 204: it has ended, and there is nothing behind Last-Event-ID."
    ),
)
_FOLLOW["responses"]["200"] = {"description": "The events.", "content": {"text/event-stream": {"schema": text()}}}

_ONE = "/api/executions/{id}"
_SCHEDULE = "/api/schedules/{workflow}"
_DELIVERY = "/api/deliveries/{source}/{delivery}"


def _hooks(suffix: str) -> dict[str, Schema]:
    """Where services deliver, and ask what they ask before."""
    told = {"200": {"description": "What the service wants to hear."}}
    deliver = _operation(f"deliver{suffix}", "Deliver an event of a source", {202: "Delivered"}, security=_OPEN)
    asking = {
        method: _operation(f"ask{suffix}By{method.title()}", "Ask as a source's service does", {}, security=_OPEN)
        for method in ("get", "options")
    }
    return {
        method: each | {"responses": told | each["responses"]} for method, each in ({"post": deliver} | asking).items()
    }


def _callback() -> dict[str, Schema]:
    """A question for somebody outside: a page to browsers, JSON to programs."""
    page = {"text/html": {"schema": text()}}
    problem = _content("Problem", "application/problem+json")["content"] | page
    refused = {
        "409": {"description": "It was answered before: the first answer counts.", "content": problem},
        "410": {"description": "It takes no answer any more.", "content": problem},
        "default": {"description": "It cannot be done.", "content": problem},
    }
    show = _operation("showCallback", "What is asked; to look answers nothing", {200: "Callback"}, security=_OPEN)
    answer = _operation(
        "answerCallback", "Answer it, once", {200: "Callback"}, body="CallbackAnswer", required=False, security=_OPEN
    )
    show["responses"]["200"]["content"] |= page
    answer["responses"]["303"] = {"description": "The form of the page is taken; the page shows it now."}
    answer["requestBody"]["content"]["application/x-www-form-urlencoded"] = {"schema": ref("Answer")}
    return {"get": _refusing(show, refused), "post": _refusing(answer, refused)}


def _refusing(operation: Schema, refused: Schema) -> Schema:
    return operation | {"responses": operation["responses"] | refused | {"503": refused["default"]}}


_PATHS: dict[str, dict[str, Schema]] = {
    "/healthz": {"get": _operation("isAlive", "Whether the process lives", {200: "Health"}, security=_OPEN)},
    "/readyz": {"get": _operation("isReady", "Whether its database answers", {200: "Health"}, security=_OPEN)},
    "/openapi.json": {
        "get": {
            **_operation("describe", "This document", {200: "Nothing"}, security=_OPEN),
            "responses": {"200": {"description": "OpenAPI 3.1.", "content": {"application/json": {"schema": {}}}}}
            | _PROBLEMS,
        }
    },
    "/api/workflows": {"get": _operation("listWorkflows", "What can be started here", {200: "Workflows"})},
    "/api/workflows/{workflow}/executions": {
        "post": _operation("startExecution", "Start an execution", {202: "Started"}, _KEY, body="Start")
    },
    "/api/executions": {"get": _operation("listExecutions", "List executions", {200: "Executions"}, *_FILTER)},
    _ONE: {
        "get": _operation("showExecution", "Look at an execution", {200: "Execution"}),
        "delete": _operation("deleteExecution", "Delete one that has ended", {204: ""}),
    },
    f"{_ONE}/history": {"get": _operation("showHistory", "Its journal", {200: "History"}, *_PLACE)},
    f"{_ONE}/result": {"get": _operation("showResult", "What it came to", {200: "Result", 202: "Unfinished"}, _WAIT)},
    f"{_ONE}/events": {"get": _FOLLOW},
    f"{_ONE}/signals/{{signal}}": {
        "post": _operation("sendSignal", "Send it a signal", {202: "Signalled"}, _KEY, body="Payload")
    },
    f"{_ONE}/cancel": {
        "post": _operation("cancel", "Ask it to cancel; its cleanup runs", {202: "Done"}, body="Nothing")
    },
    f"{_ONE}/terminate": {
        "post": _operation("terminate", "End it and its children at once", {200: "Terminated"}, body="Nothing")
    },
    f"{_ONE}/pause": {"post": _operation("pause", "Begin nothing further of it", {200: "Done"}, body="Nothing")},
    f"{_ONE}/resume": {"post": _operation("resume", "Let it go on", {200: "Done"}, body="Nothing")},
    f"{_ONE}/retry": {"post": _operation("retry", "Try again from where it failed", {202: "Done"}, body="Retry")},
    f"{_ONE}/fork": {
        "post": _operation("fork", "Start another with the same past", {202: "Forked"}, _KEY, body="Fork")
    },
    "/api/schedules": {
        "get": _operation(
            "listSchedules",
            "The schedules of workflows",
            {200: "Schedules"},
            _query("workflow", ref("Name"), "Its own."),
        )
    },
    _SCHEDULE: {
        "delete": _operation(
            "deleteSchedule",
            "Forget those that nobody serves any more",
            {204: ""},
            _query("schedule", ref("Name"), "Only this one, as it is listed."),
        )
    },
    f"{_SCHEDULE}/pause": {
        "post": _operation("pauseSchedule", "Start none of its moments", {200: "Changed"}, body="WhichSchedule")
    },
    f"{_SCHEDULE}/resume": {
        "post": _operation("resumeSchedule", "Start its moments again", {200: "Changed"}, body="WhichSchedule")
    },
    f"{_SCHEDULE}/trigger": {
        "post": _operation("triggerSchedule", "Start it now", {202: "Triggered"}, _KEY, body="Trigger")
    },
    f"{_SCHEDULE}/backfill": {
        "post": _operation(
            "backfill",
            "Start its moments of a span that has passed, each once; or, in a dry run, only tell them",
            {200: "Backfilled", 202: "Backfilled"},
            body="Backfill",
            required=True,
        )
    },
    "/api/events": {
        "post": _operation("emit", "Emit an event by key", {202: "Emitted"}, _KEY, body="Event", required=True)
    },
    "/callbacks/{token}": _callback(),
    "/api/deliveries": {
        "get": _operation(
            "listDeliveries",
            "What sources have delivered",
            {200: "Deliveries"},
            *(_query("source", ref("Name"), "Only of this one."), _STARTED, _CURSOR, _LIMIT),
        )
    },
    _DELIVERY: {"get": _operation("showDelivery", "Look at a delivery", {200: "Delivery"})},
    f"{_DELIVERY}/replay": {
        "post": _operation("replayDelivery", "Have it routed again", {202: "Replayed"}, body="Replay")
    },
    "/api/limits": {
        "get": _operation("listLimits", "Limits across executions", {200: "SharedLimits"}, _CURSOR, _LIMIT)
    },
    "/hooks/{source}": _hooks(""),
    "/hooks/{source}/{name}": _hooks("Named"),
}


_IN_PATHS = {
    "id": "An execution's id",
    "workflow": "A workflow's name",
    "signal": "The name of a signal, as the wait has it",
    "source": "The name of a source of deliveries",
    "delivery": "The id by which a delivery is known",
    "name": "Of several sources of one service, which",
    "token": "What the address says that somebody was asked at",
}


def _with_path_parameters(path: str, methods: dict[str, Schema]) -> Schema:
    parameters = [
        _parameter("path", name, ref("Name"), f"{_IN_PATHS[name]}. A slash in it is written %2F.")
        for name in re.findall(r"\{(\w+)\}", path)
    ]
    return methods | ({"parameters": parameters} if parameters else {})


_PROBLEM = _content("Problem", "application/problem+json")

DOCUMENT: Schema = {
    "openapi": "3.1.0",
    "info": {"title": "dataflows", "version": "1", "summary": "Durable workflows on plain PostgreSQL."},
    "security": [{"token": []}, {}],
    "paths": {path: _with_path_parameters(path, methods) for path, methods in _PATHS.items()},
    "components": {
        "schemas": SCHEMAS,
        "responses": {
            "Problem": {"description": "It cannot be done.", **_PROBLEM},
            "Unavailable": {
                "description": "Not now: the database does not answer, or too many wait here.",
                "headers": {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}},
                **_PROBLEM,
            },
        },
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
    },
}
