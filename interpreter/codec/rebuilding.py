"""How an exception object is made again: the recipe that is stored, and following it.

Owns the choice of a recipe, which is tried out before it is stored. Many exceptions do not
survive being pickled as usual: ``__init__`` takes other arguments than ``args``, they hold a
socket, or they are frozen dataclasses. Knows nothing of texts, tracebacks and chains.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, cast

from interpreter.codec import pickling
from interpreter.codec.seals import seal, unseal

__all__ = ["LARGEST_RECIPE", "follow", "recipe_for", "text_of", "without_init"]

LARGEST_RECIPE = 1_000_000
"""In bytes. An exception that needs more comes back with its text only."""


class _Recipe(NamedTuple):
    make: Callable[..., Any]
    arguments: tuple[Any, ...]
    state: object


def text_of(thing: object) -> str:
    """``str(thing)``, or a note that it has none; never raises."""
    try:
        return str.__str__(str(thing))
    except BaseException as error:  # whatever the author's __str__ raises, the exception itself must arrive
        return f"<no text: its __str__ raised {type(error).__name__}>"


def recipe_for(exception: BaseException, text: str) -> str | None:
    """What ``follow`` makes an exception of the same type from; None if there is no way.

    :param text: taken for the exception's arguments where those cannot be stored.
    """
    for recipes in (_faithful(exception), _without_arguments(exception, text)):
        if data := _first_that_works(recipes, exception):
            return base64.b64encode(seal(data)).decode()
    return None


def follow(recipe: str, members: Sequence[BaseException]) -> BaseException:
    """A fresh exception. Whatever finding and making it raises comes through.

    :param members: the exceptions in it, if it is a group.
    """
    return _follow(*pickling.load(unseal(base64.b64decode(recipe))), members=members)


def without_init(kind: type[BaseException], *arguments: object) -> BaseException:
    """An exception with these ``args`` whose ``__init__``, and own ``__new__``, have not been called.

    Stored recipes call this function: it may not move.
    """
    builtin: Any = next(base for base in kind.__mro__ if base.__module__ == "builtins")
    return cast(BaseException, builtin.__new__(kind, *arguments))


def group_without_init(kind: type[BaseException], message: str, members: list[BaseException]) -> BaseException:
    """The same for a group. Stored recipes call this function: it may not move."""
    return without_init(kind, message, members)


def _first_that_works(recipes: Iterator[_Recipe], exception: BaseException) -> bytes | None:
    """The pickle of the first recipe to give the same type and text; else of the last to give the type."""
    text, best = text_of(exception), None
    for recipe in recipes:
        try:
            data = pickling.dump(tuple(recipe))
            again = _follow(*pickling.load(data), members=getattr(exception, "exceptions", ()))
        except BaseException:  # it may be the author's own __init__ that raised
            continue
        if type(again) is type(exception) and len(data) <= LARGEST_RECIPE:
            best = data
            if text_of(again) == text:
                break
    return best


def _follow(make: Any, arguments: tuple[Any, ...], state: Any, *, members: Sequence[BaseException]) -> BaseException:
    exception = make(*arguments, *([list(members)] if make is group_without_init else []))
    if not isinstance(exception, BaseException):
        raise TypeError(f"{type(exception).__name__} is no exception")
    if state:
        _restore(exception, state)
    return exception


def _restore(exception: BaseException, state: Any) -> None:
    try:
        exception.__setstate__(state)
    except AttributeError:  # a frozen dataclass refuses to have its attributes set
        vars(exception).update(state)


def _faithful(exception: BaseException) -> Iterator[_Recipe]:
    """Recipes that keep all that the exception holds, the class's own first."""
    kind = type(exception)
    if isinstance(exception, BaseExceptionGroup):
        yield _Recipe(group_without_init, (kind, exception.message), _attributes(exception))
    else:
        yield from _own_recipe(exception)
        yield _Recipe(without_init, (kind, *exception.args), _attributes(exception))


def _without_arguments(exception: BaseException, text: str) -> Iterator[_Recipe]:
    """Recipes for an exception that holds what cannot be stored."""
    kind, attributes = type(exception), _storable(_attributes(exception))
    if isinstance(exception, BaseExceptionGroup):
        yield _Recipe(group_without_init, (kind, exception.message), attributes)
    else:
        yield _Recipe(without_init, (kind, text), attributes)


def _own_recipe(exception: BaseException) -> Iterator[_Recipe]:
    """What pickle would do: for most classes, call it with ``args``, then restore its attributes."""
    try:
        reduced: Any = exception.__reduce_ex__(4)
        make, arguments, state = [*reduced, None][:3]
    except BaseException:  # the author's own __reduce__ may raise anything
        return
    yield _Recipe(make, arguments, _without_notes(state) if isinstance(state, dict) else state)


def _attributes(exception: BaseException) -> dict[str, Any]:
    return _without_notes(vars(exception))


def _without_notes(state: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in state.items() if name != "__notes__"}


def _storable(state: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in state.items() if _is_storable(value)}


def _is_storable(value: object) -> bool:
    try:
        return len(pickling.dump(value)) <= LARGEST_RECIPE // 10
    except pickling.Unstorable:
        return False
