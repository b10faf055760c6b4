"""``@workflow``: a generator function under a name and a version, and where it is found again.

Owns the registry. Calling a workflow gives the bare generator, so a unit test needs nothing
else. Knows nothing of what runs it.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from dataflows.checks import tell
from dataflows.checks.source import innermost_function
from dataflows.commands import Flow
from dataflows.errors import DuplicateWorkflow, UnknownWorkflow, WorkflowRefused
from dataflows.events import Event
from dataflows.limits import OWN_NAMES, check_at_once
from dataflows.names import check_name
from dataflows.retry import Retry
from dataflows.triggers import Starter, check_takes_an_event, read_triggers

__all__ = ["Registry", "Workflow", "registry", "workflow"]

P = ParamSpec("P")
T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


class Workflow(Generic[P, T_co]):
    """A generator function that can be run durably.

    :ivar name: what executions of it are stored under.
    :ivar version: which code; an execution stays on the version it was started with.
    :ivar retry: the default policy of its steps, or None for ``Retry()``.
    :ivar triggers: the events and schedules that start it.
    :ivar at_once: how many executions of it may run at the same time, or None for any number.
    :ivar at_once_by: from its arguments, what these are counted by, or None: all together.
    :ivar function: the decorated function.
    """

    def __init__(
        self,
        function: Callable[P, Flow[T_co]],
        name: str,
        version: int = 1,
        retry: Retry | None = None,
        triggers: Sequence[Starter] = (),
        at_once: int | None = None,
        at_once_by: Callable[..., object] | None = None,
    ) -> None:
        functools.update_wrapper(self, function)  # first: it copies attributes, and a workflow's own are below
        self.function = function
        self.name = name
        self.version = version
        self.retry = retry
        self.triggers = tuple(triggers)
        self.at_once = at_once
        self.at_once_by = at_once_by

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Flow[T_co]:
        return self.function(*args, **kwargs)

    def limit_for(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        """The name of the limit that an execution with these arguments is counted in, where it has ``at_once``.

        :raises TypeError: ``at_once_by`` answers neither a ``str`` nor an ``int``.
        :raises ValueError: what it answers is too long, or cannot be stored.
        """
        if self.at_once_by is None:
            return f"{OWN_NAMES}{self.name}"
        key = self.at_once_by(*args, **kwargs)
        if isinstance(key, int) and not isinstance(key, bool):
            key = str(key)
        return f"{OWN_NAMES}{self.name}[{check_name(key, f'what at_once_by of workflow {self.name!r} answers')}]"

    def __repr__(self) -> str:
        return f"<workflow {self.name!r} version {self.version} from {self.source}>"

    @property
    def source(self) -> str:
        """``file:line`` of the function."""
        function: Any = innermost_function(self.function)
        code = function.__code__
        return f"{code.co_filename}:{code.co_firstlineno}"


class Registry:
    """The workflows that this process knows, by name and version."""

    def __init__(self) -> None:
        self._workflows: dict[str, dict[int, Workflow[..., Any]]] = {}

    def __iter__(self) -> Iterator[Workflow[..., Any]]:
        return (found for versions in self._workflows.values() for found in versions.values())

    def __contains__(self, workflow: object) -> bool:
        return (
            isinstance(workflow, Workflow) and self._workflows.get(workflow.name, {}).get(workflow.version) is workflow
        )

    def add(self, added: Workflow[..., Any]) -> None:
        """Register; the same code again (a module that was imported under a second name) takes its place.

        :raises DuplicateWorkflow: other code has that name and version.
        """
        versions = self._workflows.setdefault(added.name, {})
        known = versions.get(added.version)
        if known is not None and known.source != added.source:
            raise DuplicateWorkflow(
                f"workflow {added.name!r} version {added.version} is defined twice: at {known.source} and at "
                f"{added.source}; give one another name, or another version="
            )
        versions[added.version] = added

    def find(self, name: str, version: int | None = None) -> Workflow[..., Any]:
        """The workflow of that name; without a version, the newest (the highest).

        :raises UnknownWorkflow: none is registered; the message lists those that are.
        """
        versions = self._workflows.get(name)
        if not versions:
            raise UnknownWorkflow(f"no workflow {name!r} is registered here; {_listing('known', self._workflows)}")
        found = versions.get(max(versions) if version is None else version)
        if found is None:
            raise UnknownWorkflow(f"workflow {name!r} has no version {version} here; {_listing('there is', versions)}")
        return found


registry = Registry()
"""Where ``@workflow`` registers."""


@overload
def workflow(
    name: str,
    /,
    *,
    version: int = 1,
    retry: Retry | None = None,
    trigger: None = None,
    strict: bool | None = None,
    at_once: int | None = None,
    at_once_by: Callable[..., object] | None = None,
) -> Callable[[Callable[P, Flow[T]]], Workflow[P, T]]: ...
@overload
def workflow(
    name: str,
    /,
    *,
    version: int = 1,
    retry: Retry | None = None,
    trigger: Starter | Sequence[Starter],
    strict: bool | None = None,
    at_once: int | None = None,
    at_once_by: Callable[[Event], object] | None = None,
) -> Callable[[Callable[Concatenate[Event, P], Flow[T]]], Workflow[Concatenate[Event, P], T]]: ...
def workflow(
    name: str,
    /,
    *,
    version: int = 1,
    retry: Retry | None = None,
    trigger: Starter | Sequence[Starter] | None = None,
    strict: bool | None = None,
    at_once: int | None = None,
    at_once_by: Callable[..., object] | None = None,
) -> Callable[[Callable[..., Flow[T]]], Workflow[..., T]]:
    """Register a generator function as the workflow ``name``.

    Its source is checked for what would not replay (``dataflows.checks``); each finding is a ``WorkflowWarning``.

    :param version: a whole number; new executions take the highest, running ones keep theirs.
    :param retry: the default policy of its steps.
    :param trigger: what starts it: a trigger, a schedule, or a list of these, any of which does. Such a workflow takes
        one ``Event``; what else it takes has defaults.
    :param strict: whether findings are errors; default: whether ``dataflows.checks.strict()`` or the environment
        variable ``DATAFLOWS_STRICT=1`` has said so.
    :param at_once: how many executions of it, of whatever version, may be between their first command and their end at
        the same time; others wait their turn, first come, first served.
    :param at_once_by: called with its arguments; executions are counted together for which it answers the same ``str``
        or ``int``: ``at_once_by=lambda event: event.data["project"]``.
    :raises TypeError: ``trigger`` is neither a trigger nor a schedule nor a list of these.
    :raises WorkflowRefused: what is decorated is no generator function, has a trigger and takes no event, or has
        findings where they are errors.
    :raises DuplicateWorkflow: other code is registered under that name and version.
    """
    check_name(name, "a workflow's name")
    if isinstance(version, bool) or not isinstance(version, int) or not 0 < version < 2**31:
        raise ValueError(f"@workflow({name!r}, version=) is a whole number from 1; got {version!r}")
    triggers = read_triggers(name, trigger)
    check_at_once(at_once, f"@workflow({name!r}, at_once=)")
    if at_once_by is not None and (at_once is None or not callable(at_once_by)):
        raise ValueError(f"@workflow({name!r}, at_once_by=) is a function of its arguments, and goes with at_once=")

    def register(function: Callable[..., Flow[T]]) -> Workflow[..., T]:
        _check_generator_function(name, function)
        if triggers:
            check_takes_an_event(name, function)
        tell(name, function, strict)
        made = Workflow(function, name, version, retry, triggers, at_once, at_once_by)
        registry.add(made)
        return made

    return register


def _check_generator_function(name: str, function: object) -> None:
    inner = inspect.unwrap(function) if callable(function) else function
    if inspect.isgeneratorfunction(inner):
        return
    if inspect.iscoroutinefunction(inner) or inspect.isasyncgenfunction(inner):
        problem = "is async; a workflow is a plain `def` that yields commands (its steps may be async)"
    elif inspect.isfunction(inner):
        problem = "never yields; a workflow is a generator function: `yield from step(...)`"
    else:
        problem = f"is {type(inner).__name__}; decorate a generator function"
    code = getattr(inner, "__code__", None)
    place = f"{code.co_filename}:{code.co_firstlineno}: " if code is not None else ""
    raise WorkflowRefused(f"{place}@workflow({name!r}): {getattr(inner, '__qualname__', inner)!r} {problem}")


def _listing(words: str, names: Iterable[object]) -> str:
    listed = ", ".join(sorted(map(repr, names)))
    return f"{words}: {listed}" if listed else "nor is any other: import the module that defines it"
