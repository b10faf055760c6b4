"""What an HTTP answer means: done, refused for good, refused for now.

Owns the table of statuses, and the way each service may depart from it. Pure: it sees answers,
never sockets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from dataflows.connectors.answers import Answer
from dataflows.connectors.waits import is_used_up

__all__ = ["Service", "Verdict", "judge_by_status"]


class Verdict(Enum):
    """What an answer means to whoever asked."""

    DONE = "done"
    REFUSED = "refused for good"
    UNAUTHENTICATED = "not let in"
    FAILED = "failed, may work later"
    LIMITED = "told to wait"


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
    """What the status says; one that HTTP does not define is a failure.

    A 403 that names a wait, or says that nothing is left of a limit, is that limit (GitHub's are).
    """
    if answer.status == 403 and ("retry-after" in answer.headers or is_used_up(answer)):
        return Verdict.LIMITED
    by_hundred = VERDICTS_OF_HUNDREDS.get(answer.status // 100, Verdict.FAILED)
    return VERDICTS.get(answer.status, by_hundred)


def explain_nothing(answer: Answer) -> tuple[str | None, str]:
    """For services whose error bodies have no known form."""
    return None, ""


def names_no_wait(answer: Answer) -> float | None:
    """For services that tell a wait in their headers, or not at all."""
    return None


@dataclass(frozen=True, slots=True)
class Service:
    """How one service speaks.

    :ivar name: for messages.
    :ivar judge: what an answer of it means.
    :ivar explain: the service's own code for an error, or None, and its text, from an answer.
    :ivar wait_in_body: seconds to wait that an answer tells in its body; asked where no header does.
    :ivar usual_wait: seconds to wait where it limits and does not say how long.
    :ivar longest_wait: seconds beyond which no demand to wait is believed.
    """

    name: str
    judge: Callable[[Answer], Verdict] = judge_by_status
    explain: Callable[[Answer], tuple[str | None, str]] = explain_nothing
    wait_in_body: Callable[[Answer], float | None] = names_no_wait
    usual_wait: float = 60.0
    longest_wait: float = 3600.0
