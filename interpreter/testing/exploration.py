"""``explore``: every outcome of every command, and an invariant that has to hold at the end of each trace.

Owns the order of the walk, its bound, and the report. A generator cannot be copied, so each trace
is driven from its start; a trace is its path: which option was taken at each decision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn, TypeAlias, TypeVar, TypeVarTuple

from typing_extensions import override

from dataflows.commands import Flow
from dataflows.errors import Cancelled
from interpreter.testing.answers import REFUSED, Answer
from interpreter.testing.choices import Choices, walk
from interpreter.testing.describing import describe_value
from interpreter.testing.simulation import START, Simulation, check_arguments, drive

__all__ = ["Exploration", "explore"]

__tracebackhide__ = True  # by pytest: a failure shows the test and the workflow, not what lies between

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

Path: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class Exploration:
    """How much was walked.

    :ivar traces: how many, each from the start to an end, no two alike.
    :ivar left: at least so many more there are, which were not walked: because of the bound, or because one failed.
    :ivar cut: so many of those walked were given up, because they had not ended after ``longest`` entries.
    """

    traces: int
    left: int = 0
    cut: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether there is no other trace."""
        return not self.left and not self.cut

    @override
    def __str__(self) -> str:
        text = f"{self.traces:,} trace{'' if self.traces == 1 else 's'} walked"
        if self.is_complete:
            return f"{text}, and there are no others"
        left = f", at least {self.left:,} more not walked" if self.left else ""
        cut = f", {self.cut:,} of them given up as too long" if self.cut else ""
        return text + left + cut


def explore(
    workflow: Callable[[*Ts], Flow[T]],
    /,
    *args: *Ts,
    invariant: Callable[[Simulation[T]], object],
    steps: Mapping[str, Answer] | None = None,
    waits: Mapping[str, Answer] | None = None,
    children: Mapping[str, Answer] | None = None,
    otherwise: Answer = REFUSED,
    cancel: bool = True,
    any_order: bool = True,
    bound: int = 1_000,
    longest: int = 200,
    start: datetime = START,
    seed: int | str = 0,
    passed: Iterable[str] = (),
    only: Sequence[int] | None = None,
) -> Exploration:
    """Walk through everything that can happen to a workflow, and check an invariant at each end.

    ::

        def charged_is_shipped_or_refunded(simulation):
            done = [call.name for call in simulation.steps if isinstance(call.outcome, Value)]
            if "charge" in done:
                assert "ship" in done or "refund" in done

        exploration = explore(
            order, "A-1",
            steps={"charge": ["charge-1", Declined], "ship": ["tracking-7", OutOfStock], "refund": [None]},
            invariant=charged_is_shipped_or_refunded, cancel=False,
        )
        assert str(exploration) == "4 traces walked, and there are no others"

    At each moment, any open step may come to any of its outcomes, or to ``StepTimeout`` when its time is up; any signal
    that is awaited may come; the earliest timer or deadline may fire; a signal that is sent may find nobody; a
    step that runs at most once may be interrupted; the execution may be cancelled, once. That
    gives every winner of every race and every order in which concurrent steps can end. An error is one that
    arrives, after its retries. Traces with the fewest surprises come first: the first option everywhere, then all
    with one other choice, then two. Of those with the fewest surprises that break the invariant, the shortest is shown.

    :param workflow: and its arguments: as for ``simulate``.
    :param invariant: asserts, or returns something false that is not None, like an empty list; given the ended
        simulation, in which the call of a step that was stopped has no outcome: it may have done what it was to do,
        or not.
    :param steps: by a step's name, a list of what it may come to: values, exceptions, functions.
    :param waits: by a signal's name, a list of payloads that may come; a deadline may always pass.
    :param children: by a workflow's name, a list of what a child of it may come to: results and exceptions.
    :param cancel: whether the execution may be cancelled, at any moment.
    :param any_order: whether concurrent steps may end in any order, or only in the order in which they began.
    :param bound: the most traces that are walked.
    :param longest: a trace with more entries is given up, unchecked.
    :param only: walk this one path, as a report prints it.
    :raises ValueError: ``only`` is no path of this workflow, or ``bound`` is less than 1.
    :raises WrongArguments: the workflow takes others.
    :raises AssertionError: the invariant does not hold; with the trace, and how much was walked.
    """
    if bound < 1:
        raise ValueError(f"explore(bound=) is 1 or more; got {bound!r}")
    check_arguments("explore", workflow, args)

    def run(path: Path) -> _Trace:
        world = Choices(steps or {}, waits or {}, children or {}, otherwise, cancel, any_order)
        driver = drive(workflow, args, world, start, seed, passed)
        simulation: Simulation[T] = Simulation(driver, world.calls, world.sent)
        widths: list[int] = []
        try:
            for width in walk(driver, world, path, longest):
                widths.append(width)  # noqa: PERF402 - what was walked counts, also if it then fails
        except AssertionError as error:  # of a function that stands in for a step, or a step without an answer
            return _Trace(path, widths, simulation, error)
        return _Trace(path, widths, simulation, _break(invariant, simulation))

    search = _Search(run, bound if only is None else 1)
    search.walk_levels(() if only is None else tuple(only))
    return search.report()


