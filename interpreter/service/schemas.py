"""What the documents of the API are made of, as JSON Schema (2020-12, as OpenAPI 3.1 has it).

Owns the shapes. Nothing is validated by them here; the tests hold the answers against them.
"""

from __future__ import annotations

from typing import Any, TypeAlias, get_args

from dataflows.answer import LONGEST_COMMENT
from dataflows.schedules import CatchUp
from interpreter.machine import Status
from interpreter.operations import CallbackState, Stored
from interpreter.service.members import LARGEST
from interpreter.service.problems import KINDS

__all__ = ["SCHEMAS", "Schema", "array", "one_of", "optional", "record", "ref", "text", "whole"]

Schema: TypeAlias = dict[str, Any]


def ref(name: str) -> Schema:
    """The schema of that name."""
    return {"$ref": f"#/components/schemas/{name}"}


def text(description: str = "", **details: Any) -> Schema:
    """A text."""
    return {"type": "string", **({"description": description} if description else {}), **details}


def whole(description: str, least: int = 1, most: int = LARGEST, **details: Any) -> Schema:
    """A whole number."""
    return {"type": "integer", "description": description, "minimum": least, "maximum": most, **details}


def one_of(values: Any, description: str = "") -> Schema:
    """One of these texts."""
    return text(description, enum=[str(value) for value in values])


def array(items: Schema, **details: Any) -> Schema:
    """A list of these."""
    return {"type": "array", "items": items, **details}


