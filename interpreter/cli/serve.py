"""``dataflows serve``: the HTTP API, and a scheduler in the same process.

Owns its options. What it takes of the extra ``service`` is next door, and is imported when it is called.
"""

from __future__ import annotations

import importlib
import threading
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

from interpreter.cli.exits import Exit
from interpreter.cli.limits import Limits
from interpreter.cli.options import DatabaseOption
from interpreter.cli.process import (
    AsEvents,
    Concurrency,
    Grace,
    Lease,
    PublicUrl,
    Retention,
    Served,
    Verbose,
    collect_garbage_seldom,
    import_served,
    log_to_stderr,
    new_scheduler,
    stop_on_signals,
)
from interpreter.scheduler.scheduler import Scheduler

__all__ = ["serve"]

Host = Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen; another than loopback takes a token.")]
Port = Annotated[
    int, typer.Option(min=0, max=65_535, metavar="NUMBER", help="0 takes any that is free; the log says which.")
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="The API's tokens, one a line; those that only read with `read-only` before them. Besides, there are "
        "those of DATAFLOWS_API_TOKENS and DATAFLOWS_API_READ_TOKENS, with spaces between them.",
        show_default=False,
    ),
]
Hosts = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-host",
        metavar="NAME",
        help="A name under which it is reached; may be repeated. Default: without a token those of this machine.",
        show_default=False,
    ),
]
Origins = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-origin",
        metavar="ORIGIN",
        help="Of pages that may ask, like https://console.example; may be repeated.",
        show_default=False,
    ),
]


def serve(
    modules: Served,
    *,
    host: Host = "127.0.0.1",
    port: Port = 8787,
    token_file: TokenFile = None,
    hosts: Hosts = None,
    origins: Origins = None,
    database: DatabaseOption = None,
    concurrency: Concurrency = 32,
    lease: Lease = "10s",
    grace: Grace = "10s",
    retention: Retention = None,
    limits: Limits = None,
    public_url: PublicUrl = None,
    verbose: Verbose = False,
    as_document: AsEvents = False,
) -> None:
    """Serve the HTTP API, and run the workflows that the modules define, until SIGTERM or Ctrl-C.

    /openapi.json describes the API. Where a module has a list named `sources`, their services deliver at /hooks/NAME,
    each proven by its own secret. The first signal stops it in good order, the second at once, and
    loses nothing either. It logs to standard error.
    """
    served = import_served(modules)
    log_to_stderr(verbose)
    serving = _import_serving()
    tokens, sources = serving.read_tokens(token_file), serving.sources_in(modules)
    door = serving.Door(host, port, tokens, hosts, origins or (), sources, public_url)
    door.check()

    def scheduler(public_url: str | None) -> Scheduler:
        return new_scheduler(database, concurrency, lease, grace, retention, limits, as_document, public_url)

    stop = threading.Event()
    stop_on_signals(stop)
    collect_garbage_seldom()
    serving.run(scheduler, door, served, stop)
    if not stop.is_set():
        raise typer.Exit(Exit.FAILED)


def _import_serving() -> ModuleType:
    try:
        return importlib.import_module("interpreter.cli.serving")
    except ModuleNotFoundError as missing:
        raise typer.BadParameter(
            f"{missing.name} is not installed: python -m pip install 'dataflows-engine[service]'", param_hint="serve"
        ) from None
