"""The order saga: whatever happens, nobody pays for nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dataflows import Error, Flow, Value, step
from dataflows.recipes import Undo, saga
from examples import order_saga as example
from examples.order_saga import Declined, Order, Shop, SoldOut, charge, order_saga, refund, ship
from interpreter import Status
from interpreter.testing import NEVER, Simulation, crash_everywhere, explore, in_turn, simulate

LAMP = Order("A-1", "lamp", 30)
WELL: dict[str, Any] = dict.fromkeys(("reserve", "charge", "release", "refund", "recall")) | {"ship": "parcel 7"}
ALL_THAT_MAY_HAPPEN: dict[str, Any] = {
    "reserve": [None, SoldOut],
    "charge": [None, Declined],
    "ship": ["parcel 7"],
    "release": [None],
    "refund": [None],
    "recall": [None],
}


def names(simulation: Simulation[Any]) -> list[str]:
    return [call.name for call in simulation.steps]


def was_done(simulation: Simulation[Any], name: str) -> bool:
    return any(isinstance(call.outcome, Value) for call in simulation.calls(name))


def may_have_been_done(simulation: Simulation[Any], name: str) -> bool:
    """Also one that was cut off: nobody knows how far it had come."""
    return any(not isinstance(call.outcome, Error) for call in simulation.calls(name))


def every_charge_is_shipped_or_refunded(simulation: Simulation[Any]) -> None:
    if may_have_been_done(simulation, "charge"):
        assert was_done(simulation, "ship") != was_done(simulation, "refund"), "paid for nothing, or not at all"


def test_whatever_happens_every_charge_is_shipped_or_refunded() -> None:
    exploration = explore(
        order_saga,
        LAMP,
        steps=ALL_THAT_MAY_HAPPEN,
        waits={"packed": [None]},
        invariant=every_charge_is_shipped_or_refunded,
    )
    assert exploration.is_complete


def careless(undo: Undo) -> Flow[str]:
    """It notes what undoes a charge when it knows of the charge, as one might."""
    yield from step("charge", charge, LAMP)
    undo(step("refund", refund, LAMP))
    return (yield from step("ship", ship, LAMP))


def test_a_refund_that_is_noted_after_the_charge_is_forgotten_if_the_charge_is_cut_off() -> None:
    def order() -> Flow[str]:
        return (yield from saga(careless))

    with pytest.raises(AssertionError, match=r"paid for nothing(.*\n)*.*cancel requested\n.*step charge stopped"):
        explore(order, steps=ALL_THAT_MAY_HAPPEN, invariant=every_charge_is_shipped_or_refunded)


def test_an_order_that_goes_well_may_be_crashed_anywhere() -> None:
    simulation = crash_everywhere(order_saga, LAMP, steps=WELL, waits={"packed": None})
    assert simulation.result == "shipped as parcel 7"
    assert names(simulation) == ["reserve", "charge", "ship"]


def test_what_cannot_be_paid_is_undone_last_first() -> None:
    simulation = crash_everywhere(order_saga, LAMP, steps=WELL | {"charge": Declined})
    assert simulation.result == "no deal: Declined"
    assert names(simulation) == ["reserve", "charge", "refund", "release"]


def test_a_bank_that_is_down_is_asked_for_the_refund_until_it_answers() -> None:
    steps = WELL | {"refund": in_turn(*[OSError] * 30, None)}
    simulation = simulate(order_saga, LAMP, steps=steps, cancel_at="1d")
    assert simulation.status is Status.CANCELLED
    assert names(simulation)[-2:] == ["refund", "release"]
    assert len(simulation.calls("refund")) == 31


def test_a_cancel_that_cuts_the_parcel_off_recalls_it() -> None:
    simulation = crash_everywhere(order_saga, LAMP, steps=WELL | {"ship": NEVER}, waits={"packed": None}, cancel_at=60)
    assert names(simulation)[-3:] == ["recall", "refund", "release"]


def test_each_step_may_run_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(example, "SHOP", Shop())
    for function in (example.reserve, charge, ship):
        assert function(LAMP) == function(LAMP)
    assert (example.SHOP.charged, example.SHOP.parcels) == ({"A-1": 30}, {"A-1": "parcel 1"})
    for undo in (example.recall, refund, example.release):
        undo(LAMP)
        undo(LAMP)
    assert Shop() == example.SHOP


def test_it_runs_for_real(story: Callable[[str], str]) -> None:
    told = story("order_saga")
    assert "an order that goes well: shipped as parcel 1\n" in told
    assert "one that is too dear: no deal: Declined\n" in told
    assert "one that its customer cancels: cancelled\n" in told
    assert told.endswith("charged [30], sent ['parcel 1']\n")
