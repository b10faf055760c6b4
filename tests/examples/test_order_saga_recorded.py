"""Execution '01a2086c-b68d-7da5-b1d9-a711839401b1' of workflow 'order-saga', from its journal: it was cancelled."""

from examples.order_saga import Order, order_saga
from interpreter.testing import Recorded


def test_order_saga_01a2086c_b68d_7da5_b1d9_a711839401b1_is_cancelled_as_it_did() -> None:
    order = Order(id="adcd1d19", article="lamp", price=40)
    with Recorded(order_saga, order) as execution:
        execution.step("reserve", given=(order,))
        execution.step("charge", given=(order,))
        execution.cancel()
        execution.step("refund", given=(order,))
        execution.step("release", given=(order,))
        execution.was_cancelled()
