"""From an answer that is no success, or no answer at all, to the error that a step raises.

Owns the messages, and the decision whether a repeat is harmless. Pure.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from dataflows.connectors.answers import Answer, Service, Verdict
from dataflows.connectors.exchange import Fault, Request
from dataflows.connectors.waits import wait_asked
from dataflows.errors import AuthenticationFailed, PermanentError, RateLimited, RetryAfter, TransientError

__all__ = ["Refusal", "never_answered", "not_json", "refused", "spread"]

NEVER = math.inf
TEXT_SHOWN = 300
ADVICE = {Verdict.UNAUTHENTICATED: "; check the token, what it may do, and when it expires"}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that came to nothing.

    :ivar error: what the step is to raise.
    :ivar repeat_after: seconds after which the request may be sent again as it is; ``NEVER`` where
        that could do something twice, or is of no use.
    """

    error: Exception
    repeat_after: float = NEVER


def refused(service: Service, request: Request, answer: Answer, verdict: Verdict) -> Refusal:
    """What an answer comes to that is not ``DONE``."""
    message, code = _describe(service, request, answer, verdict)
    if verdict is Verdict.LIMITED:
        return _told_to_wait(service, wait_asked(answer), message)
    if verdict is Verdict.FAILED:
        return _failed(service, request, answer, TransientError(message, answer.status, code, not request.is_safe))
    kind = AuthenticationFailed if verdict is Verdict.UNAUTHENTICATED else PermanentError
    return Refusal(kind(message, answer.status, code), 0.0 if answer.status in request.look_again else NEVER)


def never_answered(service: Service, request: Request, fault: Fault) -> Refusal:
    """What it comes to if no whole answer came; one that was never sent may be repeated."""
    message = f"{service.name}: {request} got no answer ({fault.reason})"
    outcome_unknown = fault.was_sent and not request.is_safe
    return Refusal(TransientError(message, outcome_unknown=outcome_unknown), NEVER if fault.was_sent else 0.0)


def not_json(service: Service, request: Request, answer: Answer) -> Refusal:
    """What a success comes to whose body cannot be read."""
    kind = answer.media_type or "no content type"
    message = f"{service.name}: {request} answered {answer.status}, but the body ({kind}) is not whole JSON"
    return Refusal(TransientError(message, answer.status, outcome_unknown=not request.is_safe))


def spread(seconds: float, service: Service) -> float:
    """The wait with up to a second added, so that those who were limited together do not return together."""
    return min(max(seconds, 1.0) + random.random(), service.longest_wait)


def _told_to_wait(service: Service, asked: float | None, message: str) -> Refusal:
    seconds = service.usual_wait if asked is None else min(asked, service.longest_wait)
    return Refusal(RateLimited(spread(seconds, service), message), seconds)


def _failed(service: Service, request: Request, answer: Answer, error: TransientError) -> Refusal:
    seconds = wait_asked(answer) if "retry-after" in answer.headers else None
    if seconds is None:
        return Refusal(error)
    return Refusal(RetryAfter(spread(seconds, service), error.message), seconds if request.is_safe else NEVER)


def _describe(service: Service, request: Request, answer: Answer, verdict: Verdict) -> tuple[str, str | None]:
    code, text = service.explain(answer)
    words = (text,) if code and text.startswith(code) else (code, text)
    told = ": ".join(word[:TEXT_SHOWN] for word in words if word) or _bare_words(answer)
    return f"{service.name}: {request} answered {answer.status}, {told}{ADVICE.get(verdict, '')}", code


def _bare_words(answer: Answer) -> str:
    location = answer.headers.get("location")
    if location and answer.status // 100 == 3:
        return f"a redirect to {location[:TEXT_SHOWN]}, which is not followed, lest the token go with it"
    return f"with {answer.media_type or 'no'} content"
