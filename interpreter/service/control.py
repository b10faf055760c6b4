"""What people do to an execution: cancel, terminate, pause, resume, retry, fork, delete.

Owns how the answers of these verbs look. Each may be asked for again at any time.
"""

from __future__ import annotations

from starlette.responses import Response

from dataflows.errors import NotFound
from interpreter.service.answers import accepted, answer
from interpreter.service.call import Call
from interpreter.service.ended import telling_ended

__all__ = ["cancel", "delete", "fork", "pause", "resume", "retry", "terminate"]


async def cancel(call: Call) -> Response:
    """Ask it to cancel; its cleanup runs."""
    id = await _id(call)
    async with telling_ended(call, id):
        return accepted({"id": id, "new": await call.desk.cancel(id)}, call.location(id))


async def terminate(call: Call) -> Response:
    """End it and its children at once."""
    id = await _id(call)
    ended = await call.desk.terminate(id)
    return answer({"id": id, "new": bool(ended), "ended": ended})


async def pause(call: Call) -> Response:
    """Begin nothing further of it."""
    id = await _id(call)
    async with telling_ended(call, id):
        return answer({"id": id, "new": await call.desk.pause(id)})


async def resume(call: Call) -> Response:
    """Let it go on."""
    id = await _id(call)
    async with telling_ended(call, id):
        return answer({"id": id, "new": await call.desk.resume(id)})


async def retry(call: Call) -> Response:
    """Let a failed or blocked one go on from where it failed, or from the position that is named."""
    call.query()
    id, members = call.name("id"), await call.members("position")
    return accepted({"id": id, "new": await call.desk.retry(id, members.position("position"))}, call.location(id))


async def fork(call: Call) -> Response:
    """Start a new one with the first part of its history."""
    call.query()
    id, key = call.name("id"), call.idempotency_key()
    members = await call.members("position", "id", "version")
    version, new_id = members.whole("version"), members.text("id") or key
    forked = await call.desk.fork(id, members.position("position"), id=new_id, version=version)
    return accepted({"id": forked, "of": id}, call.location(forked))


async def delete(call: Call) -> Response:
    """Delete one that has ended."""
    id = await _id(call)
    if not await call.desk.delete(id):
        raise NotFound(f"execution {id!r} does not exist")
    return Response(status_code=204)


async def _id(call: Call) -> str:
    """The execution that is meant; the body has nothing to say."""
    call.query()
    id = call.name("id")
    await call.members()
    return id
