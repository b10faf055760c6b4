"""What no other execution can be started with, and what these verbs do not take or answer."""

from __future__ import annotations

from dataflows import Flow, callback, child, continue_as_new, patched, publish, signal, sleep, start, wait, workflow


@workflow("order")
def order(number: int, address: str) -> Flow[str]:
    yield from sleep("no hurry", 60)
    return f"{number} to {address}"


def no_workflow(number: int) -> str:
    return str(number)


def arguments_of_the_wrong_type() -> Flow[None]:
    yield from child(order, "seven", "here")  # refused
    yield from start(order, "seven", "here")  # refused


def arguments_missing_or_too_many() -> Flow[None]:
    yield from child(order, 7)  # refused
    yield from child(order, 7, "here", "there")  # refused
    yield from start(order)  # refused


def a_keyword_of_the_workflow() -> Flow[None]:
    yield from child(order, 7, address="here")  # refused


def what_is_no_workflow() -> Flow[None]:
    yield from child(no_workflow, 7)  # refused
    yield from child(order(7, "here"))  # refused
    yield from start(no_workflow, 7)  # refused


def ids_and_names_of_the_wrong_type() -> Flow[None]:
    yield from child(order, 7, "here", id=7)  # refused
    yield from signal(7, "approval")  # refused
    yield from signal("order-7")  # refused
    yield from publish("progress")  # refused
    yield from wait("payment", key=7)  # refused
    yield from patched()  # refused
    yield from callback()  # refused
    yield from callback("approval", choices=7)  # refused
    yield from callback("approval", "May we?")  # refused
    yield from continue_as_new(number=7)  # refused


def an_answer_taken_for_another_type() -> Flow[int]:
    return (yield from child(order, 7, "here"))  # refused


def an_id_taken_for_the_result() -> Flow[int]:
    return (yield from start(order, 7, "here"))  # refused
