"""Exceptions to bytes and back, with everything that they are linked to.

Owns the envelope: type, text, traceback, notes, cause, context, a group's members, and how to
make the object again. Encoding and decoding never raise: an outcome must not be lost because
the exception in it is broken. What cannot be made again arrives as ``StepFailed``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from dataflows.errors import StepFailed
from interpreter.codec.encoded import ERROR, Encoded
from interpreter.codec.names import dotted, find
from interpreter.codec.portraits import split_notes, traceback_note, traceback_of, truncate, type_name
from interpreter.codec.rebuilding import follow, recipe_for, text_of, without_init

__all__ = ["decode_error", "encode_error"]

_LONGEST_TEXT = 100_000
_DEEPEST = 30
_MOST_LINKED = 100
_MOST_MEMBERS = 50


def encode_error(exception: BaseException) -> Encoded:
    """The exception as it is stored; never raises.

    Texts are truncated in the middle, chains after 30 links, groups after 50 members; a chain that
    comes back to itself is cut there.
    """
    try:
        envelope = _Envelope().of(exception)
        data = json.dumps(envelope)
    except BaseException as error:
        data = json.dumps(_bare(exception, error))
    return Encoded(ERROR, data.encode())


def decode_error(encoded: Encoded) -> BaseException:
    """A fresh exception at each call, of the original type wherever that is found; never raises.

    A note says where it was first raised.
    """
    try:
        envelope = json.loads(encoded.data)
        linked: list[BaseException] = []
        for node in envelope["linked"]:
            linked.append(_build(node, linked))
        return _build(envelope, linked)
    except BaseException as error:
        return StepFailed("an error that cannot be read", f"{type(error).__name__}: {text_of(error)}")


class _Envelope:
    """Collects what an exception is linked to, innermost first, so that each refers to earlier ones only."""

    def __init__(self) -> None:
        self._linked: list[dict[str, Any]] = []
        self._places: dict[int, int] = {}
        self._open: set[int] = set()

    def of(self, exception: BaseException) -> dict[str, Any]:
        return self._node(exception) | {"linked": self._linked}

    def _node(self, exception: BaseException) -> dict[str, Any]:
        self._open.add(id(exception))
        node = _portrait(exception)
        node["cause"] = self._link(exception.__cause__)
        node["context"] = self._link(exception.__context__)
        node["suppress_context"] = exception.__suppress_context__
        if isinstance(exception, BaseExceptionGroup):
            members = map(self._link, exception.exceptions[:_MOST_MEMBERS])
            node["members"] = [member for member in members if member is not None]
        self._open.discard(id(exception))
        return node

    def _link(self, exception: BaseException | None) -> int | None:
        if exception is None or id(exception) in self._open:
            return None
        if id(exception) not in self._places:
            if len(self._open) >= _DEEPEST or len(self._linked) >= _MOST_LINKED:
                return None
            node = self._node(exception)
            self._places[id(exception)] = len(self._linked)
            self._linked.append(node)
        return self._places[id(exception)]


def _portrait(exception: BaseException) -> dict[str, Any]:
    """The exception by itself, without its links."""
    notes, first_traceback = split_notes(exception)
    text = truncate(text_of(exception), _LONGEST_TEXT)
    module, qualname = type_name(type(exception))
    return {
        "module": module,
        "qualname": qualname,
        "text": text,
        "traceback": first_traceback or traceback_of(exception, text),
        "notes": notes,
        "recipe": recipe_for(exception, text),
    }


def _bare(exception: BaseException, error: BaseException) -> dict[str, Any]:
    """For an exception that resists even being looked at."""
    text = f"<it could not be described: {type(error).__name__}>"
    try:
        module, qualname = type_name(type(exception))
    except BaseException:
        module, qualname = "builtins", type.__repr__(type(exception))
    return {"module": module, "qualname": qualname, "text": text, "traceback": "", "linked": []}


def _build(node: dict[str, Any], linked: Sequence[BaseException]) -> BaseException:
    members = [linked[index] for index in node.get("members", ())]
    exception = _made_again(node, members)
    notes = [*node.get("notes", ()), *traceback_note(node["traceback"])]
    # Set past a class's own __setattr__, which for a frozen dataclass refuses everything.
    if notes:
        BaseException.__setattr__(exception, "__notes__", notes)
    for link in ("cause", "context"):
        if node.get(link) is not None:
            BaseException.__setattr__(exception, f"__{link}__", linked[node[link]])
    BaseException.__setattr__(exception, "__suppress_context__", node.get("suppress_context", False))
    return exception


def _made_again(node: dict[str, Any], members: list[BaseException]) -> BaseException:
    for make in (_by_recipe, _by_name):
        try:
            return make(node, members)
        except BaseException:  # its class is gone or has changed, or its __init__ raises
            continue
    return StepFailed(dotted(node["module"], node["qualname"]), node["text"], node["traceback"])


def _by_recipe(node: dict[str, Any], members: list[BaseException]) -> BaseException:
    return follow(node["recipe"], members)


def _by_name(node: dict[str, Any], members: list[BaseException]) -> BaseException:
    exception = without_init(find(node["module"], node["qualname"]), node["text"], *([members] if members else []))
    if not isinstance(exception, BaseException):
        raise TypeError(f"{node['qualname']} is no exception any more")
    return exception
