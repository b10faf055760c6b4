"""Somebody is asked to decide on a page, reminded after two days, and after three more their manager is asked too.

``python -m examples.approval`` runs it with patience for fractions of a second, and answers in the place of a person;
``dataflows serve examples.approval``, on the same database, shows the page behind the link.
"""

from __future__ import annotations

from dataclasses import dataclass

from dataflows import Answer, Duration, Flow, callback, cancel, fork, sleep, step, wait, workflow
from examples.telling import new_id, tell
from interpreter import Scheduler


@dataclass(frozen=True)
class Request:
    """Who is asked, what for, and who is asked if they do not answer."""

    id: str
    subject: str
    reviewer: str
    manager: str


NOBODY = Answer("reject", "nobody has decided")


@workflow("approval")
def approval(
    request: Request, remind: Duration = "2d", escalate: Duration = "3d", give_up: Duration = "30d"
) -> Flow[Answer]:
    """Whoever decides first decides; if nobody does, the answer is no."""
    url = yield from callback("decision", title=f"May we have {request.subject}?", valid_for=give_up)
    yield from step("ask", send_mail, request.reviewer, f"please decide on {request.subject}: {url}")
    nagging = yield from fork(nag(request, url, remind, escalate))
    decision = yield from wait("decision", Answer, timeout=give_up, default=NOBODY)
    yield from cancel(nagging)
    verdict = f"{decision.choice} ({decision.comment})" if decision.comment else decision.choice
    yield from step("tell", send_mail, request.reviewer, f"{request.subject}: {verdict}")
    return decision


def nag(request: Request, url: str, remind: Duration, escalate: Duration) -> Flow[None]:
    """Runs beside the wait, and is cancelled when there is a decision."""
    yield from sleep("patience", remind)
    yield from step("remind", send_mail, request.reviewer, f"still open, {request.subject}: {url}")
    yield from sleep("more-patience", escalate)
    undecided = f"{request.reviewer} does not decide on {request.subject}: {url}"
    yield from step("escalate", send_mail, request.manager, undecided)


def send_mail(recipient: str, text: str) -> None:
    """What stands here for a mail server."""
    print(f"to {recipient}: {text}")


def main() -> None:
    """One request that is decided at once, and one that nobody looks at until it gets to the manager."""
    with Scheduler(public_url="http://localhost:8787") as scheduler:
        quick = scheduler.start(approval, Request(new_id(), "a new chair", "Ada", "Grace"))
        quick.signal("decision", {"choice": "approve", "comment": "a good one"})  # as the page does
        tell("decided at once", quick)
        slow = scheduler.start(approval, Request(new_id(), "a new desk", "Ada", "Grace"), "300ms", "300ms", "1s")
        tell("decided by nobody", slow)


if __name__ == "__main__":
    main()
