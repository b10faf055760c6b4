"""What a person does about an execution, beside sending it messages."""

from __future__ import annotations

from dataflows.errors import NotFound
from interpreter.operations.looking import status
from interpreter.requests import Operation, Query

__all__ = ["resume"]


def resume(execution_id: str) -> Operation[None]:
    """Try a blocked execution again, from its journal, with the code that is now there.

    :raises NotFound: no such execution, or it is not blocked.
    """
    if not (yield Query("resume", {"id": execution_id}, notify="")):
        found = yield from status(execution_id)
        raise NotFound(f"execution {execution_id!r} is not blocked; it is {found}")
