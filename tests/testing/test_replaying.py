"""A journal fed to the code up to an entry, and the frames where the code then stands."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any

import pytest

from dataflows import Flow, gather, step, wait
from dataflows.workflow import Workflow
from interpreter.machine import Recording, SignalReceived
from interpreter.testing.replaying import Replay, stop_in_debugger, tell
from tests.testing.journals import BEGUN, raised, recording, returned


def work(*args: object) -> Any: ...


def helper(item: str) -> Flow[str]:
    inside = f"helped {item}"
    answer = yield from step("help", work, inside)
    return f"{inside}: {answer}"


def outer(order: str) -> Flow[str]:
    item = yield from step("fetch", work, order)
    helped = yield from helper(item)
    approval = yield from wait("approval")
    both = yield from gather(beside(1), beside(2))
    return f"{helped} {approval} {both}"


def beside(number: int) -> Flow[int]:
    first = yield from step("first", work, number)
    second = yield from step("second", work, first)
    return int(second)


FACTS = (
    returned((0,), "fetch", "item"),
    returned((1,), "help", "yes"),
    SignalReceived("approval", "Ada", BEGUN),
    returned((3, 1, 0), "first", 7),
)
JOURNAL = recording(*FACTS, args=("A-1",))


def fed(journal: Recording, last: int | None = None, workflow: Callable[..., Any] = outer) -> Replay:
    replay = Replay(Workflow(workflow, "order"), journal)
    list(replay.feed(last))
    return replay


def names(replay: Replay) -> list[str]:
    return [frame.f_code.co_name for frame, _ in replay.stop()]


def test_the_frames_are_the_authors_from_the_workflow_down_to_the_yield() -> None:
    with fed(JOURNAL, 3) as replay:
        assert names(replay) == ["outer", "helper"]
        assert [frame.f_locals for frame, _ in replay.stop()] == [
            {"order": "A-1", "item": "item"},
            {"item": "item", "inside": "helped item"},
        ]
        assert "test_replaying.py:" in replay.where()[0]


def test_of_several_fibers_the_one_is_meant_that_the_entry_set_going() -> None:
    with fed(JOURNAL, 6) as replay:
        ((frame, _),) = replay.stop()
        assert frame.f_locals == {"number": 2, "first": 7}
    with fed(JOURNAL, 5) as replay:
        assert names(replay) == ["outer"]


def test_of_a_workflow_that_failed_it_is_where_that_was_raised() -> None:
    with fed(recording(*FACTS[:1], raised((1,), "help", ValueError("no")), args=("A-1",))) as replay:
        assert names(replay)[:2] == ["outer", "helper"]
        assert "ValueError" in repr(replay.outcome)


def test_where_the_code_does_not_follow_it_stops_before_that_and_says_so() -> None:
    with fed(recording(FACTS[0], returned((1,), "odd"), FACTS[2], args=("A-1",))) as replay:
        assert replay.mismatch is not None and "step 'odd'" in str(replay.mismatch)
        assert names(replay) == ["outer", "helper"]


def test_an_entry_is_one_line_with_its_number_position_kind_name_and_value() -> None:
    told = [tell(entry).split() for entry in JOURNAL.entries()]
    assert told[0] == ["1", "started", "('A-1')"]
    assert told[2] == ["3", "0", "step", "ended", "fetch", "'item'"]
    assert told[4] == ["5", "signal", "received", "approval", "'Ada'"]


# The debugger -----------------------------------------------------------------------------------


def test_pdb_opens_at_the_yield_with_the_workflows_names(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PYTHONBREAKPOINT", raising=False)
    monkeypatch.setattr(sys, "stdin", io.StringIO("p inside\nup\np order, item\nq\n"))
    with fed(JOURNAL, 3) as replay:
        stop_in_debugger(replay.stop())
    written = capsys.readouterr().out
    assert '-> answer = yield from step("help", work, inside)' in written
    assert "'helped item'" in written and "('A-1', 'item')" in written


STOPPED: list[Any] = []


def set_trace() -> None:
    frame = sys._getframe(1)
    STOPPED.append((frame.f_code.co_filename, frame.f_lineno, dict(frame.f_locals)))


def test_another_debugger_is_called_among_the_names_of_the_yield(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONBREAKPOINT", f"{__name__}.set_trace")
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
    STOPPED.clear()
    with fed(JOURNAL, 3) as replay:
        stop_in_debugger(replay.stop())
        ((frame, line),) = replay.stop()[-1:]
    ((file, at, seen),) = STOPPED
    assert (file, at, seen["inside"]) == (frame.f_code.co_filename, line, "helped item")


def test_a_debugger_with_a_post_mortem_is_given_the_stack_as_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[TracebackType] = []
    monkeypatch.setenv("PYTHONBREAKPOINT", f"{__name__}.set_trace")
    monkeypatch.setattr(sys.modules[__name__], "post_mortem", given.append, raising=False)
    with fed(JOURNAL, 3) as replay:
        stop_in_debugger(replay.stop())
        (traceback,) = given
        assert traceback.tb_frame.f_code.co_name == "outer"
        assert traceback.tb_next is not None and traceback.tb_next.tb_frame.f_code.co_name == "helper"


def test_with_breakpoints_switched_off_nothing_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONBREAKPOINT", "0")
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    with fed(JOURNAL, 3) as replay:
        stop_in_debugger(replay.stop())
