"""``dataflows worker``: a process that runs workflows until it is told to stop.

The work is the scheduler's.
"""

from __future__ import annotations

import threading

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
    logger,
    new_scheduler,
    stop_on_signals,
)

__all__ = ["worker"]


def worker(
    modules: Served,
    *,
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
    """Run the workflows that the modules define, until SIGTERM or Ctrl-C.

    The first signal stops it in good order: nothing more is begun, running steps may end, everything
    else is handed back. The second ends it at once, and loses nothing either. It logs to standard error.
    """
    served = import_served(modules)
    log_to_stderr(verbose)
    scheduler = new_scheduler(database, concurrency, lease, grace, retention, limits, as_document, public_url)
    stop = threading.Event()
    stop_on_signals(stop)
    collect_garbage_seldom()
    with scheduler:
        logger.info("serving %s; Ctrl-C stops it", served)
        scheduler.wait(stop)
        logger.info("stopping; one more signal ends it at once")
    if not stop.is_set():
        raise typer.Exit(Exit.FAILED)
