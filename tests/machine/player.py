"""One workflow that plays any program.

Whatever a program sees is noted, so that two runs can be compared by what the author's code saw,
and not by its result alone. A command's name is its path in the tree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from dataflows import (
    Cancelled,
    Flow,
    RetryAfter,
    cancel,
    fork,
    gather,
    now,
    race,
    random,
    uuid,
)
from dataflows import commands as language
from dataflows.outcome import Error, Outcome, Value
from dataflows.workflow import Workflow
from interpreter.machine import RunStep
from tests.machine.plain import plain
from tests.machine.programs import (
    CATCHES,
    Again,
    Anew,
    Ask,
    Await,
    Block,
    Branch,
    Change,
    Child,
    Do,
    DoOnce,
    Fail,
    First,
    Guard,
    Helper,
    Inquire,
    Later,
    Leave,
    Look,
    Nap,
    NapUntil,
    Show,
    Start,
    Stop,
    Tell,
    Together,
)
from tests.machine.singles import outward, single, url_of


@dataclass
class Run:
    """One generator's life: what the program saw, and what it shares among its fibers.

    :ivar notes: what came of every command.
    :ivar tasks: those that were forked, by whichever fiber.
    :ivar scopes: the paths of gathers and races that were entered, and whether they still run.
    :ivar ends: the paths of branches whose generator has returned, and what it returned.
    :ivar cancellations: where each fiber was cancelled.
    :ivar surprises: answers that are not what the command, or its branches, came to.
    :ivar asks: whether this is the code that asks ``patched``, or the code before it.
    :ivar fiber: those of ``cancellations`` that are this fiber's.
    """

    notes: list[Any] = field(default_factory=list)
    tasks: list[language.Task[Any]] = field(default_factory=list)
    scopes: dict[str, bool] = field(default_factory=dict)
    ends: list[tuple[str, Any]] = field(default_factory=list)
    cancellations: list[list[str]] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)
    asks: bool = True
    fiber: list[str] = field(default_factory=list)

    def in_new_fiber(self) -> Run:
        """The same, but for whose cancellations are noted."""
        self.cancellations.append([])
        return replace(self, fiber=self.cancellations[-1])


class Program:
    """A workflow that plays a tree.

    :ivar run: of the generator that was begun last.
    """

    def __init__(self, block: Block, asks: bool = True) -> None:
        self.block = block
        self.asks = asks
        self.run = Run()
        self.workflow = Workflow(self._begin, "program")

    def before_its_changes(self) -> Program:
        """The code as it was when nothing of it was ``patched``."""
        return Program(self.block, asks=False)

    def _begin(self) -> Flow[list[Any]]:
        self.run = Run(asks=self.asks)
        return (yield from play(self.block, "s", self.run.in_new_fiber()))


def attempt(action: RunStep) -> Outcome[Any]:
    """What an attempt at a step of a program comes to."""
    return result_of_attempt(action.command, action.number)


def result_of_attempt(command: language.Step[Any], number: int) -> Outcome[Any]:
    failures, rate_limited, value = command.args
    if command.once and failures:
        return Error(OSError(f"the only attempt at {command.name}"))
    if number > failures:
        return Value(value)
    return Error(RetryAfter(1) if rate_limited else OSError(f"attempt {number} at {command.name}"))


def play(block: Block, path: str, run: Run) -> Flow[list[Any]]:
    answers: list[Any] = []
    for number, node in enumerate(block):
        if isinstance(node, Leave):
            break
        answers.append((yield from STATEMENTS.get(type(node), note)(node, f"{path}.{number}", run)))
    return answers


def note(node: Any, path: str, run: Run) -> Flow[Any]:
    """Yield the node's command, and note what comes of it."""
    try:
        answer = yield command(node, path, run)
    except BaseException as error:
        run.notes.append((path, type(node), plain(error)))
        if isinstance(error, Cancelled):
            run.fiber.append(path)
        raise
    run.notes.append((path, type(node), plain(answer)))
    told = Do | DoOnce | Nap | NapUntil | Tell | Show | Inquire | Later
    if isinstance(node, told) and answer != _expected(node, path):
        run.surprises.append(f"{path} was answered {answer}")
    return answer


