"""What a workflow would yield, without running anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from dataflows import (
    Flow,
    Retry,
    callback,
    child,
    defer,
    fork,
    gather,
    now,
    publish,
    race,
    signal,
    sleep,
    sleep_until,
    start,
    step,
    transaction,
    wait,
    workflow,
)
from dataflows.workflow import Workflow
from interpreter.testing import Node, explain
from interpreter.testing.placeholders import Placeholder
from tests.testing.journaled import asking, round_of
from tests.testing.shop import mistaken_order

RAN: list[object] = []


def work(*args: object) -> Any:
    RAN.append(args)


@dataclass
class Approval:
    by: str


def explained(function: Callable[..., Any], *args: Any, **details: Any) -> list[Node]:
    return explain(Workflow(function, "explained"), *args, **details)


def outline(nodes: list[Node]) -> list[Any]:
    """Kinds and names, nested."""
    lines: list[Any] = []
    for node in nodes:
        lines.append(f"{node.kind} {node.name}".strip())
        if node.below:
            lines.append(outline(node.below))
    return lines


def copied(id: int) -> Flow[object]:
    item = yield from step("fetch-item", work, id)
    approval = yield from wait("approval", Approval, timeout="7d")
    yield from sleep("cool-down", "1h30m")
    return (yield from step("create-task", work, item["fields"].title, approval.by, item.count + 1))


def test_arguments_of_later_steps_show_where_they_came_from_and_nothing_runs() -> None:
    RAN.clear()
    fetch, _, choice = explained(copied, 42)
    assert fetch.details == "work(42)"
    in_time, late = choice.below
    assert [node.details for node in in_time.below] == [
        "1h30m",
        "work(fetch-item['fields'].title, approval.by, fetch-item.count + 1)",
        "create-task",
    ]
    assert outline(late.below) == ["raises WaitTimeout"]
    assert RAN == []


def test_each_command_has_its_position_and_its_line_of_source() -> None:
    (fetch, *_) = explained(copied, 42)
    assert fetch.position == "0"
    assert "test_explaining.py:" in fetch.place and fetch.place.endswith('yield from step("fetch-item", work, id)')


def either(order: Any) -> Flow[object]:
    first = yield from race(paid=wait("payment"), late=sleep("deadline", "1d"))
    if first.name == "late":
        yield from step("remind", work)
        return "reminded"
    return first.value


def test_each_side_of_a_race_is_shown_below_its_name() -> None:
    assert outline(explained(either, "A-1")) == [
        "race",
        ["branch paid", ["wait payment"], "branch late", ["sleep deadline"]],
        "choice which comes first",
        ["option paid", ["returns"], "option late", ["step remind", "returns"]],
    ]


def judged(order: Any) -> Flow[object]:
    if order["total"] > 100:
        yield from step("approve", work)
    return (yield from step("ship", work))


def test_both_answers_of_a_question_about_a_placeholder_are_shown_and_what_follows_both_once() -> None:
    assert outline(explained(judged, Placeholder("order"))) == [
        "choice order['total'] > 100?",
        ["option yes", ["step approve"], "option no"],
        "step ship",
        "returns",
    ]
    assert outline(explained(judged, {"total": 1})) == ["step ship", "returns"]


def looping(order: Any) -> Flow[object]:
    for line in order.lines:
        yield from step("pick", work, line)
        yield from sleep("rest", 1)
    while True:
        status = yield from step("poll", work)
        if status.done:
            return status
        yield from sleep("pause", "1m")


def test_loops_are_shown_once_with_how_often_and_one_without_end_is_cut_with_a_note() -> None:
    pick, rest, poll, choice, *_ = explained(looping, Placeholder("order"))
    assert (pick.details, pick.times, pick.block, rest.name) == ("work(order.lines[0])", 2, 2, "rest")
    assert (poll.name, poll.times) == ("poll", 1)
    done, again = choice.below
    assert outline(done.below) == ["returns"]
    pause, _, cut = again.below
    assert pause.times > 40 and cut.kind == "cut" and "after 100 commands" in cut.details


def test_a_loop_of_known_length_is_followed_to_its_end() -> None:
    def counted(n: int) -> Flow[None]:
        for number in range(n):
            yield from step(f"page-{number}", work)
        yield from step("done", work)

    page, done, _ = explained(counted, 20)
    assert (page.name, page.times, done.name) == ("page-0", 20, "done")


def parallel(order: Any) -> Flow[object]:
    def part(number: int) -> Flow[object]:
        yield from step("first", work, number)
        return (yield from step("second", work, number))

    task = yield from fork(step("aside", work))
    a, b = yield from gather(part(1), step("other", work))
    yield from task
    return [a, b]


def test_what_runs_beside_other_things_stands_below_what_started_it() -> None:
    assert outline(explained(parallel, "A-1")) == [
        "fork",
        ["branch 0", ["step aside"]],
        "gather",
        ["branch 0", ["step first", "step second"], "branch 1", ["step other"]],
        "returns",
    ]


def test_an_error_of_the_code_ends_a_way_with_its_place() -> None:
    def failing() -> Flow[None]:
        a, b, c = yield from step("three", work)
        raise LookupError(f"no {b}", a, c)

    _, end = explained(failing)
    assert (end.kind, end.name, end.details) == ("raises", "LookupError", "('no three[1]', three[0], three[2])")
    assert "test_explaining.py:" in end.place


def test_more_ways_than_are_wanted_are_told_of() -> None:
    def many() -> Flow[None]:
        for number in range(20):
            answer = yield from step(f"ask-{number}", work)
            if answer[f"field {chr(97 + number)}"]:
                yield from step("more", work)

    nodes = explained(many, ways=8)
    assert (nodes[-1].kind, nodes[-1].details) == ("cut", "there are more ways than the 8 shown")


def test_a_placeholder_passes_for_what_the_code_asks_it_to_be() -> None:
    asked = Placeholder("item", str)
    assert isinstance(asked, str) and f"{asked:>30}" == "item"
    assert repr(asked.lines[0] == 3) == "item.lines[0] == 3"
    assert repr(2 * asked) == "2 * item" and len(asked) == len(list(asked)) == 2
    assert repr(asked.get("x", default=1)) == "item.get('x', default=1)"


def test_a_callback_is_shown_with_its_choices() -> None:
    asked, mailed, *_ = explain(asking, "Ada")
    assert (asked.kind, asked.name, asked.details) == ("callback", "approval", "approve, reject")
    assert mailed.details == "work('Ada', 'url of approval')"


def test_children_signals_published_values_and_new_beginnings_are_shown_and_new_code_is_taken() -> None:
    nodes = explain(round_of, 1)
    assert outline(nodes) == [
        "step charge",
        "publish state",
        "child testing-parcel",
        "start testing-parcel",
        "signal hurry",
        "wait payment",
        "choice payment == 'last'?",
        ["option yes", ["returns"], "option no", ["continues as new"]],
    ]
    assert [node.details for node in nodes[:5]] == [
        "work(1), once",
        "{'charged': charge}",
        "testing-parcel(charge)",
        "testing-parcel('later')",
        "to 'id of testing-parcel', 1",
    ]


@workflow("testing-explained")
def bounded(order_id: str) -> Flow[None]:
    policy = Retry(attempts=3)
    yield from step("print", work, order_id, timeout="30s", retry=policy, on="printer", limit="paper")
    yield from transaction("book", work, 5, timeout="5s", limit="rows")
    yield from defer("unbook", work, order_id, limit="rows")
    yield from gather(child(bounded, "B", id="child of A"), step("once", work, once=True), limit=2)
    yield from wait("payment", int, key=order_id, timeout="7d", default=0)
    yield from sleep_until("next day", (yield from now()) + timedelta(days=1))
    yield from sleep_until("new year", datetime(2040, 1, 1, tzinfo=UTC))


def test_each_command_is_shown_as_what_it_is_with_the_bounds_that_were_set() -> None:
    nodes = explain(bounded, Placeholder("order_id", str))
    gathered = nodes[3].below
    shown = [*nodes[:4], gathered[0].below[0], gathered[1].below[0], nodes[4], *nodes[-3:-1]]
    assert [(node.kind, node.name, node.details) for node in shown] == [
        ("step", "print", "work(order_id), within 30s, 3 attempts, on printer, limit paper"),
        ("transaction", "book", "work(5), within 5s, limit rows"),
        ("defer", "unbook", "work(order_id), limit rows"),
        ("gather", "", "at most 2 at once"),
        ("child", "testing-explained", "testing-explained('B'), as 'child of A'"),
        ("step", "once", "work(), once"),
        ("wait", "payment", "for int, of key order_id, at most 7d, else 0"),
        ("sleep", "next day", "1d"),
        ("sleep", "new year", "until 2040-01-01 00:00:00+00:00"),
    ]


def test_what_was_forked_stands_at_the_line_of_its_fork() -> None:
    fork_node, *_ = explained(parallel, "A-1")
    assert fork_node.below[0].below[0].place == fork_node.place


def test_what_was_deferred_is_shown_again_where_a_failure_runs_it() -> None:
    def failing() -> Flow[None]:
        yield from defer("undo", work)
        raise LookupError("gone")

    assert outline(explained(failing)) == ["defer undo", "step undo", "raises LookupError"]


@workflow("packed")
def packed(order: Any) -> Flow[None]:
    yield from step("pack", work, order)


def derived(order: Any) -> Flow[object]:
    yield from step(order.id, work, limit=order.tracker, timeout=order.longest)
    paid = yield from wait("paid", key=order.id, timeout=order.patience)
    yield from sleep("cool-down", paid.delay)
    yield from sleep_until("due", paid.due)
    yield from signal(order.parent, order.news, paid.by)
    yield from publish(paid.key, 1)
    yield from callback("approval", title=order.title, text=order.text, choices=order.choices, valid_for=order.valid)
    yield from start(packed, order, id=order.part)
    return (yield from child(packed, order, id=paid.part))


def test_what_is_derived_from_an_argument_names_and_times_commands_and_shows_where_it_came_from() -> None:
    pack, paid, choice = explained(derived, Placeholder("order"))
    assert (pack.name, pack.details) == ("order.id", "work(), within order.longest, limit order.tracker")
    assert paid.details == "of key order.id, at most order.patience"
    in_time, late = choice.below
    assert [(node.kind, node.name, node.details) for node in in_time.below] == [
        ("sleep", "cool-down", "paid.delay"),
        ("sleep", "due", "until paid.due"),
        ("signal", "order.news", "to order.parent, paid.by"),
        ("publish", "paid.key", "1"),
        ("callback", "approval", "order.choices[0], order.choices[1], for order.valid"),
        ("start", "packed", "packed(order), as order.part"),
        ("child", "packed", "packed(order), as paid.part"),
        ("returns", "", "packed"),
    ]
    (too_late,) = late.below
    assert (too_late.name, too_late.details) == ("WaitTimeout", "no signal 'paid' came within order.patience s")


def seconds() -> int:
    return 1


def words() -> str:
    return "1h"


def late_fee() -> timedelta:
    return timedelta(hours=1)


def test_a_length_of_time_of_any_kind_that_a_step_answers_is_slept_for() -> None:
    def sleeping(fn: Callable[..., Any]) -> Flow[None]:
        length: Any = yield from step("ask", fn)
        yield from sleep("pause", length)

    for fn in (seconds, words, late_fee):
        assert [node.details for node in explained(sleeping, fn)][1:] == ["ask", "None"]


def test_a_key_that_is_known_to_be_no_text_is_refused_as_it_would_be() -> None:
    def waiting() -> Flow[None]:
        key: Any = yield from step("ask", seconds)
        yield from wait("paid", key=key)

    *_, end = explained(waiting)
    assert (end.kind, end.name) == ("raises", "TypeError")


def test_code_that_asks_whether_a_name_is_a_text_is_told_what_is_known() -> None:
    def asking_kind(order: Any) -> Flow[object]:
        yield from step("pack", work)
        return isinstance(order.id, str)

    assert explained(asking_kind, Placeholder("order"))[-1].details == "False"


def test_a_step_whose_function_takes_other_arguments_says_what_is_wrong() -> None:
    (mistaken, *_) = explain(mistaken_order, "A-1")
    assert ": step('ship'): too many positional arguments, for ship(order_id), which is defined at " in mistaken.details
