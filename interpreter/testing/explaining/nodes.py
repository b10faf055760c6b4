"""The nodes of an explanation, and what is equal in them.

Owns how repetitions are folded, and what two branches end with in common. Knows nothing of how they were made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

__all__ = ["Node", "common_tail", "folded"]

_NUMBER = re.compile(r"\d+")


@dataclass(slots=True)
class Node:
    """A command that would be yielded, or what happens between commands.

    :ivar kind: ``step``, ``transaction``, ``defer``, ``sleep``, ``wait``, ``child``, ``start``, ``signal``,
        ``publish``, ``callback``; ``gather``, ``race``, ``fork`` and, below these, ``branch``; ``choice`` and, below
        it, ``option``; ``returns``, ``raises``, ``continues``; or ``cut``, where it was left.
    :ivar position: like ``"3.0.2"``; "" where it has none.
    :ivar details: what it would do and with what, in words.
    :ivar place: ``file:line: text``.
    :ivar times: how often it, and what is beside it in its ``block``, comes one after the other.
    :ivar block: of how many nodes what repeats itself consists, this one the first.
    :ivar below: what is in it; of an option, what follows.
    """

    kind: str
    name: str = ""
    position: str = ""
    details: str = ""
    place: str = ""
    times: int = 1
    block: int = 1
    below: list[Node] = field(default_factory=list)

    @property
    def shape(self) -> tuple[Any, ...]:
        """What is equal in two rounds of a loop."""
        return (self.kind, _NUMBER.sub("#", self.name), self.place, tuple(node.shape for node in self.below))


def folded(nodes: list[Node]) -> list[Node]:
    """The nodes with every repetition, one behind the other, shown once."""
    for node in nodes:
        node.below = folded(node.below)
    return list(_rounds(nodes, [node.shape for node in nodes]))


def _rounds(nodes: list[Node], shapes: list[tuple[Any, ...]]) -> Iterator[Node]:
    at = 0
    while at < len(nodes):
        length, times = _repetition(shapes, at)
        nodes[at].times, nodes[at].block = times, length
        yield from nodes[at : at + length]
        at += length * times
        at += _begun_again(shapes, at, length) if times > 1 else 0


def _begun_again(shapes: list[tuple[Any, ...]], at: int, length: int) -> int:
    """How many nodes of another round there are before the way is cut."""
    rest = shapes[at:]
    is_cut = bool(rest) and rest[-1][0] == "cut" and len(rest) <= length
    return len(rest) - 1 if is_cut and rest[:-1] == shapes[at - length : at - length + len(rest) - 1] else 0


def _repetition(shapes: list[tuple[Any, ...]], at: int) -> tuple[int, int]:
    """How long the block is that repeats itself from here on, and how often it comes; (1, 1) if none does."""
    for length in range(1, (len(shapes) - at) // 2 + 1):
        block, times = shapes[at : at + length], 1
        while shapes[at + times * length : at + (times + 1) * length] == block:
            times += 1
        if times > 1:
            return length, times
    return 1, 1


def common_tail(branches: Sequence[list[Node]]) -> list[Node]:
    """The nodes that all the branches end with; a repetition is not torn apart."""
    if len(branches) < 2:
        return []
    length = 0
    for together in zip(*map(reversed, branches), strict=False):
        if len({_told(node) for node in together}) > 1:
            break
        length += 1
    while length and any(_is_inside_block(nodes, len(nodes) - length) for nodes in branches):
        length -= 1
    tails = [nodes[len(nodes) - length :] for nodes in branches]
    return [_in_common(together) for together in zip(*tails, strict=True)]


def _told(node: Node) -> tuple[Any, ...]:
    """What a reader is told by it, but for positions, which depend on what was before."""
    place = "" if node.kind == "cut" else node.place
    return (node.kind, node.name, node.details, place, node.block, tuple(map(_told, node.below)))


def _is_inside_block(nodes: list[Node], index: int) -> bool:
    return any(at < index < at + node.block for at, node in enumerate(nodes))


def _in_common(together: Sequence[Node]) -> Node:
    first = together[0]
    below = [_in_common(nodes) for nodes in zip(*(node.below for node in together), strict=True)]
    position = first.position if len({node.position for node in together}) == 1 else ""
    return replace(first, position=position, times=min(node.times for node in together), below=below)