def _expected(node: Any, path: str) -> Any:
    if isinstance(node, Inquire):
        return url_of(path)
    return node.value if isinstance(node, Do | DoOnce) else None


# Statements -------------------------------------------------------------------------------------


def guard(node: Guard, path: str, run: Run) -> Flow[Any]:
    try:
        return (yield from play(node.body, f"{path}.try", run))
    except CATCHES[node.catches] as error:
        return type(error).__name__
    finally:
        yield from play(node.cleanup, f"{path}.finally", run)


def helper(node: Helper, path: str, run: Run) -> Flow[Any]:
    return (yield from play(node.body, path, run))


def again(node: Again, path: str, run: Run) -> Flow[Any]:
    for _ in range(node.times):
        yield from play(node.body, path, run)


def fail(node: Fail, path: str, run: Run) -> Flow[Any]:
    raise LookupError(f"raised at {path}")
    yield


def scope(node: Together | First, path: str, run: Run) -> Flow[Any]:
    run.scopes[path] = True
    before = len(run.ends)
    try:
        answer = yield from note(node, path, run)
    finally:
        run.scopes[path] = False
    if not _fits(node, path, answer, dict(reversed(run.ends[before:]))):
        run.surprises.append(f"{path} was answered {answer}; ended: {run.ends[before:]}")
    return answer


def _fits(node: Together | First, path: str, answer: Any, ends: dict[str, Any]) -> bool:
    """Whether the answer is made of what the branches returned: all of them in order, or the first that did."""
    if isinstance(node, Together):
        returned = enumerate(plain(answer))
        return all(ends.get(f"{path}.{number}", value) == value for number, value in returned)
    number = int(answer.name[1:])
    is_generator = isinstance(node.branches[number], tuple)
    return not is_generator or ends[f"{path}.{number}"] == plain(answer.value)


def forked(node: Start, path: str, run: Run) -> Flow[Any]:
    run.tasks.append((yield from note(node, path, run)))


def ask(node: Ask | Stop, path: str, run: Run) -> Flow[Any]:
    return (yield from note(node, path, run)) if run.tasks else None


def change(node: Change, path: str, run: Run) -> Flow[Any]:
    if run.asks and (yield from note(node, path, run)):
        return (yield from play(node.new, f"{path}.new", run))
    return (yield from play(node.old, f"{path}.old", run))


STATEMENTS: dict[type[Any], Callable[[Any, str, Run], Flow[Any]]] = {
    Guard: guard,
    Helper: helper,
    Again: again,
    Fail: fail,
    Together: scope,
    First: scope,
    Start: forked,
    Ask: ask,
    Stop: ask,
    Change: change,
}


# Commands ---------------------------------------------------------------------------------------


def lived(block: Block, path: str, run: Run) -> Flow[list[Any]]:
    """A branch; note what it returned."""
    answers = yield from play(block, path, run)
    run.ends.append((path, plain(answers)))
    return answers


def command(node: Any, path: str, run: Run) -> Any:
    """What the node yields; a command, but for ``Mistake``."""
    match node:
        case Do() | DoOnce() | Nap() | NapUntil() | Await():
            return single(node, path)
        case Tell() | Show() | Inquire() | Child() | Later() | Change() | Anew():
            return outward(node, path)
        case Start() | Together() | First():
            return combined(node, path, run)
        case Ask():
            return run.tasks[node.number % len(run.tasks)]
        case Stop():
            return cancel(run.tasks[node.number % len(run.tasks)])
        case Look():
            return {"now": now, "uuid": uuid, "random": random}[node.at]()
    return 42


def combined(node: Start | Together | First, path: str, run: Run) -> Any:
    match node:
        case Start():
            return fork(branch(node.branch, f"{path}.fork", run))
        case Together():
            return gather(*branches(node, path, run), limit=node.limit)
        case First():
            return race(**{f"b{number}": made for number, made in enumerate(branches(node, path, run))})


def branches(node: Together | First, path: str, run: Run) -> list[Any]:
    return [branch(of, f"{path}.{number}", run) for number, of in enumerate(node.branches)]


def branch(of: Branch, path: str, run: Run) -> Any:
    if isinstance(of, tuple):
        return lived(of, path, run.in_new_fiber())
    if isinstance(of, Ask) and not run.tasks:
        return now()
    return command(of, path, run)
