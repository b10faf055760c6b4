"""Whether the process lives, and whether it can do its work.

Owns two answers for whoever watches it. They say nothing else, so anybody may ask.
"""

from __future__ import annotations

from starlette.responses import Response

from interpreter.service.answers import answer
from interpreter.service.call import Call

__all__ = ["is_alive", "is_ready"]


async def is_alive(call: Call) -> Response:
    """It answers."""
    return answer({"status": "alive"})


async def is_ready(call: Call) -> Response:
    """So does its database; 503 if that does not."""
    await call.desk.look_whether_it_answers()
    return answer({"status": "ready"})
