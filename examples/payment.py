"""An order waits for its payment; the bank knows the order's number, and nothing of workflows.

``python -m examples.payment`` runs two orders: one is paid, for the other nobody pays in time.
"""

from __future__ import annotations

from dataclasses import dataclass

from dataflows import Duration, Flow, step, wait, workflow
from examples.telling import new_id, tell
from interpreter import Scheduler


@dataclass(frozen=True)
class Payment:
    """What the bank's notification says."""

    reference: str
    amount: int


@workflow("invoice")
def invoice(order_number: str, amount: int, patience: Duration = "14d") -> Flow[str]:
    """Send the invoice, and wait for as many payments as it takes; any of them may have come before."""
    yield from step("send-invoice", send_mail, order_number, f"please pay {amount}")
    paid = 0
    while paid < amount:
        payment = yield from wait("payment", Payment, key=order_number, timeout=patience, default=None)
        if payment is None:
            yield from step("cancel", send_mail, order_number, f"{amount - paid} is missing, and nothing is sent")
            return f"cancelled, {paid} of {amount} paid"
        paid += payment.amount
    yield from step("thank", send_mail, order_number, f"{paid} received, thank you")
    return "paid"


def send_mail(order_number: str, text: str) -> None:
    """What stands here for a mail server."""
    print(f"about {order_number}: {text}")


def bank_notifies(scheduler: Scheduler, transfer: str, reference: str, amount: int) -> None:
    """What the bank's web hook calls, perhaps twice; the reference on the transfer is all that leads to the order."""
    payment = {"reference": reference, "amount": amount}
    scheduler.emit("payment", payment, key=reference, id=transfer)


def main() -> None:
    """One order is paid in two parts, the first of which comes before anybody waits for it, and comes twice."""
    number = f"order-{new_id()}"
    with Scheduler() as scheduler:
        for _ in range(2):
            bank_notifies(scheduler, "transfer-1", number, 30)
        paid = scheduler.start(invoice, number, 50)
        bank_notifies(scheduler, "transfer-2", number, 20)
        tell("an order that is paid", paid)
        tell("one that is not", scheduler.start(invoice, f"order-{new_id()}", 70, "500ms"))


if __name__ == "__main__":
    main()
