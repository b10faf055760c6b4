"""The payment: it finds its order by the number that both know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from examples.payment import invoice
from interpreter import Status
from interpreter.testing import Simulation, crash_everywhere, explore, simulate


def payment(reference: str, amount: int) -> dict[str, Any]:
    return {"reference": reference, "amount": amount}


def names(simulation: Simulation[Any]) -> list[str]:
    return [call.name for call in simulation.steps]


def test_an_order_takes_the_payment_with_its_number_and_no_other() -> None:
    signals = [("payment", payment("A-2", 50), "1d", "A-2"), ("payment", payment("A-1", 50), "2d", "A-1")]
    simulation = crash_everywhere(invoice, "A-1", 50, otherwise=None, signals=signals)
    assert simulation.result == "paid"
    assert simulation.calls("thank")[0].args == ("A-1", "50 received, thank you")
    assert simulation.elapsed.days == 2


def test_without_a_key_it_is_no_payment_of_this_order() -> None:
    simulation = simulate(invoice, "A-1", 50, otherwise=None, signals=[("payment", payment("A-1", 50), "1d")])
    assert simulation.result == "cancelled, 0 of 50 paid"


def test_it_may_be_paid_in_parts() -> None:
    signals = [("payment", payment("A-1", part), after, "A-1") for part, after in ((20, "1d"), (30, "10d"))]
    assert crash_everywhere(invoice, "A-1", 50, otherwise=None, signals=signals).result == "paid"


def test_who_does_not_pay_gets_nothing() -> None:
    signals = [("payment", payment("A-1", 20), "13d", "A-1")]
    simulation = crash_everywhere(invoice, "A-1", 50, otherwise=None, signals=signals)
    assert simulation.result == "cancelled, 20 of 50 paid"
    assert simulation.elapsed.days == 27
    assert names(simulation) == ["send-invoice", "cancel"]


def test_it_can_be_called_off() -> None:
    simulation = crash_everywhere(invoice, "A-1", 50, otherwise=None, cancel_at="1d")
    assert simulation.status is Status.CANCELLED


def test_whatever_is_paid_who_is_thanked_has_paid_enough() -> None:
    def thanked_for_enough(simulation: Simulation[str]) -> None:
        received = sum(entry.fact.payload["amount"] for entry in simulation.journal if hasattr(entry.fact, "payload"))
        if simulation.error is None:
            assert (simulation.result == "paid") == (received >= 50) == ("thank" in names(simulation))

    parts = [payment("A-1", amount) for amount in (10, 49, 60)]
    exploration = explore(
        invoice, "A-1", 50, otherwise=[None], waits={"payment": parts}, invariant=thanked_for_enough, bound=2_000
    )
    assert exploration.is_complete


def test_it_runs_for_real(story: Callable[[str], str]) -> None:
    told = story("payment")
    assert "an order that is paid: paid\n" in told
    assert "50 received, thank you\n" in told
    assert "one that is not: cancelled, 0 of 70 paid\n" in told
