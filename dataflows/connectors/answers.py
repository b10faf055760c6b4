"""What an HTTP answer means: done, refused for good, refused for now.

Owns the table of statuses and the way each service may depart from it. Pure: it sees answers,
never sockets.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

__all__ = ["Answer", "Service", "Verdict", "judge_by_status"]


class Verdict(Enum):
    """What an answer means to whoever asked."""

    DONE = "done"
    REFUSED = "refused for good"
    UNAUTHENTICATED = "not let in"
    FAILED = "failed, may work later"
    LIMITED = "told to wait"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer; the names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        """The content type without its parameters, in lower case; "" if there is none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def json(self) -> Any:
        """The body as JSON, None where there is no body.

        :raises ValueError: the body is not JSON.
        """
        try:
            return json.loads(self.body) if self.body else None
        except RecursionError:
            raise ValueError("the JSON is nested too deeply") from None

    def fields(self) -> dict[str, Any]:
        """The body's fields where it is a JSON object, else none."""
        try:
            content = self.json()
        except ValueError:
            return {}
        return content if isinstance(content, dict) else {}


VERDICTS: Mapping[int, Verdict] = {
    401: Verdict.UNAUTHENTICATED,
    403: Verdict.UNAUTHENTICATED,
    407: Verdict.UNAUTHENTICATED,
    408: Verdict.FAILED,
    425: Verdict.FAILED,
    429: Verdict.LIMITED,
    501: Verdict.REFUSED,
    505: Verdict.REFUSED,
}
"""Statuses that differ from what their hundred says."""

VERDICTS_OF_HUNDREDS: Mapping[int, Verdict] = {
    2: Verdict.DONE,
    3: Verdict.REFUSED,  # a redirect could carry the credential to another host
    4: Verdict.REFUSED,
    5: Verdict.FAILED,
}


def judge_by_status(answer: Answer) -> Verdict:
    """What the status alone says; a status that HTTP does not define is a failure."""
    by_hundred = VERDICTS_OF_HUNDREDS.get(answer.status // 100, Verdict.FAILED)
    return VERDICTS.get(answer.status, by_hundred)


def explain_nothing(answer: Answer) -> tuple[str | None, str]:
    """For services whose error bodies have no known form."""
    return None, ""


@dataclass(frozen=True, slots=True)
class Service:
    """How one service speaks.

    :ivar name: for messages.
    :ivar judge: what an answer of it means.
    :ivar explain: the service's own code for an error, or None, and its text, from an answer.
    :ivar usual_wait: seconds to wait where it limits and does not say how long.
    :ivar longest_wait: seconds beyond which no demand to wait is believed.
    """

    name: str
    judge: Callable[[Answer], Verdict] = judge_by_status
    explain: Callable[[Answer], tuple[str | None, str]] = explain_nothing
    usual_wait: float = 60.0
    longest_wait: float = 3600.0
