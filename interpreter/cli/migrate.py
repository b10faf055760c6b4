"""``dataflows migrate``."""

from __future__ import annotations

from interpreter.cli.options import AsDocument, DatabaseOption
from interpreter.cli.output import document, say
from interpreter.database import Database

__all__ = ["migrate"]


def migrate(database: DatabaseOption = None, as_document: AsDocument = False) -> None:
    """Bring the database's schema to this release.

    Every other command does so too; here it can be done before them.
    """
    with Database(database) as opened:
        before, after = opened.versions
    if as_document:
        document({"before": before, "after": after})
    else:
        say(f"the schema is at version {after}" + (f"; it was at {before}" if before != after else " already"))
