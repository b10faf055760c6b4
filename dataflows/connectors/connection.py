"""The one way from a connector to its service: short repeats, and a gate that rests the service.

Owns when a request is repeated here and when the wait is left to the engine, which holds no
thread while it waits. Knows no service: what an answer means is for the ``Service`` to say.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, NoReturn

from dataflows.connectors.answers import Answer
from dataflows.connectors.credentials import SecretHeader, base_url
from dataflows.connectors.exchange import Exchange, Fault
from dataflows.connectors.gate import Gate
from dataflows.connectors.refusals import Refusal, never_answered, not_json, refused, spread
from dataflows.connectors.request import Request
from dataflows.connectors.verdicts import Service, Verdict
from dataflows.connectors.waits import rest_after
from dataflows.duration import Duration, to_timedelta
from dataflows.errors import ConnectorError, RateLimited, TransientError

__all__ = ["Connection"]

PATIENCE = 5.0
"""Seconds that one request may wait here, all its repeats together; a longer wait is the engine's."""

BACKOFF = (0.2, 0.8)
"""The least number of seconds before each repeat; so many repeats there are."""


class Connection:
    """One service, reached with one credential. Threads may share it; it cannot be pickled.

    :param url: the address under which the service's paths begin.
    :param headers: sent with every request.
    :param credentials: sent too; their secrets are replaced by stars in whatever comes back.
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
        credentials: Collection[SecretHeader] = (),
        *,
        timeout: Duration = "60s",
        pause: Callable[[float], None] = time.sleep,
        gate: Gate | None = None,
    ) -> None:
        self.url = base_url(url)
        self._service = service
        self._pause = pause
        self._gate = gate or Gate()
        self._exchange = Exchange(self.url, headers, credentials, to_timedelta(timeout).total_seconds())

    def __reduce__(self) -> NoReturn:
        raise TypeError("a connection holds a credential and is never stored; build it where the step runs")

    def ask(self, request: Request) -> dict[str, Any]:
        """As ``send``, where the answer must be a JSON object.

        :raises TransientError: also where it is not.
        """
        content = self.send(request)
        if not isinstance(content, dict):
            message = f"{self._service.name}: {request} answered no JSON object, but {type(content).__name__}"
            raise TransientError(message, outcome_unknown=not request.may_be_repeated)
        return content

    def send(self, request: Request) -> Any:
        """As ``answer_to``, and return the JSON of the answer, None if that is empty.

        :raises ConnectorError: also where it is not JSON.
        """
        answer = self.answer_to(request)
        error: ConnectorError
        try:
            return answer.json()
        except ValueError:
            error = not_json(self._service, request, answer)
        raise error

    def answer_to(self, request: Request) -> Answer:
        """Send a request and return its answer, which is a success.

        It is repeated here, within ``PATIENCE``, only where it surely was not carried out, or
        where to do it twice does no harm. Another one is never repeated blindly.

        :raises RetryAfter: the service asks for a longer wait; ``RateLimited`` where a limit is used up.
        :raises PermanentError: the service refused; ``AuthenticationFailed`` where it let nobody in.
        :raises TransientError: the service was not reached, or failed; the step may be tried again.
        :raises OutcomeUnknown: the same, but nobody may send the request again without a look.
        """
        patience, leasts = PATIENCE, iter(BACKOFF)
        while True:
            patience -= self._pass_gate(patience)
            result = self._try(request)
            if isinstance(result, Answer):
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

    def _try(self, request: Request) -> Answer | Refusal:
        answer = self._exchange.send(request)
        if isinstance(answer, Fault):
            return never_answered(self._service, request, answer)
        verdict = self._service.judge(answer)
        if verdict is Verdict.DONE:
            self._gate.close_for(min(rest_after(answer), self._service.longest_wait))
            return answer
        refusal = refused(self._service, request, answer, verdict)
        if verdict is Verdict.LIMITED:
            self._gate.close_for(refusal.repeat_after)
        return refusal
