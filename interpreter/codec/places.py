"""Where inside a value something stands: ``['a'][3].name``.

Owns the walk through a value, for messages only: it takes its time, and gives up on a huge value.
Knows nothing of what is being looked for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice

__all__ = ["Part", "parts_of", "walk"]

Part = tuple[str, object]
"""How one gets there, written as Python would, and what is there."""

_MOST = 1_000_000
_LONGEST = 300
# In characters: below, a place is no help any more, and a chain of 100,000 would take all memory.


def walk(value: object, parts: Callable[[object], Iterator[Part]]) -> Iterator[Part]:
    """Every object inside the value with the way to it, nearest first, each once; the value itself is at ``""``."""
    waiting: deque[Part] = deque([("", value)])
    # The objects are kept, since an attribute may be made anew at each look and its id reused.
    seen: dict[int, object] = {}
    while waiting and len(seen) < _MOST:
        place, node = waiting.popleft()
        if id(node) not in seen:
            seen[id(node)] = node
            yield place, node
            if len(place) < _LONGEST:
                waiting.extend((place + suffix, part) for suffix, part in islice(parts(node), _MOST))


def parts_of(node: object) -> Iterator[Part]:
    """What a container or an instance directly holds."""
    if isinstance(node, dict):
        for key, item in node.items():
            yield f"[{_short(key)}]", item
            yield f" key {_short(key)}", key
    elif isinstance(node, list | tuple):
        yield from ((f"[{index}]", item) for index, item in enumerate(node))
    elif isinstance(node, set | frozenset):
        yield from ((f" member {_short(item)}", item) for item in node)
    if not isinstance(node, type):
        yield from _attributes(node)


def _attributes(node: object) -> Iterator[Part]:
    names = dict.fromkeys(getattr(node, "__dict__", ()))
    for kind in type(node).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        names |= dict.fromkeys([slots] if isinstance(slots, str) else slots)
    for name in names:
        try:
            yield f".{name}", getattr(node, name)
        except Exception:
            continue  # an empty slot, or a property that fails: nothing can be in it


def _short(key: object) -> str:
    try:
        text = repr(key)
    except Exception:
        return f"<{type(key).__name__}>"
    return text if len(text) <= 60 else f"{text[:57]}..."
