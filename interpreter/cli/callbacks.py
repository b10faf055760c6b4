"""``dataflows callbacks``: what an execution has asked outside, and where that is answered.

Owns its words. It shows the addresses whole, so that one can be sent again: whoever has one may answer.
"""

from __future__ import annotations

from interpreter.cli.options import AsDocument, DatabaseOption, ExecutionId
from interpreter.cli.output import listing
from interpreter.cli.tables import callback_table
from interpreter.client import Client

__all__ = ["callbacks"]


def callbacks(id: ExecutionId, *, database: DatabaseOption = None, as_document: AsDocument = False) -> None:
    """List the callbacks of an execution, the newest first, with the URLs at which they are answered.

    Whoever has the URL of one that is open may answer it; `show` does not tell them.
    """
    with Client(database) as client:
        found = client.callbacks(id)
    listing(found, as_document, callback_table, f"execution {id!r} has opened no callback")
