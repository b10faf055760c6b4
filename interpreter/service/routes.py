"""What is served where, and for whom: the one table.

Owns the paths. Each resource has a module of its own, and ``openapi`` says the same in OpenAPI's words.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from starlette.responses import Response

from interpreter.service import (
    callbacks,
    control,
    deliveries,
    events_stream,
    executions,
    health,
    hooks,
    openapi,
    schedules,
    shared_limits,
    signals,
    starting,
)
from interpreter.service.call import Call
from interpreter.service.security import Access

__all__ = ["ROUTES", "Endpoint"]


class Endpoint(NamedTuple):
    """A method on a path; ``{id:name}`` is one segment of it."""

    method: str
    path: str
    answer: Callable[[Call], Awaitable[Response]]
    access: Access


_READING, _WRITING = Access.READING, Access.WRITING
_HOLDING = Access.HOLDING
_CALLBACK = "/callbacks/{token:name}"
_ONE = "/api/executions/{id:name}"
_HOOKS = ("/hooks/{source:name}", "/hooks/{source:name}/{name:name}")
_SCHEDULE = "/api/schedules/{workflow:name}"
_DELIVERY = "/api/deliveries/{source:name}/{delivery:name}"

ROUTES = (
    # Who delivers proves that by the source's own means: it knows no token, and is no page. These come first, since
    # routes are tried one after the other, and nothing comes in as often.
    *(Endpoint(method, path, hooks.receive_delivery, Access.PROBING) for path in _HOOKS for method in hooks.METHODS),
    Endpoint("GET", _CALLBACK, callbacks.show_question, _HOLDING),
    Endpoint("POST", _CALLBACK, callbacks.answer_question, _HOLDING),
    Endpoint("GET", "/healthz", health.is_alive, Access.PROBING),
    Endpoint("GET", "/readyz", health.is_ready, Access.PROBING),
    Endpoint("GET", "/openapi.json", openapi.show, Access.ANYBODY),
    Endpoint("GET", "/api/workflows", starting.list_workflows, _READING),
    Endpoint("POST", "/api/workflows/{workflow:name}/executions", starting.start_execution, _WRITING),
    Endpoint("GET", "/api/executions", executions.list_executions, _READING),
    Endpoint("GET", _ONE, executions.show_execution, _READING),
    Endpoint("DELETE", _ONE, control.delete, _WRITING),
    Endpoint("GET", f"{_ONE}/history", executions.show_history, _READING),
    Endpoint("GET", f"{_ONE}/result", executions.show_result, _READING),
    Endpoint("GET", f"{_ONE}/events", events_stream.follow, _READING),
    Endpoint("POST", f"{_ONE}/signals/{{signal:name}}", signals.send_signal, _WRITING),
    Endpoint("POST", f"{_ONE}/cancel", control.cancel, _WRITING),
    Endpoint("POST", f"{_ONE}/terminate", control.terminate, _WRITING),
    Endpoint("POST", f"{_ONE}/pause", control.pause, _WRITING),
    Endpoint("POST", f"{_ONE}/resume", control.resume, _WRITING),
    Endpoint("POST", f"{_ONE}/retry", control.retry, _WRITING),
    Endpoint("POST", f"{_ONE}/fork", control.fork, _WRITING),
    Endpoint("GET", "/api/schedules", schedules.list_schedules, _READING),
    Endpoint("DELETE", _SCHEDULE, schedules.delete, _WRITING),
    Endpoint("POST", f"{_SCHEDULE}/pause", schedules.pause, _WRITING),
    Endpoint("POST", f"{_SCHEDULE}/resume", schedules.resume, _WRITING),
    Endpoint("POST", f"{_SCHEDULE}/trigger", schedules.trigger, _WRITING),
    Endpoint("POST", f"{_SCHEDULE}/backfill", schedules.backfill, _WRITING),
    Endpoint("POST", "/api/events", signals.emit, _WRITING),
    Endpoint("GET", "/api/deliveries", deliveries.list_deliveries, _READING),
    Endpoint("GET", _DELIVERY, deliveries.show_delivery, _READING),
    Endpoint("POST", f"{_DELIVERY}/replay", deliveries.replay, _WRITING),
    Endpoint("GET", "/api/limits", shared_limits.list_limits, _READING),
)
