"""Many ways through a workflow, as one tree.

Owns the tree: what the ways have in common stands once, what is in a branch stands below it, and
what repeats itself is shown once, with how often.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from dataflows.logs import replaying
from dataflows.workflow import Workflow
from interpreter.machine import format_position
from interpreter.testing.explaining.choices import Choice, Choices
from interpreter.testing.explaining.nodes import Node, common_tail, folded
from interpreter.testing.explaining.ways import LAST, Seen, Way

__all__ = ["Node", "explain"]

_MOST_WAYS = 64
_MOST_COMMANDS = 100


def explain(
    workflow: Workflow[..., Any],
    *args: Any,
    kwargs: dict[str, Any] | None = None,
    commands: int = _MOST_COMMANDS,
    ways: int = _MOST_WAYS,
) -> list[Node]:
    """The commands that a workflow would yield. No step is run; only the workflow's own code is.

    What a step, a wait or a child would answer is a placeholder, which shows in what is made of it as where it
    came from: ``fetch-item.title``. Where the code asks whether one is true, which branch of a race is first and
    whether a wait is answered in time, both ways are shown. That a step fails is not among them.

    :param args: what it is called with; with ``kwargs`` by name. They may be placeholders.
    :param commands: after so many, a way is left: it may be a loop.
    :param ways: so many are gone at most.
    """
    token = replaying.set(True)
    try:
        gone, left = _go_all(workflow, args, kwargs or {}, commands, ways)
    finally:
        replaying.reset(token)
    cut = [Node("cut", details=f"there are more ways than the {ways} shown")] if left else []
    return [*_merged(gone), *cut]


def _go_all(
    workflow: Workflow[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], commands: int, most: int
) -> tuple[list[list[Seen | Choice]], bool]:
    waiting: list[list[int]] = [[]]
    gone: list[list[Seen | Choice]] = []
    while waiting and len(gone) < most:
        choices = Choices(waiting.pop())
        way = Way(workflow, choices, commands)
        way.go(args, kwargs)
        gone.append(way.events)
        waiting.extend(choices.alternatives())
    return gone, bool(waiting)


def _merged(ways: Sequence[Sequence[Seen | Choice]]) -> list[Node]:
    """What all have in common, up to the first choice; there it parts."""
    common: list[Seen] = []
    for event in ways[0]:
        if isinstance(event, Choice):
            return [*_nested(common), *_parted(event, ways, len(common))]
        common.append(event)
    return _nested(common)


def _parted(choice: Choice, ways: Sequence[Sequence[Seen | Choice]], index: int) -> list[Node]:
    """The choice, and behind it what follows whichever way was gone."""
    options = []
    for number, name in enumerate(choice.options):
        following = [way[index + 1 :] for way in ways if _took(way[index]) == number]
        if following:
            options.append(Node("option", name, below=_merged(following)))
    tail = common_tail([option.below for option in options])
    for option in options:
        option.below = option.below[: len(option.below) - len(tail)]
    return [Node("choice", choice.question, place=choice.place, below=options), *tail]


def _took(event: Seen | Choice) -> int | None:
    return event.taken if isinstance(event, Choice) else None


def _nested(seen: Iterable[Seen]) -> list[Node]:
    """By position: a command stands below the branch that it is in, whenever it was reached."""
    roots: list[Node] = []
    around: list[tuple[Seen, Node]] = []
    for each in sorted(seen, key=lambda each: each.position):
        position = "" if each.position == LAST else format_position(each.position)
        node = Node(each.kind, each.name, position, each.details, each.place)
        while around and around[-1][0].position != each.position[: len(around[-1][0].position)]:
            around.pop()
        (around[-1][1].below if around else roots).append(node)
        around.append((each, node))
    return folded(roots)
