"""What the commands have in common that run until they are told to stop: ``worker`` and ``serve``.

Owns their options, their signals, and their log.
"""

from __future__ import annotations

import gc
import logging
import signal
import threading
from datetime import UTC, datetime
from types import FrameType
from typing import Annotated, Any

import typer

from dataflows.workflow import registry
from interpreter.cli.limits import read_limits
from interpreter.cli.modules import import_modules
from interpreter.cli.options import read_age, read_duration, refusing
from interpreter.cli.output import document
from interpreter.cli.text import inert
from interpreter.scheduler.scheduler import Scheduler

__all__ = [
    "AsEvents",
    "Concurrency",
    "Grace",
    "Lease",
    "PublicUrl",
    "Retention",
    "Served",
    "Verbose",
    "collect_garbage_seldom",
    "import_served",
    "log_to_stderr",
    "logger",
    "new_scheduler",
    "stop_on_signals",
]

logger = logging.getLogger("dataflows")

Served = Annotated[
    list[str],
    typer.Argument(
        metavar="MODULE",
        help="A module that defines workflows, named with dots; looked for in the current directory too.",
        show_default=False,
    ),
]
Concurrency = Annotated[int, typer.Option(min=1, metavar="NUMBER", help="How many steps run at once.")]
Lease = Annotated[
    str,
    typer.Option(metavar="DURATION", help="If this worker dies, another goes on with its executions after this time."),
]
Grace = Annotated[str, typer.Option(metavar="DURATION", help="How long running steps may go on when it is stopped.")]
Retention = Annotated[
    str | None,
    typer.Option(
        metavar="DURATION",
        help='Delete executions so long after their end, like "30d"; default: keep them for ever.',
        show_default=False,
    ),
]
PublicUrl = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Where whoever is to answer a callback reaches the API of this database, like https://flows.example; "
        "default: DATAFLOWS_PUBLIC_URL.",
        show_default=False,
    ),
]
Verbose = Annotated[
    bool,
    typer.Option("--verbose", "-v", metavar="", help="Log every execution's end, and what other loggers say at INFO."),
]
AsEvents = Annotated[
    bool, typer.Option("--json", metavar="", help="Write each event to standard output as a line of JSON.")
]


def import_served(modules: list[str]) -> str:
    """Import the modules; the workflows that they define, in words. :raises typer.BadParameter: there are none."""
    import_modules(modules, telling=True)
    served = ", ".join(sorted(f"{found.name} (version {found.version})" for found in registry))
    if not served:
        raise typer.BadParameter("they define no workflow: decorate one with @workflow", param_hint="MODULE")
    return served


def new_scheduler(
    database: str | None,
    concurrency: int,
    lease: str,
    grace: str,
    retention: str | None,
    limits: list[str] | None,
    as_document: bool,
    public_url: str | None,
) -> Scheduler:
    """One of these options, as they were written; not open yet. :raises typer.BadParameter: one cannot be."""
    with refusing():
        return Scheduler(
            database,
            concurrency=concurrency,
            lease=read_duration(lease, "--lease"),
            grace=read_duration(grace, "--grace"),
            retention=None if retention is None else read_age(retention, "--retention"),
            limits=read_limits(limits),
            public_url=public_url,
            on_event=_write_event if as_document else None,
        )


def collect_garbage_seldom() -> None:
    """Held workflows are many small objects that live on; looking through them again and again finds nothing.

    This process does nothing else, so its collector may be set for it: what is imported by now is
    never looked at again, and new objects are looked at less often.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def stop_on_signals(stop: threading.Event) -> None:
    """The first signal sets the event; the second ends the process."""

    def on_signal(number: int, frame: FrameType | None) -> None:
        stop.set()
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, signal.SIG_DFL)  # so that the second ends the process, as a signal does

    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, on_signal)


class _Inert(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return inert(super().format(record))


def log_to_stderr(verbose: bool) -> None:
    """Unless a module has set logging up already, which is then left as it is."""
    if logging.root.handlers:
        return
    handler = logging.StreamHandler()
    handler.setFormatter(_Inert("%(asctime)s %(levelname)-7s %(message)s", "%Y-%m-%d %H:%M:%S"))
    logging.root.addHandler(handler)
    logging.root.setLevel(logging.INFO if verbose else logging.WARNING)
    logger.setLevel(logging.DEBUG if verbose else logging.INFO)


def _write_event(event: str, details: dict[str, Any]) -> None:
    document({"at": datetime.now(UTC), "event": event, "details": details})
