"""Commands as values, and a workflow as the bare generator that a unit test steps through."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from dataflows import (
    Cancelled,
    Command,
    Flow,
    Retry,
    Task,
    Winner,
    callback,
    cancel,
    child,
    continue_as_new,
    defer,
    fork,
    gather,
    now,
    patched,
    publish,
    race,
    random,
    signal,
    sleep,
    sleep_until,
    start,
    step,
    transaction,
    uuid,
    wait,
    workflow,
)
from tests.machine.by_hand import START


@workflow("tests.language.nap")
def nap() -> Flow[None]:
    yield from sleep("nap", 1)


EVERY_KIND: list[Command[Any]] = [
    step("a", print, 1),
    transaction("a", print, 1),
    defer("a", print, 1),
    sleep("a", 1),
    sleep_until("a", START),
    wait("a"),
    signal("a", "a"),
    publish("a", 1),
    callback("a"),
    child(nap),
    start(nap),
    continue_as_new(),
    patched("a"),
    gather(sleep("a", 1)),
    race(a=sleep("a", 1)),
    fork(sleep("a", 1)),
    Task((0,)),
    cancel(Task((0,))),
    now(),
    uuid(),
    random(),
]


def fetch(number: int) -> dict[str, int]:
    return {"id": number}


def create(item: dict[str, int], approved: bool) -> str:
    return f"{item} {approved}"


@workflow("tests.language.copy")
def copy_item(number: int) -> Flow[str]:
    item = yield from step("fetch-item", fetch, number, retry=Retry(attempts=2))
    approved = yield from wait("approval", bool, timeout="7d", default=False)
    try:
        yield from sleep("cooldown", "24h")
    except Cancelled:
        yield step("clean-up", print)
        raise
    return (yield from step("create-task", create, item, approved))


# As values --------------------------------------------------------------------------------------


def test_commands_compare_by_kind_name_and_arguments() -> None:
    one: Command[Any] = step("a", fetch, 1)
    assert one == step("a", fetch, 1)
    for other in (step("b", fetch, 1), step("a", fetch, 2), step("a", print, 1), wait("a")):
        assert one != other
    assert wait("a", timeout=1) != wait("a")
    first: Task[Any] = Task((0,))
    assert first != Task((1,))


def test_commands_of_different_kinds_are_never_equal() -> None:
    for number, one in enumerate(EVERY_KIND):
        for other in EVERY_KIND[number + 1 :]:
            assert one != other


def test_engine_options_do_not_take_part_in_the_comparison() -> None:
    assert step("a", fetch, 1, retry=Retry(attempts=1), timeout=5, on="gpu") == step("a", fetch, 1)
    assert step("a", fetch, 1, once=True) == step("a", fetch, 1)


@pytest.mark.parametrize("command", EVERY_KIND, ids=lambda command: type(command).__name__)
def test_a_command_has_no_attributes_but_its_own(command: Command[Any]) -> None:
    with pytest.raises(AttributeError):
        command.anything = "new"  # type: ignore[attr-defined]
    assert not hasattr(command, "__dict__")


@pytest.mark.parametrize("command", EVERY_KIND, ids=lambda command: type(command).__name__)
def test_iterating_a_command_yields_itself_and_returns_its_answer(command: Command[Any]) -> None:
    iterator = iter(command)
    assert next(iterator) is command
    with pytest.raises(StopIteration) as stopped:
        iterator.send("the answer")
    assert stopped.value.value == "the answer"


@pytest.mark.parametrize("value", [Task((3, 0)), Winner("paid", [1])], ids=repr)
def test_what_a_workflow_may_return_can_be_copied_and_stored(value: Any) -> None:
    assert pickle.loads(pickle.dumps(value)) == copy.deepcopy(value) == value


# In a unit test ---------------------------------------------------------------------------------


def test_calling_a_workflow_gives_the_bare_generator_which_a_unit_test_steps_through() -> None:
    flow = copy_item(42)
    assert next(flow) == step("fetch-item", fetch, 42)
    assert flow.send({"id": 42}) == wait("approval", bool, timeout="7d", default=False)
    assert flow.send(True) == sleep("cooldown", "24h")
    assert flow.send(None) == step("create-task", create, {"id": 42}, True)
    with pytest.raises(StopIteration) as stopped:
        flow.send("done")
    assert stopped.value.value == "done"


def test_a_unit_test_throws_what_a_step_would_raise() -> None:
    flow = copy_item(42)
    next(flow)
    with pytest.raises(OSError, match="unreachable"):
        flow.throw(OSError("unreachable"))


def test_a_unit_test_cancels_by_throwing_cancelled() -> None:
    flow = copy_item(42)
    next(flow)
    flow.send({"id": 42})
    flow.send(True)
    assert flow.throw(Cancelled()) == step("clean-up", print)
    with pytest.raises(Cancelled):
        next(flow)


def test_a_helpers_commands_are_its_callers() -> None:
    def helper() -> Flow[int]:
        first = yield from step("a", fetch, 1)
        return first["id"] + 1

    def flow() -> Flow[int]:
        return (yield from helper()) * 2

    running = flow()
    assert next(running) == step("a", fetch, 1)
    with pytest.raises(StopIteration) as stopped:
        running.send({"id": 1})
    assert stopped.value.value == 4
