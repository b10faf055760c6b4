"""Open journals against code that was changed."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from dataclasses import replace
from textwrap import indent

import pytest

from dataflows import Flow, gather, patched, sleep, step, wait
from dataflows.errors import Mismatch
from interpreter.machine import AttemptFailed, Entry, Slept
from interpreter.testing import Obstacle, Report, check
from tests.testing.journals import BEGUN, known, recording, returned


def work(*args: object) -> object:
    return args


def as_it_was(order: str) -> Flow[object]:
    item = yield from step("fetch", work, order)
    yield from sleep("rest", "1h")
    task = yield from step("create", work, item)
    yield from wait("approval")
    return task


def with_one_more(order: str) -> Flow[object]:
    item = yield from step("fetch", work, order)
    stock = yield from step(
        "look-at-stock",
        work,
        item,
    )
    yield from sleep("rest", "1h")
    return (yield from step("create", work, item, stock))


def with_two_more(order: str) -> Flow[object]:
    item = yield from step("fetch", work, order)
    stock = yield from step("look-at-stock", work, item["id"])  # type: ignore[index]
    yield from wait("go", str)
    yield from sleep("rest", "1h")
    return (yield from step("create", work, item, stock))


def with_one_less(order: str) -> Flow[object]:
    item = yield from step("fetch", work, order)
    return (yield from step("create", work, item))


def with_another(order: str) -> Flow[object]:
    item = yield from step("fetch-by-id", work, order)
    yield from sleep("rest", "1h")
    return (yield from step("create", work, item))


def beside_each_other(order: str) -> Flow[object]:
    return (yield from gather(step("fetch", work, order), step("create", work, order)))


def cut_short(order: str) -> Flow[object]:
    return (yield from step("fetch", work, order))


OPEN = recording(returned((0,), "fetch", {"id": 1}), Slept((1,), "rest"), returned((2,), "create"), args=("A-1",))


def suggestion(report: Report) -> tuple[str, str]:
    (group,) = report.groups
    assert group.patch is not None
    ast.parse(f"def workflow():\n{indent(group.patch.snippet, '    ')}")
    return group.patch.change, group.patch.snippet


def test_a_journal_that_the_code_can_go_on_with_is_no_finding() -> None:
    assert check(OPEN, known(as_it_was)) is None
    assert Report.of([OPEN], known(as_it_was)) == Report(checked=1)


def test_a_journal_that_the_code_cannot_follow_is_found_with_the_line_and_with_what_each_has() -> None:
    finding = check(OPEN, known(with_one_more))
    assert finding is not None
    assert (finding.id, finding.obstacle, finding.entry, finding.position) == ("A-1", Obstacle.MISMATCH, 4, "1")
    assert (finding.expected, finding.found) == ("sleep 'rest'", "step 'look-at-stock'")
    assert "test_checking.py:" in finding.place and finding.place.endswith(": stock = yield from step(")


def test_of_a_command_that_was_put_in_the_whole_statement_is_put_under_a_patch() -> None:
    change, snippet = suggestion(Report.of([OPEN], known(with_one_more)))
    assert change == "added"
    assert snippet.splitlines() == [
        'if (yield from patched("look-at-stock")):',
        "    stock = yield from step(",
        '        "look-at-stock",',
        "        work,",
        "        item,",
        "    )",
        "else:",
        "    stock = None",
    ]


def test_commands_put_in_behind_each_other_are_put_under_one_patch() -> None:
    change, snippet = suggestion(Report.of([OPEN], known(with_two_more)))
    assert change == "added"
    assert 'if (yield from patched("look-at-stock")):' in snippet and 'yield from wait("go", str)' in snippet
    assert "rest" not in snippet


def test_a_command_that_was_taken_out_is_kept_for_those_that_have_passed_it() -> None:
    change, snippet = suggestion(Report.of([OPEN], known(with_one_less)))
    assert change == "removed"
    assert snippet.startswith('if not (yield from patched("without-rest")):\n    yield from sleep("rest", ...)')
    assert snippet.endswith('\nreturn (yield from step("create", work, item))')


def test_a_command_in_the_place_of_another_has_the_other_in_its_else() -> None:
    change, snippet = suggestion(Report.of([OPEN], known(with_another)))
    assert change == "replaced"
    assert snippet.splitlines() == [
        'if (yield from patched("fetch-by-id")):',
        '    item = yield from step("fetch-by-id", work, order)',
        "else:",
        '    item = yield from step("fetch", ...)  # as the journal has it',
    ]


def test_code_that_ends_too_soon_and_code_that_is_now_parallel_are_found() -> None:
    assert suggestion(Report.of([OPEN], known(cut_short)))[0] == "removed"
    assert suggestion(Report.of([OPEN], known(beside_each_other)))[0] == "replaced"


def test_code_that_changes_what_it_is_given_is_led_on_with_fresh_values() -> None:
    def popping(order: str) -> Flow[object]:
        item: dict[str, object] = yield step("fetch", work, order)
        yield from step(f"look-at-{item.pop('id')}", work)
        yield from sleep("rest", "1h")

    assert suggestion(Report.of([OPEN], known(popping)))[0] == "added"


@pytest.mark.parametrize("changed", [with_one_more, with_two_more, with_one_less, with_another])
def test_with_what_is_suggested_written_in_old_executions_go_on(changed: Callable[[str], Flow[object]]) -> None:
    report = Report.of([OPEN], known(changed))
    _, snippet = suggestion(report)
    patch = report.groups[0].patch
    assert patch is not None
    assert check(OPEN, known(rewritten(changed, patch.place, snippet))) is None


def rewritten(changed: Callable[[str], Flow[object]], place: str, snippet: str) -> Callable[[str], Flow[object]]:
    """The function with the snippet written in the place of its statements, and what it leaves open filled in."""
    function = ast.parse(inspect.getsource(changed)).body[0]
    assert isinstance(function, ast.FunctionDef)
    written = ast.parse(f"def workflow(order):\n{indent(snippet, '    ')}").body[0]
    assert isinstance(written, ast.FunctionDef)
    replaced = {ast.unparse(node) for node in ast.walk(written) if isinstance(node, ast.stmt)}
    first = int(place.rpartition(":")[2]) - inspect.getsourcelines(changed)[1]
    before = [node for node in function.body if node.lineno - 1 < first]
    behind = [node for node in function.body if node.lineno - 1 >= first and ast.unparse(node) not in replaced]
    function.body = [*before, *written.body, *behind]
    source = (
        ast.unparse(function).replace("('fetch', ...)", "('fetch', work)").replace("('rest', ...)", "('rest', '1h')")
    )
    names = {**globals(), "patched": patched}
    exec(f"from __future__ import annotations\n{source}", names)
    made: Callable[[str], Flow[object]] = names[function.name]
    return made


def test_an_execution_that_older_code_began_is_checked_with_that_answer() -> None:
    def patched_since(order: str) -> Flow[object]:
        item = yield from step("fetch", work, order)
        if (yield from patched("stock")):
            yield from step("look-at-stock", work, item)
        yield from sleep("rest", "1h")
        yield from step("create-it", work, item)

    finding = check(OPEN, known(patched_since))
    assert finding is not None and (finding.entry, finding.found) == (5, "step 'create-it'")


def test_a_longer_journal_tells_more_of_the_change_than_a_shorter_one() -> None:
    short = recording(returned((0,), "fetch"), Slept((1,), "rest"), args=("A-0",), id="A-0")
    assert suggestion(Report.of([short], known(with_one_less)))[0] == "replaced"
    assert suggestion(Report.of([short, OPEN], known(with_one_less)))[0] == "removed"


def test_failed_attempts_do_not_hide_the_disagreement() -> None:
    failed = AttemptFailed((0,), "fetch", error=ValueError("busy"), retry_at=BEGUN)
    finding = check(recording(failed, args=("A-1",)), known(with_another))
    assert finding is not None and finding.expected == "step 'fetch'"


def test_what_has_the_same_cause_is_one_group_with_a_count_and_examples() -> None:
    many = [replace(OPEN, id=f"A-{number}") for number in range(7)]
    other = recording(returned((0,), "odd"), args=("B-1",), id="B-1")
    report = Report.of([other, *many], known(with_one_more))
    assert (report.checked, report.failing) == (8, 8)
    assert [group.count for group in report.groups] == [7, 1]
    assert report.groups[0].examples == ["A-0", "A-1", "A-2", "A-3", "A-4"]
    assert report.groups[1].finding.id == "B-1"


def test_a_version_that_is_no_longer_registered_is_found() -> None:
    finding = check(OPEN, known(as_it_was, version=2))
    assert finding is not None and finding.obstacle is Obstacle.UNREGISTERED
    assert "version 1" in finding.expected and "there is: 2" in finding.found


def test_arguments_that_the_function_no_longer_takes_are_found() -> None:
    finding = check(recording(args=("A-1", "express")), known(as_it_was))
    assert finding is not None and finding.obstacle is Obstacle.ARGUMENTS
    assert "too many positional arguments" in finding.found


def test_a_value_that_cannot_be_read_is_found_behind_what_can_be() -> None:
    def entries() -> Iterator[Entry]:
        yield from OPEN.entries()
        raise Mismatch("entry 6 (signal approval) cannot be read by this code")

    flawed = replace(OPEN, entries=entries)
    finding = check(flawed, known(as_it_was))
    assert finding is not None and (finding.obstacle, finding.entry) == (Obstacle.UNREADABLE, 6)
    assert "entry 6" in finding.expected


def test_a_check_runs_no_cleanup_of_the_workflow() -> None:
    cleaned: list[str] = []

    def careful(order: str) -> Flow[None]:
        try:
            yield from step("fetch", work, order)
            yield from wait("approval")
        except Exception:
            cleaned.append(order)

    assert check(recording(returned((0,), "fetch"), args=("A-1",)), known(careful)) is None
    assert cleaned == []
