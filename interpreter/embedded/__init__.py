"""A real PostgreSQL on this machine, for whoever names no database.

Owns the server's whole life: finding the programs, making the database, starting it, sharing it
between processes, stopping it. Knows nothing of tables, journals or executions.

::

    launcher.py      the door: EmbeddedPostgres
    home.py          the folder that everything lies in
    locks.py         who starts, and who still uses the server
    account.py       whom the server runs as (never root)
    programs.py      where initdb, pg_ctl and postgres are
    server.py        making a data directory, launching and stopping its server
    postmaster.py    what a running server says of itself
"""

from __future__ import annotations

from interpreter.embedded.launcher import EmbeddedPostgres

__all__ = ["EmbeddedPostgres"]
