"""Importing the modules that define workflows, as a person names them.

Owns the words in which a module that cannot be imported is refused, and where the checks of workflows are not told.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
import warnings
from collections.abc import Generator, Iterable
from contextlib import contextmanager, nullcontext

import typer

from dataflows.errors import DataflowsError, WorkflowWarning

__all__ = ["import_modules", "without_warnings"]


def import_modules(names: Iterable[str] | None, *, telling: bool = False) -> None:
    """Import them, also from the current directory, so that their workflows are registered.

    :param telling: whether what the checks find in them is told. It is where they are served: whoever only starts,
        or looks at, an execution is not who can mend them.
    :raises typer.BadParameter: there is no such module, or it raised something; its traceback is printed.
    """
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    with nullcontext() if telling else without_warnings():
        for name in names or ():
            _import(name)


@contextmanager
def without_warnings() -> Generator[None]:
    """Inside, nothing is told of the code of workflows; what is strict is refused all the same."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", WorkflowWarning)
        yield


def _import(name: str) -> None:
    try:
        importlib.import_module(name)
    except DataflowsError:
        raise
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}."):
            raise typer.BadParameter(f"there is no module {name!r}{_advice(name)}", param_hint="MODULE") from None
        traceback.print_exc()
        raise typer.BadParameter(f"module {name!r} cannot be imported", param_hint="MODULE") from None


def _advice(name: str) -> str:
    if name.endswith(".py") or "/" in name:
        dotted = name.removesuffix(".py").strip("./").replace("/", ".")
        return f"; a module is named with dots: {dotted}"
    return f"; it is looked for in {os.getcwd()} too"
