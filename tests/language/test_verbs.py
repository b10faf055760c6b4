"""The other verbs: what they check and what they build."""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, TypedDict

import pytest

from dataflows import (
    Flow,
    Task,
    cancel,
    fork,
    gather,
    now,
    race,
    random,
    sleep,
    sleep_until,
    step,
    uuid,
    wait,
)
from dataflows.commands import Gather, Race


def helper() -> Flow[int]:
    yield sleep("nap", 1)
    return 1


async def fetch() -> None:
    raise AssertionError("nobody awaits it")


# sleep ------------------------------------------------------------------------------------------


def test_sleep_takes_a_duration() -> None:
    assert sleep("nap", "1h30m").duration == timedelta(hours=1, minutes=30)
    assert sleep("nap", 0).duration == timedelta(0)
    with pytest.raises(ValueError, match="must not be negative"):
        sleep("nap", -1)


class Nowhere(tzinfo):
    """A time zone that does not know its offset."""

    def utcoffset(self, moment: datetime | None) -> None:
        return None

    def dst(self, moment: datetime | None) -> None:
        return None

    def tzname(self, moment: datetime | None) -> str:
        return "nowhere"


def test_sleep_until_takes_an_aware_datetime() -> None:
    when = datetime(2030, 1, 1, tzinfo=UTC)
    assert sleep_until("party", when).when == when


@pytest.mark.parametrize("when", [datetime(2030, 1, 1), datetime(2030, 1, 1, tzinfo=Nowhere())])
def test_sleep_until_refuses_a_moment_without_a_zone(when: datetime) -> None:
    with pytest.raises(ValueError, match=r"sleep_until\('party'\) takes an aware datetime; .* has no time zone"):
        sleep_until("party", when)


@pytest.mark.parametrize("when", ["2030-01-01", 0, None, date(2030, 1, 1), timedelta(1)])
def test_sleep_until_takes_nothing_but_a_datetime(when: Any) -> None:
    with pytest.raises(TypeError, match="takes a datetime, not"):
        sleep_until("party", when)


# wait -------------------------------------------------------------------------------------------


class Approval(TypedDict):
    by: str


def test_wait_holds_what_it_waits_for_and_how_long() -> None:
    assert (wait("go").type, wait("go").timeout, wait("go").has_default) == (None, None, False)
    assert wait("go", int, timeout="1d").timeout == timedelta(days=1)
    assert wait("go", Approval).type is Approval


def test_a_default_of_none_is_told_from_no_default() -> None:
    assert wait("go", timeout=1, default=None).has_default
    assert not wait("go", timeout=1).has_default
    assert wait("go", timeout=1, default=None) != wait("go", timeout=1)


def test_a_default_without_a_timeout_would_never_be_used_and_is_refused() -> None:
    with pytest.raises(ValueError, match="without timeout= would never use the default"):
        wait("go", default=None)


@pytest.mark.parametrize(
    "kind",
    ["7d", 60, [int], list[int], int | None, lambda payload: payload],
    ids=["duration", "number", "list", "generic", "union", "function"],
)
def test_the_type_is_a_class_and_a_timeout_goes_by_its_keyword(kind: Any) -> None:
    with pytest.raises(TypeError, match="takes a class, not .*; a timeout goes by timeout="):
        wait("go", kind)


# gather, race, fork -----------------------------------------------------------------------------


def test_gather_takes_commands_and_generators() -> None:
    generator = helper()
    built: Gather[Any] = gather(sleep("nap", 1), generator, Task((0,)), limit=2)
    assert (built.branches, built.limit) == ((sleep("nap", 1), generator, Task((0,))), 2)
    assert gather() == Gather(())


def test_race_keeps_its_branches_in_the_order_of_the_keywords() -> None:
    built: Race[Any] = race(z=sleep("z", 1), a=sleep("a", 1))
    assert built == Race((("z", sleep("z", 1)), ("a", sleep("a", 1))))


def test_a_race_of_nothing_would_never_end_and_is_refused() -> None:
    with pytest.raises(TypeError, match="needs at least one branch"):
        race()


@pytest.mark.parametrize("limit", [0, -1, True, 1.5, "2"])
def test_a_limit_is_a_whole_number_from_one(limit: Any) -> None:
    with pytest.raises(ValueError, match=r"gather\(limit=\) is a whole number, 1 or more"):
        gather(sleep("nap", 1), limit=limit)


COMBINATORS: dict[str, Callable[[Any], object]] = {"gather": gather, "race": lambda b: race(b=b), "fork": fork}


@pytest.mark.parametrize("combine", COMBINATORS.values(), ids=COMBINATORS)
class TestABranch:
    @pytest.mark.parametrize("branch", [42, None, "text", [sleep("nap", 1)], range(3)], ids=repr)
    def test_is_a_command_or_a_generator(self, combine: Callable[[Any], object], branch: object) -> None:
        with pytest.raises(TypeError, match="takes commands and generators, not"):
            combine(branch)

    def test_that_is_a_function_is_refused_with_the_advice_to_call_it(self, combine: Callable[[Any], object]) -> None:
        with pytest.raises(TypeError, match="not function; call it"):
            combine(helper)

    def test_that_is_a_coroutine_is_refused_and_closed(self, combine: Callable[[Any], object]) -> None:
        coroutine: Any = fetch()
        with pytest.raises(TypeError, match="not coroutine"):
            combine(coroutine)
        assert coroutine.cr_frame is None

    def test_that_has_run_already_is_refused(self, combine: Callable[[Any], object]) -> None:
        suspended, ended = helper(), helper()
        next(suspended)
        ended.close()
        for generator in (suspended, ended):
            with pytest.raises(TypeError, match="the generator helper has run already; call its function once more"):
                combine(generator)


class Custom(Generator[Any, Any, int]):
    """A generator that is no generator function's."""

    def send(self, value: Any) -> Any:
        raise StopIteration(1)

    def throw(self, *args: Any) -> Any:
        raise args[0]


def test_a_generator_of_any_class_can_be_a_branch() -> None:
    custom = Custom()
    assert gather(custom).branches == (custom,)


@pytest.mark.parametrize("combine", [lambda g: gather(g, g), lambda g: race(a=g, b=g)], ids=["gather", "race"])
def test_the_same_generator_twice_is_refused_and_the_same_command_or_task_is_not(
    combine: Callable[[Any], object],
) -> None:
    with pytest.raises(TypeError, match="the same generator stands in two branches"):
        combine(helper())
    combine(sleep("nap", 1))
    combine(Task((0,)))


def test_fork_refuses_a_task_since_it_runs_already() -> None:
    with pytest.raises(TypeError, match="it is running already"):
        fork(Task((0,)))


@pytest.mark.parametrize("task", [None, (0,), sleep("nap", 1), fork(sleep("nap", 1))], ids=repr)
def test_cancel_takes_a_task(task: Any) -> None:
    with pytest.raises(TypeError, match="takes a Task, the answer of fork"):
        cancel(task)


def test_a_flow_of_every_verb_type_checks_and_can_be_stepped_through() -> None:
    def flow() -> Flow[Any]:
        yield now()
        yield uuid()
        yield random()
        yield from step("a", print)

    assert list(flow()) == [now(), uuid(), random(), step("a", print)]
