"""What the other verbs do not take, and what their answers are not."""

from __future__ import annotations

from dataflows import Flow, Task, cancel, fork, gather, race, sleep, sleep_until, step, wait


def count(word: str) -> int:
    return len(word)


def helper() -> Flow[int]:
    return (yield from step("count", count, "a"))


def times_of_the_wrong_type() -> Flow[None]:
    yield from sleep("nap", None)  # refused
    yield from sleep_until("then", "24h")  # refused
    yield from wait("approval", timeout=[1])  # refused


def a_wait_that_may_time_out() -> Flow[None]:
    word = yield from wait("word", str, timeout="1h", default=None)
    word.upper()  # refused


def branches_that_are_none() -> Flow[None]:
    yield from gather(helper)  # refused
    yield from gather(count("a"), helper())  # refused
    yield from race(answer=count)  # refused
    yield from fork(count)  # refused


def branches_of_a_race_without_a_name() -> Flow[None]:
    yield from race(helper())  # refused


def options_of_the_wrong_type() -> Flow[None]:
    yield from gather(helper(), helper(), limit="2")  # refused


def a_flow_that_is_no_task() -> Flow[None]:
    yield from cancel(helper())  # refused


def an_answer_of_a_task_taken_for_another_type(task: Task[int]) -> Flow[str]:
    return (yield from task)  # refused


def an_answer_of_gather_taken_for_a_shorter_one() -> Flow[tuple[int, int]]:
    return (yield from gather(helper(), helper(), helper()))  # refused


def a_helper_without_from() -> Flow[None]:
    yield helper()  # refused
