"""``dataflows result``, and what ``start --wait`` has in common with it.

Owns how an execution's end is shown: its value, its error, its exit code.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import Any

import typer

from dataflows.duration import Duration
from dataflows.errors import ResultTimeout, StepFailed
from interpreter.cli.exits import EXIT_OF_STATUS
from interpreter.cli.modules import import_modules
from interpreter.cli.options import AsDocument, DatabaseOption, ExecutionId, Modules, Timeout, read_duration
from interpreter.cli.output import complain, document
from interpreter.cli.text import as_json
from interpreter.client import Client
from interpreter.codec.names import dotted
from interpreter.codec.portraits import split_notes, type_name
from interpreter.codec.rebuilding import text_of
from interpreter.machine import Status

__all__ = ["answer", "result"]


def result(
    id: ExecutionId,
    timeout: Timeout = None,
    modules: Modules = None,
    database: DatabaseOption = None,
    as_document: AsDocument = False,
) -> None:
    """Wait until an execution has ended, and print what its workflow returned, as JSON."""
    import_modules(modules)
    with Client(database) as client:
        answer(client, id, timeout, as_document)


@dataclass(frozen=True, slots=True)
class _End:
    status: Status
    value: Any = None
    error: BaseException | None = None


def answer(client: Client, id: str, timeout: str | None, as_document: bool) -> None:
    """Wait for the end of an execution, show it, and exit with its code.

    :raises ResultTimeout: it has not ended in time.
    :raises NotFound: there is no such execution.
    """
    end = _wait_for(client, id, None if timeout is None else read_duration(timeout, "--timeout"))
    if as_document:
        document({"id": id, "status": end.status, "result": end.value, "error": _describe(end.error)})
    elif end.error is None:
        typer.echo(as_json(end.value, indent=2))
    else:
        complain(end.error, _explain(id, end.status, end.error))
    if code := EXIT_OF_STATUS[end.status]:
        raise typer.Exit(code)


def _wait_for(client: Client, id: str, timeout: Duration | None) -> _End:
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
        return text_of(error)
    return "".join([f"execution {id!r} failed: ", *traceback.format_exception_only(error)]).rstrip()


def _describe(error: BaseException | None) -> dict[str, str] | None:
    if error is None:
        return None
    if isinstance(error, StepFailed):
        return {"type": error.type_name, "message": error.message, "traceback": error.traceback_text}
    _, traceback_text = split_notes(error)
    return {"type": dotted(*type_name(type(error))), "message": text_of(error), "traceback": traceback_text}
