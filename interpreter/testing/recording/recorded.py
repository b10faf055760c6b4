"""An execution told line by line, as it really went, and checked against the code at every line.

Owns what each line of a recorded test means, and what is said where the code has changed. There is
no server and no clock: time goes on with what is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NoReturn, Self, TypeVar

from dataflows.errors import Cancelled
from dataflows.outcome import Error, Outcome, Value
from dataflows.workflow import Workflow
from interpreter.codec import decode, decode_error, encode, encode_error
from interpreter.machine import (
    AwaitChild,
    AwaitSignal,
    BeginStep,
    Begun,
    CallbackOpened,
    CancelRequested,
    ChildEnded,
    ChildStarted,
    End,
    Entry,
    Fact,
    Machine,
    MarkPatch,
    Open,
    OpenCallback,
    PatchMarked,
    Placed,
    Published,
    PublishValue,
    Renew,
    RunStep,
    SendSignal,
    SetTimer,
    SignalReceived,
    SignalSent,
    Slept,
    StartChild,
    Started,
    StepBegun,
    StepEnded,
    StepStopped,
    StopChild,
    StopStep,
    WaitTimedOut,
    format_position,
)
from interpreter.testing.plans import url_for
from interpreter.testing.standing import open_commands

__all__ = ["Recorded", "fresh", "given_to"]

OpenT = TypeVar("OpenT", bound=Placed)

NOT_TOLD: Final[Any] = object()


class Recorded:
    """One execution; a context manager, at whose end the workflow is let go.

    Every method tells the code what came next. ``position``, like ``"1.0.0"``, says which is meant where
    several of a name are open; ``at``, an ISO time, when it happened, where the code asks for the time.

    :param args: what the workflow was started with; ``kwargs`` by name.
    :param seed: of its ``uuid()`` and ``random()``.
    :param begun: when it began.
    :param passed: the changes that older code had passed, for which ``patched(...)`` is False.
    :raises AssertionError: by each method: the code wants something else now.
    """

    def __init__(
        self,
        workflow: Workflow[..., Any],
        /,
        *args: Any,
        kwargs: Mapping[str, Any] | None = None,
        seed: str = "",
        begun: str = "2000-01-01T00:00:00+00:00",
        passed: Iterable[str] = (),
    ) -> None:
        self._machine = Machine(workflow, passed)
        self._now = datetime.fromisoformat(begun).astimezone(UTC)
        self._apply(Started(fresh(args), fresh(dict(kwargs or {})), seed))
        self._apply(Begun())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._machine.abandon()

    # What happened ------------------------------------------------------------------------------

    def step(
        self,
        name: str,
        *,
        given: tuple[Any, ...] = NOT_TOLD,
        returns: Any = None,
        raises: BaseException | None = None,
        position: str | None = None,
        at: str | None = None,
    ) -> None:
        """A step ended: with what it returned, or what it raised.

        :param given: what its function was called with; not told: whatever it is.
        """
        action: Placed = self._open(f"step {name!r}", (RunStep, BeginStep, StopStep), name, position)
        if given is not NOT_TOLD and isinstance(action, RunStep | BeginStep):
            self._compare(f"what step {name!r} is given", given, given_to(action))
        if isinstance(action, BeginStep):
            self._apply(StepBegun(action.position, name, action.branch), at)
        self._apply(StepEnded(action.position, name, action.branch, outcome=_outcome(returns, raises)), at)

    def stopped(self, name: str, *, position: str | None = None, at: str | None = None) -> None:
        """A cancelled step came to rest."""
        action = self._open(f"the stopping of step {name!r}", (StopStep,), name, position)
        self._apply(StepStopped(action.position, name, action.branch), at)

    def sleep(self, name: str, *, position: str | None = None, at: str | None = None) -> None:
        """A sleep was over."""
        action = self._open(f"sleep {name!r}", (SetTimer,), name, position)
        self._pass(action.due)
        self._apply(Slept(action.position, name, action.branch), at)

    def timeout(self, name: str, *, position: str | None = None, at: str | None = None) -> None:
        """A wait's time was over."""
        action = self._open(f"wait {name!r} with a timeout", (AwaitSignal,), name, position)
        self._pass(action.due)
        self._apply(WaitTimedOut(action.position, name, action.branch), at)

    def signal(self, name: str, payload: Any = None, *, key: str | None = None, at: str | None = None) -> None:
        """A signal came, or the event with that key."""
        self._pass_to(at)
        self._apply(SignalReceived(name, fresh(payload), self._now, key))

    def went_on(self, *, at: str | None = None) -> None:
        """A retry, or a fork, let it go on from here: timeouts and sleeps that were open have begun anew."""
        self._apply(Begun(), at)

    def cancel(self, *, at: str | None = None) -> None:
        """Somebody asked to cancel it."""
        self._apply(CancelRequested(), at)

    # Other executions, and versions -------------------------------------------------------------

    def child(
        self,
        name: str,
        *,
        returns: Any = None,
        raises: BaseException | None = None,
        position: str | None = None,
        at: str | None = None,
    ) -> None:
        """A child ended; the name is its workflow's."""
        action: Placed = self._open(f"child {name!r}", (StartChild, AwaitChild, StopChild), name, position)
        place = (action.position, name, action.branch)
        if isinstance(action, StartChild):
            self._apply(ChildStarted(*place, id=name), at)
        self._apply(ChildEnded(*place, outcome=_outcome(returns, raises)), at)

    def started(self, name: str, *, id: str, position: str | None = None, at: str | None = None) -> None:
        """An execution was started, to go its own way."""
        action = self._open(f"the start of {name!r}", (StartChild,), name, position)
        self._apply(ChildStarted(action.position, name, action.branch, id=id), at)

    def sent(
        self, name: str, *, raises: BaseException | None = None, position: str | None = None, at: str | None = None
    ) -> None:
        """It sent a signal to another."""
        action = self._open(f"signal {name!r}", (SendSignal,), name, position)
        self._apply(SignalSent(action.position, name, action.branch, outcome=_outcome(None, raises)), at)

    def published(self, key: str, value: Any = NOT_TOLD, *, position: str | None = None, at: str | None = None) -> None:
        """It set what can be read under this key."""
        action = self._open(f"publish {key!r}", (PublishValue,), key, position)
        if value is not NOT_TOLD:
            self._compare(f"what is published as {key!r}", value, action.command.value)
        self._apply(Published(action.position, key, action.branch, outcome=Value(None)), at)

    def callback(self, name: str, *, position: str | None = None, at: str | None = None) -> None:
        """It opened a callback. The code is given a made-up URL: whoever has the real one may answer."""
        action = self._open(f"callback {name!r}", (OpenCallback,), name, position)
        url = url_for(name, action.position)
        self._apply(CallbackOpened(action.position, name, action.branch, url=url), at)

    def patched(self, change: str, *, at: str | None = None) -> None:
        """It was new code that got to this change first."""
        action = self._open(f"patched({change!r})", (MarkPatch,), change, None)
        self._apply(PatchMarked(action.position, change, action.branch), at)

    # What it came to ----------------------------------------------------------------------------

    def returned(self, value: Any) -> None:
        """The workflow returned this."""
        outcome = self._ended(f"returned {value!r}")
        if not isinstance(outcome, Value):
            _fail(f"the workflow returned {value!r}; now it raises {outcome.exception!r}")
        self._compare("what the workflow returns", value, outcome.value)

    def raised(self, error: BaseException) -> None:
        """The workflow raised this: the same type and the same text are enough."""
        outcome = self._ended(f"raised {error!r}")
        now = outcome.exception if isinstance(outcome, Error) else outcome.value
        if type(now) is not type(error) or str(now) != str(error):
            _fail(f"the workflow raised {error!r}; now it comes to {now!r}")

    def was_cancelled(self) -> None:
        """It ended as cancelled."""
        outcome = self._ended("was cancelled")
        if not isinstance(outcome, Error) or not isinstance(outcome.exception, Cancelled):
            _fail(f"it was cancelled; now it comes to {outcome!r}")

    def continued_as_new(self, *args: Any) -> None:
        """It began again, with these arguments."""
        renew = self._machine.open.get(())
        if not isinstance(renew, Renew):
            _fail(f"recorded is that it continues as new; the code wants {self._described()}")
        self._compare("what it continues with", args, renew.args)

    def stands_at(self, *commands: str) -> None:
        """It has not ended: these are open, like ``"wait 'approval'"``."""
        self._compare("what is open", commands, self._wanted())

    # The machine --------------------------------------------------------------------------------

    def _open(self, told: str, kinds: tuple[type[OpenT], ...], name: str, position: str | None) -> OpenT:
        for action in self._machine.open.values():
            if isinstance(action, kinds) and _is_meant(action, name, position):
                return action
        at = f" at {position}" if position else ""
        raise AssertionError(f"recorded is {told}{at}; the code wants {self._described()}")

    def _described(self) -> str:
        wanted = ", ".join(self._wanted()) or "nothing more"
        places = [f"\n  at {place}" for place in self._machine.where()]
        outcome = self._machine.outcome
        ended = "" if outcome is None else f": it has come to {outcome!r}"
        return "".join([wanted, ended, *places])

    def _wanted(self) -> tuple[str, ...]:
        return tuple(f"{each.kind} {each.name!r}" for each in open_commands(self._machine))

    def _ended(self, told: str) -> Outcome[Any]:
        if self._machine.outcome is None:
            _fail(f"recorded is that it {told}; the code wants {self._described()}")
        return self._machine.outcome

    def _compare(self, what: str, recorded: object, now: object) -> None:
        if now != recorded:
            places = "".join(f"\n  at {place}" for place in self._machine.where())
            _fail(f"{what} has changed\n  recorded: {recorded!r}\n  now:      {now!r}{places}")

    def _apply(self, fact: Fact, at: str | None = None) -> None:
        self._pass_to(at)
        self._machine.apply(Entry(self._machine.seq + 1, self._now, fact))

    def _pass_to(self, at: str | None) -> None:
        self._pass(None if at is None else datetime.fromisoformat(at))

    def _pass(self, moment: datetime | None) -> None:
        if moment is not None:
            self._now = max(self._now, moment)


def _is_meant(action: Open, name: str, position: str | None) -> bool:
    if isinstance(action, End | Renew) or action.name != name:
        return False
    return position in (None, format_position(action.position))


def _outcome(returns: Any, raises: BaseException | None) -> Outcome[Any]:
    return Value(fresh(returns)) if raises is None else Error(decode_error(encode_error(raises)))


def given_to(action: RunStep | BeginStep) -> tuple[Any, ...]:
    """What a step's function is called with; its keyword arguments are the last item, if there are any."""
    named = (action.command.kwargs,) if action.command.kwargs else ()
    return (*action.command.args, *named)


def _fail(message: str) -> NoReturn:
    raise AssertionError(message)


def fresh(value: Any) -> Any:
    """As the code would be given it: written down and read again."""
    return decode(encode(value, "a recorded value"))
