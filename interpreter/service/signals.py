"""Messages: a signal to one execution, an event to whoever waits for its key.

Owns what a request to send one is made of. Payloads are JSON, and are stored as that.
"""

from __future__ import annotations

from starlette.responses import Response

from interpreter.service.answers import accepted
from interpreter.service.call import Call
from interpreter.service.ended import telling_ended
from interpreter.service.problems import Problem

__all__ = ["emit", "send_signal"]


async def send_signal(call: Call) -> Response:
    """Send one; the body is its payload. Sent twice under one Idempotency-Key it arrives once."""
    call.query()
    id, name, key = call.name("id"), call.name("signal"), call.idempotency_key()
    payload = await call.body()
    async with telling_ended(call, id):
        sent = await call.desk.send_signal(id, name, payload, id=key)
    return accepted({"id": id, "signal": name, "new": sent.is_new, "waits_for": sent.waits_for}, call.location(id))


async def emit(call: Call) -> Response:
    """Emit one: each execution that stands at a wait of this name and key goes on; else it is kept."""
    call.query()
    key = call.idempotency_key()
    members = await call.members("name", "key", "payload", "keep")
    name, of = members.text("name"), members.text("key")
    if name is None or of is None:
        raise Problem("invalid", "An event has a name and a key.")
    keep = members.duration("keep") if "keep" in members else "7d"
    woken = await call.desk.emit(name, members.value("payload"), key=of, id=key, keep=keep)
    return accepted({"name": name, "key": of, "woken": woken})
