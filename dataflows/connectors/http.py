"""The one HTTP layer under all connectors: short repeats, and a gate that rests a service.

Owns when a request is repeated here and when the wait is left to the engine, which holds no
thread while it waits. Knows no service: what an answer means is for the ``Service`` to say.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, NoReturn

from dataflows.connectors.answers import Answer, Service, Verdict
from dataflows.connectors.credentials import Secret, base_url
from dataflows.connectors.exchange import Exchange, Fault, Request
from dataflows.connectors.refusals import Refusal, never_answered, not_json, refused, spread
from dataflows.connectors.waits import rest_after
from dataflows.duration import Duration, to_timedelta
from dataflows.errors import RateLimited, TransientError

__all__ = ["Connection", "Gate", "Request"]

PATIENCE = 5.0
"""Seconds that one request may wait here, all its repeats together; a longer wait is the engine's."""

BACKOFF = (0.2, 0.8)
"""The least number of seconds before each repeat; so many repeats there are."""


class Gate:
    """Until when a service asked to be left in peace, by a monotonic clock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._opens_at = -math.inf
        self._lock = threading.Lock()

    def close_for(self, seconds: float) -> None:
        """Stay closed at least this long from now."""
        with self._lock:
            self._opens_at = max(self._opens_at, self._clock() + seconds)

    def seconds_left(self) -> float:
        """How long it stays closed; 0 if it is open."""
        return max(0.0, self._opens_at - self._clock())


class Connection:
    """One service, reached with one credential. Threads may share it; it cannot be pickled.

    :param url: the address under which the service's paths begin.
    :param headers: sent with every request.
    :param secrets: replaced by stars in whatever comes back.
    :param timeout: how long an answer may be silent.
    :param pause: sleeps that many seconds.
    :param gate: until when the service is to be left in peace; one of its own if None.
    :raises ValueError: ``url`` is no http(s) address, or holds a password.
    :raises PermanentError: the HTTP client is not installed.
    """

    def __init__(
        self,
        service: Service,
        url: str,
        headers: Mapping[str, str],
        secrets: Collection[Secret] = (),
        *,
        timeout: Duration = "60s",
        pause: Callable[[float], None] = time.sleep,
        gate: Gate | None = None,
    ) -> None:
        self.url = base_url(url)
        self._service = service
        self._pause = pause
        self._gate = gate or Gate()
        self._exchange = Exchange(self.url, headers, secrets, to_timedelta(timeout).total_seconds())

    def __reduce__(self) -> NoReturn:
        raise TypeError("a connection holds a credential and is never stored; build it where the step runs")

    def ask(self, request: Request) -> dict[str, Any]:
        """As ``send``, where the answer must be a JSON object.

        :raises TransientError: also where it is not.
        """
        content = self.send(request)
        if not isinstance(content, dict):
            message = f"{self._service.name}: {request} answered no JSON object, but {type(content).__name__}"
            raise TransientError(message, outcome_unknown=not request.is_safe)
        return content

    def send(self, request: Request) -> Any:
        """Send a request and return the JSON of its answer, None if that is empty.

        It is repeated here, within ``PATIENCE``, only where it surely was not carried out, or
        where a safe one was told to wait. An unsafe one is never repeated blindly.

        :raises RetryAfter: the service asks for a longer wait; ``RateLimited`` where a limit is used up.
        :raises PermanentError: the service refused; ``AuthenticationFailed`` where it let nobody in.
        :raises TransientError: the service was not reached, or failed.
        """
        patience, leasts = PATIENCE, iter(BACKOFF)
        while True:
            patience -= self._pass_gate(patience)
            result = self._try(request)
            if not isinstance(result, Refusal):
                return result
            pause = max(result.repeat_after, next(leasts, math.inf))
            if pause > patience:
                raise result.error
            self._pause(pause)
            patience -= pause

    def _pass_gate(self, patience: float) -> float:
        seconds = self._gate.seconds_left()
        if seconds > patience:
            message = f"{self._service.name} asked not to be called for now"
            raise RateLimited(spread(seconds, self._service), message)
        if seconds:
            self._pause(seconds)
        return seconds

    def _try(self, request: Request) -> Any:
        answer = self._exchange.send(request)
        if isinstance(answer, Fault):
            return never_answered(self._service, request, answer)
        verdict = self._service.judge(answer)
        if verdict is Verdict.DONE:
            return self._take(request, answer)
        refusal = refused(self._service, request, answer, verdict)
        if verdict is Verdict.LIMITED:
            self._gate.close_for(refusal.repeat_after)
        return refusal

    def _take(self, request: Request, answer: Answer) -> Any:
        self._gate.close_for(min(rest_after(answer), self._service.longest_wait))
        try:
            return answer.json()
        except ValueError:
            return not_json(self._service, request, answer)