def optional(schema: Schema) -> Schema:
    """That, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def record(description: str, required: Schema, **others: Schema) -> Schema:
    """An object of these members and no others; the first are always there."""
    properties = required | others
    members = {"properties": properties, "required": list(required)} if required else {"properties": properties}
    return {"type": "object", "description": description, **members, "additionalProperties": False}


_MOMENT = text(format="date-time")
_NAME = text(minLength=1, maxLength=200, pattern="^[^\\u0000]+$")
_TEXTS: Schema = {"type": "object", "additionalProperties": text()}
_ID = {**_NAME, "description": "An execution's id."}
_ANYTHING: Schema = {"description": "Any JSON."}
_NEW = {"type": "boolean", "description": "Whether it has changed anything; false: it was so before."}
_WAITS_FOR = optional(
    {**array(text()), "description": "The names of the signals that it is suspended for; null: that is not known."}
)
_NEXT = optional(text("The address of the next page; null: there is none."))
_POSITION = text("Like 3.0.2; by default where it failed.", pattern="^[0-9]{1,9}(\\.[0-9]{1,9})*$", maxLength=200)
_DURATION = {
    "description": 'Seconds, or a text like "1h30m".',
    "anyOf": [{"type": "number", "minimum": 0, "maximum": 31_557_600_000}, text(pattern="^[0-9]{1,4}(ms|[wdhms])$")],
}

_SCHEDULE = {**_NAME, "description": "Only this one, as it is listed."}

_START: Schema = {
    "id": {**_NAME, "description": "Makes the start idempotent, as an Idempotency-Key does. Default: a new one."},
    "delay": {**_DURATION, "description": 'Begin no sooner than this: seconds, or a text like "1h30m".'},
    "tags": {"type": "object", "additionalProperties": _NAME, "propertyNames": _NAME},
    "version": whole("Of the workflow; by default the highest."),
}

_DELIVERED: Schema = {
    "source": text("Who delivered it."),
    "id": text("What is delivered again has the same."),
    "type": optional(text("Of its events; null: they are of several types.")),
    "subject": optional(text("Of its event.")),
    "events": whole("How many events it reports.", 0),
    "received_at": _MOMENT,
    "routed_at": optional({**_MOMENT, "description": "When it was offered to workflows; null: not yet."}),
    "starts": whole("How many executions it has started.", 0),
    "conflicts": whole("How often another body came under its id, which starts nothing.", 0),
    "bytes": whole("How large it is as it is stored.", 0),
}

SCHEMAS: dict[str, Schema] = {
    "Id": _ID,
    "Name": _NAME,
    "Status": one_of(Status, "Where an execution is in its life."),
    "Problem": record(
        "What is wrong (RFC 9457).",
        {
            "type": one_of(f"urn:dataflows:problem:{kind}" for kind in KINDS),
            "title": text(),
            "status": whole("As of the answer.", 400, 599),
            "detail": text("What is wrong with this request, and what to do."),
        },
    ),
    "Health": record("It answers.", {"status": one_of(["alive", "ready"])}),
    "Workflow": record(
        "A workflow that can be started.",
        {
            "name": ref("Name"),
            "version": whole("The highest is what is started by default."),
            "description": text(),
            "signature": text("What it is called with, in Python's words."),
            "triggers": array(ref("Starter"), description="What starts it without anybody asking."),
        },
    ),
    "Starter": record(
        "Events of a source, or the moments of a schedule.",
        {"kind": one_of(["event", "cron", "every"])},
        source=text(),
        type=text(),
        expression=text("Of cron."),
        tz=text("Of cron: the time zone."),
        seconds={"type": "number", "description": "Of every: the interval."},
    ),
    "Workflows": record("All that can be started here.", {"workflows": array(ref("Workflow"))}),
    "Start": {
        "description": "What an execution is started with: the arguments, or the event that is the one argument.",
        "anyOf": [
            record(
                "With arguments.",
                {},
                args=array(_ANYTHING, description="The positional arguments."),
                kwargs={"type": "object", "description": "The keyword arguments."},
                **_START,
            ),
            record("With an event.", {"event": ref("CloudEvent")}, **_START),
        ],
    },
    "CloudEvent": record(
        "What happened, with the attributes of CloudEvents 1.0. By default type and source are those of its trigger.",
        {},
        id=text(minLength=1),
        source=text(minLength=1),
        type=text(minLength=1),
        specversion=one_of(["1.0"]),
        data=_ANYTHING,
        subject=optional(text()),
        time=_MOMENT,
        datacontenttype=text(),
        dataschema=optional(text()),
    ),
    "Started": record(
        "It is committed.", {"id": ref("Id"), "workflow": ref("Name"), "version": whole("Of the workflow.")}
    ),
    "Execution": record(
        "What the database says of an execution.",
        {
            "id": ref("Id"),
            "workflow": text(),
            "version": whole("Of the workflow."),
            "status": ref("Status"),
            "created_at": _MOMENT,
            "ended_at": optional(_MOMENT),
            "due_at": optional(text("When it goes on by itself: like `created_at`, or `infinity`.")),
            "tags": _TEXTS,
            "problem": optional(text("Why it is blocked.")),
            "paused": {"type": "boolean"},
            "generation": whole("How many times its journal was begun."),
            "parent": optional(text("The id of the execution that started it.")),
            "waits_for": _WAITS_FOR,
        },
        published={**_TEXTS, "description": "What it has published last under each key, as text, shortened."},
    ),
    "Executions": record("A page, the newest first.", {"executions": array(ref("Execution")), "next": _NEXT}),
    "Entry": record(
        "A line of a journal.",
        {
            "seq": whole("Its place in the journal."),
            "at": _MOMENT,
            "kind": text("started, step, attempt, sleep, signal, … or the status it ended with."),
            "position": optional(text("Where its command stands, like 3.0.2.")),
            "name": optional(text("Of the command.")),
            "branch": optional(text("Of a race.")),
            "ok": optional({"type": "boolean", "description": "Whether the outcome is a value, and no error."}),
            "text": text("The value or the error as text, shortened."),
            "moment": optional(_MOMENT),
        },
        generation=whole("Of the journal."),
    ),
    "History": record(
        "A page of a journal, in order.",
        {"generation": whole("Of the journal."), "entries": array(ref("Entry")), "next": _NEXT},
    ),
    "Result": record(
        "What an execution came to.",
        {
            "id": ref("Id"),
            "status": ref("Status"),
            "result": {"description": "What it returned, as the journal holds it; null where it returned nothing."},
            "error": optional(
                record("What it raised.", {"type": text(), "message": text(), "traceback": text()}),
            ),
            "text": optional(text("Stands in for a result that is no JSON, or too large.")),
            "bytes": whole("How large the result is as it is stored.", 0, 2**63 - 1),
        },
    ),
    "Unfinished": record(
        "It has come to nothing yet.", {"id": ref("Id"), "status": ref("Status"), "problem": optional(text())}
    ),
    "Done": record("What was done.", {"id": ref("Id"), "new": _NEW}),
    "Terminated": record(
        "What was done.", {"id": ref("Id"), "new": _NEW, "ended": whole("Executions, children included.", 0)}
    ),
    "Retry": record("From where.", {}, position=_POSITION),
    "Fork": record(
        "From where, and as what.", {}, position=_POSITION, id=ref("Name"), version=whole("Of the workflow.")
    ),
    "Forked": record("It is committed.", {"id": ref("Id"), "of": ref("Id")}),
    "Signalled": record(
        "It is committed. If it waits for others, the signal is kept until it asks for it.",
        {"id": ref("Id"), "signal": ref("Name"), "new": _NEW, "waits_for": _WAITS_FOR},
    ),
    "Schedule": record(
        "A schedule of a workflow.",
        {
            "workflow": text(),
            "schedule": text("Its moments, like 0 9 * * 1-5 Europe/Berlin, or every 15m."),
            "catch_up": one_of(get_args(CatchUp), "What becomes of moments that were missed."),
            "version": whole("Of the workflow, which the next moment is started with."),
            "next_at": optional({**_MOMENT, "description": "Its next moment; null: none is left."}),
            "last_at": optional({**_MOMENT, "description": "The last that was started; null: none was yet."}),
            "paused": {"type": "boolean"},
            "created_at": _MOMENT,
            "served": {"type": "boolean", "description": "Whether a scheduler is there that starts its moments."},
        },
    ),
    "Schedules": record("All that there are, by name.", {"schedules": array(ref("Schedule"))}),
    "WhichSchedule": record("Which of the workflow's schedules; by default all.", {}, schedule=_SCHEDULE),
    "Changed": record("What was done.", {"workflow": ref("Name"), "new": _NEW}),
    "Trigger": record("What it is started as.", {}, id=_START["id"]),
    "Triggered": record("It is committed.", {"id": ref("Id"), "workflow": ref("Name")}),
    "Backfill": record(
        "A span of time that has passed.",
        {"from": {**_MOMENT, "description": "The first moment is not before."}},
        to={**_MOMENT, "description": "The last moment is before. Default: now."},
        schedule=_SCHEDULE,
        dry_run={"type": "boolean", "description": "Start nothing, but tell what would be started. Default: false."},
    ),
    "Backfilled": record(
        "What was started (202), or would be (200); of moments that were started before, nothing is told.",
        {
            "workflow": ref("Name"),
            "executions": array(record("One, and its moment.", {"id": ref("Id"), "at": _MOMENT})),
        },
    ),
    "Event": record(
        "A message to whoever waits for its key.",
        {"name": ref("Name"), "key": ref("Name")},
        payload=_ANYTHING,
        keep={**_DURATION, "description": "How long it is kept if nobody waits for it. Default: seven days."},
    ),
    "Emitted": record(
        "It is committed.",
        {"name": ref("Name"), "key": ref("Name"), "woken": whole("How many executions got it; 0: it is kept.", 0)},
    ),
    "Callback": record(
        "A question to somebody outside.",
        {
            "name": text("Of the signal that its answer becomes."),
            "title": text(),
            "text": text("What is asked, as plain text."),
            "choices": array(text(), description="One of them is the answer's choice; none: any JSON is an answer."),
            "workflow": text("Who asks."),
            "state": one_of(CallbackState),
            "opened_at": _MOMENT,
            "expires_at": optional({**_MOMENT, "description": "It takes no answer from then on."}),
            "answered_at": optional(_MOMENT),
            "answer": {"description": "What it was answered with; null if it was not."},
        },
    ),
    "Answer": record(
        "To a question with choices.",
        {"choice": text("One of the choices.")},
        comment=text(maxLength=LONGEST_COMMENT),
    ),
    "CallbackAnswer": {"description": "Where there are choices, an Answer; else any JSON."},
    "Delivered": record(
        "It is committed.",
        {
            "delivery": text("The id by which it is known when it comes again."),
            "status": one_of(each.value for each in Stored),
        },
    ),
    "Delivery": record(
        "One delivery; an event that a program emitted for triggers is one, too, of the source `events`.",
        _DELIVERED,
        offered=array(text(), description="The workflows whose triggers have not been asked yet."),
        content=optional(
            array(
                record("One, and what it is known by.", {"key": text(), "event": ref("CloudEvent")}),
                description="In the order in which they came.",
            )
        ),
        text=optional(text("Stands in for events that are no JSON, or too large.")),
    ),
    "Deliveries": record("A page, the newest first.", {"deliveries": array(ref("Delivery")), "next": _NEXT}),
    "Replay": record(
        "How.",
        {},
        anew={"type": "boolean", "description": "Start everything again, also what it has started. Default: false."},
    ),
    "Replayed": record(
        "The next scheduler that looks routes it again.",
        {"source": text(), "id": text(), "anew": {"type": "boolean"}},
    ),
    "SharedLimit": record(
        "A limit across executions, as it stands.",
        {
            "name": text("What steps name; for a workflow with at_once, workflow/NAME or workflow/NAME[KEY]."),
            "rate": optional(whole("How many may begin within `per`.", 0)),
            "per": optional({"type": "number", "description": "Seconds."}),
            "at_once": optional(whole("How many may run at the same time.", 0)),
            "running": whole("How many have their turn.", 0),
            "waiting": whole("How many wait for theirs.", 0),
            "begun": whole("How many have begun within the last `per`.", 0),
            "held_until": optional({**_MOMENT, "description": "A service has said to come back then."}),
        },
    ),
    "SharedLimits": record("A page, by name.", {"limits": array(ref("SharedLimit")), "next": _NEXT}),
    "Nothing": {"type": "object", "description": "Nothing has to be said.", "maxProperties": 0},
    "Payload": _ANYTHING,
}
