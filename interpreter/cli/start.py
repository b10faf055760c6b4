"""``dataflows start``.

Owns how a workflow is found by its name, and how JSON becomes its arguments.
"""

from __future__ import annotations

from typing import Annotated, Any, NoReturn

import typer

from dataflows.commands import Flow
from dataflows.errors import UnknownWorkflow
from dataflows.events import Event, Trigger
from dataflows.workflow import Workflow, registry
from interpreter.cli.modules import import_modules
from interpreter.cli.options import (
    AsDocument,
    DatabaseOption,
    Modules,
    Tags,
    Timeout,
    read_duration,
    read_json,
    read_tags,
    refusing,
)
from interpreter.cli.output import document, say
from interpreter.cli.result import answer
from interpreter.client import Client
from interpreter.operations import check_arguments, read_event_for

__all__ = ["Input", "Name", "read_arguments", "start"]

_HOW_TO = """write --input '{"data": …}', and if you like its "type", "id", "source", "subject" and "time\""""

Name = Annotated[str, typer.Argument(metavar="NAME", help="The workflow's name.", show_default=False)]
Input = Annotated[
    str | None,
    typer.Option(
        metavar="JSON",
        help="An array is the positional arguments, an object the keyword arguments, anything else the one argument. "
        "For a workflow with a trigger an object is the event; type and source are the trigger's if they are not said.",
        show_default=False,
    ),
]
ChosenId = Annotated[
    str | None,
    typer.Option(
        metavar="ID",
        help="Names the execution for ever; the same id again is the same execution. Default: a new one.",
        show_default=False,
    ),
]
Version = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="NUMBER",
        help="Of the workflow; default: the newest. With it, a workflow whose code is elsewhere can be started.",
        show_default=False,
    ),
]
Delay = Annotated[
    str, typer.Option(metavar="DURATION", help='Begin no sooner than this, like "10m".', show_default=False)
]
Wait = Annotated[bool, typer.Option("--wait", metavar="", help="Wait for the end, and answer and exit like `result`.")]


def start(
    name: Name,
    *,
    input: Input = None,
    id: ChosenId = None,
    modules: Modules = None,
    version: Version = None,
    delay: Delay = "0s",
    tags: Tags = None,
    wait: Wait = False,
    timeout: Timeout = None,
    database: DatabaseOption = None,
    as_document: AsDocument = False,
) -> None:
    """Start an execution; print its id once that is committed.

    - `start order -m shop --input '["A-1", 3]'` calls order("A-1", 3)

    - `start order -m shop --input '{"pieces": 3}'` calls order(pieces=3)

    - `start triage -m shop --input '{"data": {"id": 42}}'` gives triage, which has a trigger, an event with that data

    - `start standup -m shop` gives standup, which has a schedule, the event of this moment
    """
    import_modules(modules)
    workflow = _workflow(name, version)
    args, kwargs = read_arguments(workflow, input)
    details: dict[str, Any] = {"id": id, "delay": read_duration(delay, "--delay"), "tags": read_tags(tags)}
    with Client(database) as client:
        with refusing():
            handle = client.start_by_name(name, args, kwargs, version=workflow.version, **details)
        if wait:
            answer(client, handle.id, timeout, as_document)
        elif as_document:
            document({"id": handle.id, "workflow": name, "version": workflow.version})
        else:
            say(handle.id)


def _workflow(name: str, version: int | None) -> Workflow[..., Any]:
    """The workflow that is registered here, or one whose code is elsewhere."""
    try:
        return registry.find(name, version)
    except UnknownWorkflow as unknown:
        if version is None:
            raise UnknownWorkflow(
                f"{unknown}. Name its module by --module, or give its --version to start it without its code"
            ) from None
    with refusing("NAME"):
        elsewhere = Workflow(_runs_elsewhere, name, version)
        registry.add(elsewhere)
    return elsewhere


def _runs_elsewhere(*args: Any, **kwargs: Any) -> Flow[NoReturn]:
    """Stands in for a workflow whose code is not here: who starts an execution does not run it."""
    raise UnknownWorkflow("the code of this workflow is not here")
    yield


def read_arguments(workflow: Workflow[..., Any], text: str | None) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What the workflow is called with; refused here where it could not be."""
    with refusing("--input"):
        if workflow.triggers:
            return (_read_event(workflow, text),), {}
        args, kwargs = _read_json_arguments(text)
        check_arguments(workflow, args, kwargs)
    return args, kwargs


def _read_event(workflow: Workflow[..., Any], text: str | None) -> Event:
    """Nothing but its moment is to be said of an event of a schedule."""
    has_data = any(isinstance(each, Trigger) for each in workflow.triggers)
    attributes = {} if text is None and not has_data else read_json(text or "null", "--input")
    try:
        if isinstance(attributes, dict):
            return read_event_for(workflow, attributes)
        problem = "an event starts it" if text is None else "this is no object"
    except ValueError as error:
        problem = str(error)
    raise ValueError(f"workflow {workflow.name!r} has a trigger: {problem}; {_HOW_TO}")


def _read_json_arguments(text: str | None) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """An array is the positional arguments, an object the keyword arguments, anything else the one argument."""
    if text is None:
        return (), {}
    value = read_json(text, "--input")
    if isinstance(value, dict):
        return (), value
    return (tuple(value) if isinstance(value, list) else (value,)), {}
