"""Somebody is asked to decide, reminded after two days, and after three more their manager is asked too.

``python -m examples.approval`` runs it with patience for fractions of a second.
"""

from __future__ import annotations

from dataclasses import dataclass

from dataflows import Duration, Flow, cancel, fork, sleep, step, wait, workflow
from examples.telling import new_id, tell
from interpreter import Scheduler


@dataclass(frozen=True)
class Decision:
    """The payload of the signal ``decision``."""

    by: str
    approved: bool


@dataclass(frozen=True)
class Request:
    """Who is asked, what for, and who is asked if they do not answer."""

    id: str
    subject: str
    reviewer: str
    manager: str


NOBODY = Decision("nobody", approved=False)


@workflow("approval")
def approval(
    request: Request, remind: Duration = "2d", escalate: Duration = "3d", give_up: Duration = "30d"
) -> Flow[Decision]:
    """Whoever decides first decides; if nobody does, the answer is no."""
    yield from step("ask", send_mail, request.reviewer, f"please decide: {request.subject}")
    nagging = yield from fork(nag(request, remind, escalate))
    decision = yield from wait("decision", Decision, timeout=give_up, default=NOBODY)
    yield from cancel(nagging)
    verdict = "approved" if decision.approved else "rejected"
    yield from step("tell", send_mail, request.reviewer, f"{request.subject}: {verdict} by {decision.by}")
    return decision


def nag(request: Request, remind: Duration, escalate: Duration) -> Flow[None]:
    """Runs beside the wait, and is cancelled when there is a decision."""
    yield from sleep("patience", remind)
    yield from step("remind", send_mail, request.reviewer, f"still open: {request.subject}")
    yield from sleep("more-patience", escalate)
    yield from step("escalate", send_mail, request.manager, f"{request.reviewer} does not decide: {request.subject}")


def send_mail(recipient: str, text: str) -> None:
    """What stands here for a mail server."""
    print(f"to {recipient}: {text}")


def main() -> None:
    """One request that is decided at once, and one that nobody looks at until it gets to the manager."""
    with Scheduler() as scheduler:
        quick = scheduler.start(approval, Request(new_id(), "a new chair", "Ada", "Grace"))
        quick.signal("decision", {"by": "Ada", "approved": True})
        tell("decided at once", quick)
        slow = scheduler.start(approval, Request(new_id(), "a new desk", "Ada", "Grace"), "300ms", "300ms", "1s")
        tell("decided by nobody", slow)


if __name__ == "__main__":
    main()
