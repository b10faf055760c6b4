"""An execution that has ended and one that does not exist: two answers, where the verbs have one error.

Owns telling them apart.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dataflows.errors import NotFound
from interpreter.service.call import Call
from interpreter.service.problems import Problem

__all__ = ["telling_ended"]


@asynccontextmanager
async def telling_ended(call: Call, execution_id: str) -> AsyncIterator[None]:
    """Within, ``NotFound`` means that it does not exist, or that it takes no more.

    :raises NotFound: it does not exist.
    :raises Problem: it has ended.
    """
    try:
        yield
    except NotFound as error:
        await call.desk.status(execution_id)
        raise Problem("wrong-status", f"{error}.") from None
