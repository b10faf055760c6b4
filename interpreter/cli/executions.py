"""The commands that start an execution, send to it, and ask what it came to.

Owns their words; what they do is the client's.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Generator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, NoReturn

import typer
from rich.text import Text

from dataflows.errors import ResultTimeout, StepFailed, UnknownWorkflow
from dataflows.events import Event
from dataflows.payload import read_as
from dataflows.workflow import Workflow, registry
from interpreter.cli.exits import EXIT_OF_STATUS
from interpreter.cli.modules import import_modules
from interpreter.cli.options import (
    AsDocument,
    DatabaseOption,
    ExecutionId,
    Modules,
    Tags,
    Timeout,
    read_arguments,
    read_duration,
    read_json,
    read_tags,
    refusing,
)
from interpreter.cli.output import document, err, out
from interpreter.cli.text import as_json, inert
from interpreter.client import Client
from interpreter.database import Database
from interpreter.machine import Status

__all__ = ["cancel", "migrate", "result", "resume", "signal", "start"]


def start(
    name: Annotated[str, typer.Argument(help="The workflow's name.", show_default=False)],
    input: Annotated[
        str | None,
        typer.Option(
            metavar="JSON",
            help="An array is the positional arguments, an object the keyword arguments, anything else the one "
            "argument. For a workflow with a trigger, an object is the event.",
            show_default=False,
        ),
    ] = None,
    id: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="Names the execution for ever; the same id again is the same execution. Default: a new one.",
            show_default=False,
        ),
    ] = None,
    modules: Modules = [],  # noqa: B006  # typer makes a new one each time
    version: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Of the workflow; default: the newest. With it, a workflow whose code is elsewhere can be started.",
            show_default=False,
        ),
    ] = None,
    delay: Annotated[
        str, typer.Option(metavar="DURATION", help='Begin no sooner than this, like "10m".', show_default=False)
    ] = "0s",
    tags: Tags = [],  # noqa: B006
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the end, and answer and exit like `result`.")] = False,
    timeout: Timeout = None,
    database: DatabaseOption = None,
    as_document: AsDocument = False,
) -> None:
    """Start an execution; print its id once that is committed."""
    args, kwargs = read_arguments(input)
    begin_after = read_duration(delay, "--delay")
    import_modules(modules)
    workflow = _workflow(name, version)
    if workflow.trigger is not None and kwargs:
        args, kwargs = (_event(kwargs),), {}
    with refusing("--input"):
        inspect.signature(workflow.function).bind(*args, **kwargs)
    with Client(database) as client:
        with refusing():
            handle = client.start_by_name(
                name, args, kwargs, id=id, delay=begin_after, tags=read_tags(tags), version=workflow.version
            )
        if wait:
            _answer(client, handle.id, timeout, as_document)
        elif as_document:
            document({"id": handle.id, "workflow": name, "version": workflow.version})
        else:
            out().print(Text(inert(handle.id)), soft_wrap=True)


def _workflow(name: str, version: int | None) -> Workflow[..., Any]:
    """The workflow that is registered here, or one whose code is elsewhere."""
    try:
        return registry.find(name, version)
    except UnknownWorkflow as unknown:
        if version is None:
            raise UnknownWorkflow(
                f"{unknown}; name that module by --module, or, to start it without its code, give its --version"
            ) from None
    with refusing("NAME"):
        elsewhere = Workflow(_runs_elsewhere, name, version)
        registry.add(elsewhere)
    return elsewhere


def _runs_elsewhere(*args: Any, **kwargs: Any) -> Generator[Any, Any, NoReturn]:
    """Stands in for a workflow whose code is not here: who starts an execution does not run it."""
    raise UnknownWorkflow("the code of this workflow is not here")
    yield


def _event(attributes: dict[str, Any]) -> Event:
    with refusing("--input"):
        event: Event = read_as(Event, {name: value for name, value in attributes.items() if name != "specversion"})
    return event


def signal(
    id: ExecutionId,
    name: Annotated[str, typer.Argument(help="The signal's name.", show_default=False)],
    payload: Annotated[
        str | None, typer.Option(metavar="JSON", help="What the wait is answered with.", show_default=False)
    ] = None,
    message_id: Annotated[
        str | None,
        typer.Option("--id", metavar="MESSAGE_ID", help="Sent twice under one id it arrives once.", show_default=False),
    ] = None,
    database: DatabaseOption = None,
    as_document: AsDocument = False,
) -> None:
    """Send a signal to an execution; it waits there until the workflow asks for it."""
    value = read_json(payload, "--payload")
    with Client(database) as client, refusing():
        is_new = client.signal(id, name, value, id=message_id)
    if as_document:
        document({"id": id, "signal": name, "new": is_new})
    else:
        _say(f"signal {name!r} is sent" if is_new else f"signal {name!r} was sent under this id before")


def cancel(id: ExecutionId, database: DatabaseOption = None, as_document: AsDocument = False) -> None:
    """Ask an execution to cancel; its cleanup runs first."""
    with Client(database) as client:
        is_new = client.cancel(id)
    if as_document:
        document({"id": id, "new": is_new})
    else:
        _say("it is asked to cancel" if is_new else "it had been asked to cancel before")


def resume(id: ExecutionId, database: DatabaseOption = None, as_document: AsDocument = False) -> None:
    """Try a blocked execution again, from its journal, with the code that workers now have."""
    with Client(database) as client:
        client.resume(id)
    if as_document:
        document({"id": id})
    else:
        _say("it is tried again")


def result(
    id: ExecutionId,
    timeout: Timeout = None,
    modules: Modules = [],  # noqa: B006
    database: DatabaseOption = None,
    as_document: AsDocument = False,
) -> None:
    """Wait until an execution has ended, and print what its workflow returned, as JSON."""
    import_modules(modules)
    with Client(database) as client:
        _answer(client, id, timeout, as_document)


def migrate(database: DatabaseOption = None, as_document: AsDocument = False) -> None:
    """Bring the database's schema to this release.

    Every other command does so too; here it can be done before them.
    """
    with Database(database) as opened:
        before, after = opened.versions
    if as_document:
        document({"before": before, "after": after})
    else:
        _say(f"the schema is at version {after}" + (f"; it was at {before}" if before != after else " already"))


# What an execution came to ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _End:
    status: Status
    value: Any = None
    error: BaseException | None = None


def _answer(client: Client, id: str, timeout: str | None, as_document: bool) -> None:
    end = _wait_for(client, id, None if timeout is None else read_duration(timeout, "--timeout"))
    if as_document:
        document({"id": id, "status": end.status, "result": end.value, "error": _describe(end.error)})
    elif end.error is None:
        print(as_json(end.value, indent=2))
    else:
        err().print(Text(inert(_explain(id, end.status, end.error))), soft_wrap=True)
    if code := EXIT_OF_STATUS[end.status]:
        raise typer.Exit(code)


def _wait_for(client: Client, id: str, timeout: timedelta | None) -> _End:
    """Tells what the workflow raised from what went wrong with the asking: both may be of any type."""
    try:
        return _End(Status.COMPLETED, client.result(id, timeout))
    except (KeyboardInterrupt, ResultTimeout):
        raise
    except BaseException as error:
        status = client.status(id)
        if status not in EXIT_OF_STATUS or status is Status.COMPLETED:
            raise
        return _End(status, error=error)


def _explain(id: str, status: Status, error: BaseException) -> str:
    if status is not Status.FAILED:
        return str(error)
    return f"execution {id!r} failed: " + "".join(traceback.format_exception_only(error)).rstrip()


def _describe(error: BaseException | None) -> dict[str, str] | None:
    if error is None:
        return None
    kind = type(error)
    name = error.type_name if isinstance(error, StepFailed) else f"{kind.__module__}.{kind.__qualname__}"
    message, *notes = traceback.format_exception_only(error)
    return {"type": name, "message": message.partition(": ")[2].rstrip("\n"), "notes": "".join(notes)}


def _say(sentence: str) -> None:
    out().print(Text(inert(sentence)), soft_wrap=True)
