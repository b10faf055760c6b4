"""The commands that do something to executions: ``cancel``, ``pause``, ``retry``, ``delete`` and the others.

Owns their words. Each is for one execution, by its id, or for all that its filter finds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import typer

from dataflows.errors import NotFound
from interpreter.cli.bulk import (
    CreatedBefore,
    DryRun,
    EndedBefore,
    Filter,
    OnlyStatus,
    OnlyTags,
    OnlyWorkflow,
    do_in_bulk,
)
from interpreter.cli.options import AsDocument, DatabaseOption, ExecutionId, refusing
from interpreter.cli.output import document, say
from interpreter.client import Client
from interpreter.operations import BulkVerb

__all__ = ["cancel", "delete", "fork", "pause", "resume", "retry", "terminate"]

OptionalId = Annotated[
    str | None,
    typer.Argument(metavar="ID", help="The execution's id; or name a filter, for all it finds.", show_default=False),
]
At = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="POSITION",
        help='From there, like "3.0.2"; `show` lists the positions. Default: where it failed.',
        show_default=False,
    ),
]
NewId = Annotated[
    str | None,
    typer.Option("--id", metavar="NEW_ID", help="Of the new execution; default: a new one.", show_default=False),
]
NewVersion = Annotated[
    int | None,
    typer.Option(min=1, metavar="NUMBER", help="Of the workflow, for the new execution.", show_default=False),
]


class _Words(NamedTuple):
    """How a command speaks.

    :ivar help: what it does.
    :ivar done, idle: said when it was done to one execution, and when there was nothing to do.
    """

    help: str
    done: str
    idle: str


_WORDS: dict[BulkVerb, _Words] = {
    "cancel": _Words(
        "Ask an execution to cancel; its cleanup runs first.",
        "it is asked to cancel",
        "it had been asked to cancel before",
    ),
    "terminate": _Words(
        "End an execution and all its children at once; no code of theirs runs any more, and no cleanup.",
        "it is terminated",
        "it had ended before",
    ),
    "pause": _Words(
        "Begin nothing further of an execution until it is resumed; signals are kept.",
        "it is paused",
        "it was paused before",
    ),
    "resume": _Words(
        "Let a paused execution go on; try a blocked one again, with the code that workers now have.",
        "it goes on",
        "it was neither paused nor blocked",
    ),
    "delete": _Words(
        "Delete an execution that has ended, with its journal and inbox.",
        "it is deleted",
        "it does not exist",
    ),
}
_RETRIED = _Words("", "it is tried again", "it goes on already")


def _command(verb: BulkVerb) -> Callable[..., None]:
    def command(
        id: OptionalId = None,
        *,
        status: OnlyStatus = None,
        workflow: OnlyWorkflow = None,
        tags: OnlyTags = None,
        created_before: CreatedBefore = None,
        ended_before: EndedBefore = None,
        dry_run: DryRun = False,
        database: DatabaseOption = None,
        as_document: AsDocument = False,
    ) -> None:
        chosen = Filter(status, workflow, tags, created_before, ended_before, dry_run)
        _carry_out(verb, _WORDS[verb], id, chosen, database, as_document)

    command.__name__, command.__doc__ = verb, _WORDS[verb].help
    return command


cancel = _command("cancel")
terminate = _command("terminate")
pause = _command("pause")
resume = _command("resume")
delete = _command("delete")


def retry(
    id: OptionalId = None,
    *,
    at: At = None,
    status: OnlyStatus = None,
    workflow: OnlyWorkflow = None,
    tags: OnlyTags = None,
    created_before: CreatedBefore = None,
    ended_before: EndedBefore = None,
    dry_run: DryRun = False,
    database: DatabaseOption = None,
    as_document: AsDocument = False,
) -> None:
    """Let a failed or blocked execution go on from where it failed, with the code that workers now have.

    The time since does not count: timeouts and sleeps that the failure cut off begin anew.
    """
    chosen = Filter(status, workflow, tags, created_before, ended_before, dry_run)
    if at is not None and id is None:
        raise typer.BadParameter("a position is one execution's: name its id", param_hint="--at")
    _carry_out("retry", _RETRIED, id, chosen, database, as_document, *([] if at is None else [at]))


def fork(
    id: ExecutionId,
    *,
    at: At = None,
    new_id: NewId = None,
    version: NewVersion = None,
    database: DatabaseOption = None,
    as_document: AsDocument = False,
) -> None:
    """Start a new execution that has the first part of another's history; print its id."""
    with Client(database) as client, refusing():
        forked = client.fork(id, at, id=new_id, version=version)
    if as_document:
        document({"id": forked, "of": id})
    else:
        say(forked)


def _carry_out(
    verb: BulkVerb, words: _Words, id: str | None, chosen: Filter, database: str | None, as_document: bool, *args: Any
) -> None:
    """To the execution of that id, or to all that the filter finds."""
    if (id is None) is chosen.is_empty:
        raise typer.BadParameter(
            "name either an execution's id, or what is common to those that are meant", param_hint="ID"
        )
    with Client(database) as client, refusing():
        if id is None:
            do_in_bulk(client, verb, chosen, as_document)
        else:
            _do_to_one(client, verb, words, id, as_document, *args)


def _do_to_one(client: Client, verb: BulkVerb, words: _Words, id: str, as_document: bool, *args: Any) -> None:
    is_new = bool(getattr(client, verb)(id, *args))
    if verb == "delete" and not is_new:
        raise NotFound(f"execution {id!r} does not exist")
    if as_document:
        document({"id": id, "new": is_new})
    else:
        say(words.done if is_new else words.idle)
