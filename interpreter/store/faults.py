"""Whose fault an error of the database is, as its code says (PostgreSQL, appendix A: error codes)."""

from __future__ import annotations

import psycopg
from psycopg import errors

__all__ = ["is_of_the_server", "leaves_in_doubt"]

_GONE = ("08", "57", "58")
"""How the codes of errors begin that tell of a connection, or of a server, that ends."""

_NOT_MENDED = ("0A", "26", "42")
"""How those begin that tell of a table, a right or a statement that is missing, until somebody mends it."""


def is_of_the_server(error: psycopg.Error) -> bool:
    """Whether it is a conflict, or the matter of the server: then the same statement may be taken later."""
    if isinstance(error, errors.ProgramLimitExceeded):
        return False
    by_class = psycopg.OperationalError | psycopg.InterfaceError | errors.ReadOnlySqlTransaction
    return isinstance(error, by_class) or (error.sqlstate or "").startswith(_NOT_MENDED)


def leaves_in_doubt(error: psycopg.Error) -> bool:
    """Whether it tells of a server that is gone; a pooler may, and keep the connection to who asked."""
    return (error.sqlstate or "").startswith(_GONE)
