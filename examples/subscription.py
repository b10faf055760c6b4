"""A subscription: a charge each month, for years, until the customer stops it or the card is declined.

``python -m examples.subscription`` runs one with months of a fifth of a second.
"""

from __future__ import annotations

import time

from dataflows import Duration, Flow, Retry, continue_as_new, publish, step, wait, workflow
from examples.telling import new_id, tell
from interpreter import Scheduler


class Declined(Exception):
    """The bank said no."""


@workflow("subscription", retry=Retry(never=(Declined,)))
def subscription(customer: str, month: int = 1, length: Duration = "30d") -> Flow[str]:
    """Answers why it ended. Each month begins with an empty journal, so none grows, however long the customer stays."""
    try:
        yield from step("charge", charge, customer, month)
    except Declined:
        yield from step("dun", send_mail, customer, f"month {month} could not be charged")
        return f"declined in month {month}"
    yield from publish("months-paid", month)
    reason = yield from wait("stop", str, timeout=length, default=None)
    if reason is not None:
        yield from step("goodbye", send_mail, customer, f"you have paid {month} months")
        return f"stopped in month {month}: {reason}"
    return (yield from continue_as_new(customer, month + 1, length))


# What stands here for a bank and a mail server.

PAID: dict[str, str] = {}
"""Receipts, by customer and month."""


def charge(customer: str, month: int) -> str:
    """The receipt: asked for twice, a month is charged once."""
    return PAID.setdefault(f"{customer}/{month}", f"receipt {len(PAID) + 1}")


def send_mail(recipient: str, text: str) -> None:
    """Printed, and not sent."""
    print(f"to {recipient}: {text}")


def main() -> None:
    """A customer who has enough after a second, and the journal of the last month, which is all that is left."""
    customer = f"customer-{new_id()}"
    with Scheduler() as scheduler:
        execution = scheduler.start(subscription, customer, 1, "200ms", id=f"subscription-{customer}")
        time.sleep(1)
        execution.signal("stop", "enough")
        tell("the subscription", execution)
    print("\n".join(f"{key}: {receipt}" for key, receipt in PAID.items()))


if __name__ == "__main__":
    main()
