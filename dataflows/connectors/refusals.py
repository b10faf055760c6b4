"""From an answer that is no success, or no answer at all, to the error that a step raises.

Owns the messages, and the decision whether a repeat is harmless. Pure.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from urllib.parse import urlsplit

from dataflows.connectors.answers import Answer
from dataflows.connectors.exchange import Fault
from dataflows.connectors.request import Request
from dataflows.connectors.verdicts import Service, Verdict
from dataflows.connectors.waits import wait_asked
from dataflows.errors import (
    AuthenticationFailed,
    ConnectorError,
    OutcomeUnknown,
    PermanentError,
    RateLimited,
    RetryAfter,
    TransientError,
)

__all__ = ["Refusal", "never_answered", "not_json", "refused", "spread"]

NEVER = math.inf
TEXT_SHOWN = 300
ADVICE = {Verdict.UNAUTHENTICATED: "; check the token, what it may do, and when it expires"}
MAY_HAVE_HAPPENED = (
    ". It may have been carried out all the same, so it is not sent again by itself: look at the service whether it "
    "was. To make the step safe to try again, send it with an idempotency key that the service honours, or look for "
    "what it creates before it creates it"
)


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
        return _told_to_wait(service, answer, message)
    if verdict is Verdict.FAILED:
        return _failed(service, request, answer, _lost(request, message, answer.status, code))
    if answer.status in request.not_yet:
        return Refusal(TransientError(message, answer.status, code, outcome_unknown=True))
    kind = AuthenticationFailed if verdict is Verdict.UNAUTHENTICATED else PermanentError
    return Refusal(kind(message, answer.status, code), 0.0 if answer.status in request.look_again else NEVER)


def never_answered(service: Service, request: Request, fault: Fault) -> Refusal:
    """What it comes to if no whole answer came; one that was never sent may be repeated."""
    message = f"{service.name}: {request} got no answer ({fault.reason})"
    if fault.was_sent:
        return Refusal(_lost(request, message))
    return Refusal(TransientError(message), 0.0)


def not_json(service: Service, request: Request, answer: Answer) -> ConnectorError:
    """What a success comes to whose body cannot be read."""
    kind = answer.media_type or "no content type"
    message = f"{service.name}: {request} answered {answer.status}, but the body ({kind}) is not whole JSON"
    return _lost(request, message, answer.status)


def spread(seconds: float, service: Service) -> float:
    """The wait with up to a second added, so that those who were limited together do not return together."""
    return min(max(seconds, 1.0) + random.random(), service.longest_wait)


def _lost(request: Request, message: str, status: int | None = None, code: str | None = None) -> ConnectorError:
    """The error of a request that was sent, and of which nobody knows what became."""
    if request.may_be_tried_again:
        return TransientError(message, status, code, outcome_unknown=not request.may_be_repeated)
    return OutcomeUnknown(message + MAY_HAVE_HAPPENED, status, code)


def _told_to_wait(service: Service, answer: Answer, message: str) -> Refusal:
    asked = wait_asked(answer)
    if asked is None:
        asked = service.wait_in_body(answer)
    seconds = service.usual_wait if asked is None else min(asked, service.longest_wait)
    return Refusal(RateLimited(spread(seconds, service), message), seconds)


def _failed(service: Service, request: Request, answer: Answer, error: ConnectorError) -> Refusal:
    seconds = wait_asked(answer) if "retry-after" in answer.headers else None
    if seconds is None or not request.may_be_tried_again:
        return Refusal(error)
    wait = RetryAfter(spread(seconds, service), error.message)
    return Refusal(wait, seconds if request.may_be_repeated else NEVER)


def _describe(service: Service, request: Request, answer: Answer, verdict: Verdict) -> tuple[str, str | None]:
    code, text = service.explain(answer)
    words = (text,) if code and text.startswith(code) else (code, text)
    told = ": ".join(word[:TEXT_SHOWN] for word in words if word) or _bare_words(answer)
    return f"{service.name}: {request} answered {answer.status}, {told}{ADVICE.get(verdict, '')}", code


def _bare_words(answer: Answer) -> str:
    location = answer.headers.get("location")
    if location and answer.status // 100 == 3:
        return f"a redirect to {_without_query(location)}, which is not followed, lest the token go with it"
    return f"with {answer.media_type or 'no'} content"


def _without_query(location: str) -> str:
    """An address as far as anybody may see it: what follows the path often lets its holder in."""
    try:
        parts = urlsplit(location)
    except ValueError:
        return "somewhere"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"[:TEXT_SHOWN]