@dataclass(frozen=True)
class _Trace:
    path: Path
    widths: list[int]
    simulation: Simulation[Any]
    broken: BaseException | None

    @property
    def is_cut(self) -> bool:
        return self.simulation.driver.end is None and self.broken is None

    def length(self) -> int:
        return self.simulation.driver.length()

    def siblings(self) -> list[Path]:
        """The paths with one more surprise, later than the last."""
        return [
            (*self.path, *(0,) * (depth - len(self.path)), choice)
            for depth in range(len(self.path), len(self.widths))
            for choice in range(1, self.widths[depth])
        ]


class _Search:
    """Level by level: all paths with so many surprises, then all with one more."""

    def __init__(self, run: Callable[[Path], _Trace], bound: int) -> None:
        self._run = run
        self._bound = bound
        self._traces = self._left = self._cut = 0
        self._worst: _Trace | None = None

    def walk_levels(self, first: Path) -> None:
        level = [first]
        while level and self._worst is None:
            level = self._walk_level(level)
        self._left += len(level)

    def report(self) -> Exploration:
        exploration = Exploration(self._traces, self._left, self._cut)
        if self._worst is not None:
            _fail(self._worst, exploration)
        return exploration

    def _walk_level(self, level: list[Path]) -> list[Path]:
        following: list[Path] = []
        for number, path in enumerate(level, 1):
            if self._traces == self._bound:
                self._left += len(level) - number + 1
                break
            siblings = self._take(self._run(path))
            room = max(0, self._bound - self._traces - (len(level) - number) - len(following))
            following += siblings[:room]
            self._left += len(siblings[room:])
        return following

    def _take(self, trace: _Trace) -> list[Path]:
        self._traces += 1
        self._cut += trace.is_cut
        if trace.broken is not None and (self._worst is None or trace.length() < self._worst.length()):
            self._worst = trace
        return trace.siblings()


def _break(invariant: Callable[[Simulation[Any]], object], simulation: Simulation[Any]) -> BaseException | None:
    if simulation.driver.end is None:
        return None
    try:
        held = invariant(simulation)
        is_broken = held is not None and not held
    except (Exception, Cancelled) as error:  # the latter is what a cancelled simulation's result raises
        return error
    return AssertionError(f"it returned {describe_value(held)}") if is_broken else None


def _fail(trace: _Trace, exploration: Exploration) -> NoReturn:
    assert trace.broken is not None
    surprises = sum(map(bool, trace.path))
    head = f"not everything that can happen is well: {type(trace.broken).__qualname__}: {trace.broken}"
    how = f"  the shortest trace that shows it, with {surprises} surprise{'' if surprises == 1 else 's'}"
    history = [f"    {line}" for line in trace.simulation.history]
    again = f"  {exploration}; to walk this one again: only={trace.path!r}"
    raise AssertionError("\n".join([head, "", how, *history, "", again])) from trace.broken
