"""The command line: ``dataflows worker``, ``start``, ``show`` and the rest.

Owns what a person or a script types and reads. All it does, the client and the scheduler do.

::

    app.py        the commands, put together
    worker.py     worker
    serve.py      serve: its options; serving.py, the HTTP API beside a scheduler
    process.py    what these two have in common
    start.py      start
    look.py       list, show
    send.py       signal
    control.py    cancel, terminate, pause, resume, retry, fork, delete
    bulk.py       the filters that these take in place of an id
    result.py     result
    check.py      check
    replay.py     replay
    record.py     record
    explain.py    explain
    migrate.py    migrate
    options.py    the options, and how their texts are read
    modules.py    importing what defines the workflows
    tables.py     how executions and journals are drawn
    output.py     what is written, and errors as one line
    text.py       what was stored, made safe for a terminal
    exits.py      the exit codes
"""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command that ``sys.argv`` names; ends the process with its exit code."""
    from interpreter.cli.app import app

    for stream in (sys.stdout, sys.stderr):  # typed as any text stream, and text files unless somebody replaced them
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # whatever the terminal's encoding
    app()
