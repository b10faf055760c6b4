"""The commands, put together.

Owns their names, their order, and the page that ``dataflows --help`` shows.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer

from interpreter.cli.callbacks import callbacks
from interpreter.cli.check import check
from interpreter.cli.control import cancel, delete, fork, pause, resume, retry, terminate
from interpreter.cli.deliveries import DELIVERY_COMMANDS
from interpreter.cli.emit import emit
from interpreter.cli.exits import MEANINGS
from interpreter.cli.explain import explain
from interpreter.cli.limits import limits
from interpreter.cli.lint import lint
from interpreter.cli.look import list_executions, show
from interpreter.cli.migrate import migrate
from interpreter.cli.output import reporting, say
from interpreter.cli.purge import purge
from interpreter.cli.record import record
from interpreter.cli.replay import replay
from interpreter.cli.result import result
from interpreter.cli.schedules import SCHEDULE_COMMANDS
from interpreter.cli.send import signal
from interpreter.cli.serve import serve
from interpreter.cli.start import start
from interpreter.cli.worker import worker

__all__ = ["app"]

EXIT_CODES = "Exit codes:\n\n" + "\n".join(f"- **{code:d}** {meaning}" for code, meaning in MEANINGS.items())

_LAST_PANEL = "What else the database holds"
_PANELS: dict[str, dict[str, Callable[..., None]]] = {
    "Run workflows": {"worker": worker, "serve": serve},
    "Start executions, and follow them": {
        "start": start,
        "list": list_executions,
        "show": show,
        "callbacks": callbacks,
        "signal": signal,
        "emit": emit,
        "result": result,
    },
    "Hold back, end, or try again: one, or all that a filter finds": {
        "cancel": cancel,
        "terminate": terminate,
        "pause": pause,
        "resume": resume,
        "retry": retry,
        "fork": fork,
        "delete": delete,
    },
    "The code of workflows": {
        "lint": lint,
        "explain": explain,
        "check": check,
        "replay": replay,
        "record": record,
    },
    _LAST_PANEL: {"limits": limits, "purge": purge, "migrate": migrate},
}
COMMANDS: dict[str, Callable[..., None]] = {
    name: command for commands in _PANELS.values() for name, command in commands.items()
}

app = typer.Typer(
    name="dataflows",
    epilog=EXIT_CODES,
    rich_markup_mode="markdown",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _tell_version(is_asked: bool) -> None:
    if is_asked:
        say(f"dataflows {_release()}")
        raise typer.Exit


def _release() -> str:
    try:
        return version("dataflows-engine")
    except PackageNotFoundError:
        return "from its source, not installed"


@app.callback()
def _common(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_tell_version, is_eager=True, metavar="", help="Say which release this is."),
    ] = False,
) -> None:
    """Durable workflows on plain PostgreSQL.

    With a workflow named "order" in orders.py: `dataflows worker orders` runs it. In another terminal,
    `dataflows start order -m orders --input '["A-1"]'` starts an execution and prints its id, with which
    `dataflows show ID` tells how it goes. All use the database of DATAFLOWS_DATABASE_URL, or else one of this
    machine that starts by itself.
    """


for panel, commands in _PANELS.items():
    for name, command in commands.items():
        app.command(name, rich_help_panel=panel)(reporting(command))

schedules = typer.Typer(help="Look at, pause, resume and make up for the schedules of workflows.", no_args_is_help=True)
for name, command in SCHEDULE_COMMANDS.items():
    schedules.command(name)(reporting(command))
app.add_typer(schedules, name="schedules", rich_help_panel=_LAST_PANEL)

deliveries = typer.Typer(help="Look at what services have delivered, and route it again.", no_args_is_help=True)
for name, command in DELIVERY_COMMANDS.items():
    deliveries.command(name)(reporting(command))
app.add_typer(deliveries, name="deliveries", rich_help_panel=_LAST_PANEL)
