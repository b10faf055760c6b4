"""``dataflows explain``: the commands that a workflow would yield, drawn as a tree.

Owns the drawing.
"""

from __future__ import annotations

import contextlib
import inspect
import sys
import typing
from collections.abc import Callable
from typing import Annotated, Any

import typer
from rich.text import Text
from rich.tree import Tree

from dataflows.workflow import Workflow
from interpreter.cli.modules import import_modules
from interpreter.cli.options import AsDocument, Modules
from interpreter.cli.output import document, present
from interpreter.cli.start import Input, Name, read_arguments
from interpreter.cli.text import inert, relative_to_here
from interpreter.operations import find_workflow
from interpreter.testing.explaining import Node
from interpreter.testing.explaining import explain as explained
from interpreter.testing.placeholders import Placeholder

__all__ = ["explain"]

Version = Annotated[
    int | None, typer.Option(min=1, metavar="NUMBER", help="Of the workflow; default: the newest.", show_default=False)
]
Limit = Annotated[
    int, typer.Option(min=1, metavar="NUMBER", help="Leave a way after so many commands; it may be a loop.")
]

_STYLES = {
    "step": "cyan",
    "transaction": "cyan",
    "defer": "cyan",
    "sleep": "blue",
    "wait": "magenta",
    "choice": "yellow",
    "child": "blue",
    "start": "blue",
    "returns": "green",
    "continues": "green",
    "raises": "red",
    "cut": "red",
}


def explain(
    name: Name,
    *,
    input: Input = None,
    modules: Modules = None,
    version: Version = None,
    limit: Limit = 100,
    as_document: AsDocument = False,
) -> None:
    """Show the commands that a workflow would yield, without running anything.

    Answers are placeholders: what is made of one shows where it came from, like fetch-item.title. Where it could go
    either way, both are shown. Without --input, the arguments are placeholders too.
    """
    import_modules(modules)
    workflow = find_workflow(name, version)
    args, kwargs = _arguments(workflow) if input is None else read_arguments(workflow, input)
    with contextlib.redirect_stdout(sys.stderr):
        nodes = explained(workflow, *args, kwargs=kwargs, commands=limit)
    if as_document:
        document({"workflow": workflow.name, "version": workflow.version, "tree": nodes})
    else:
        present(_tree(workflow, nodes))


def _arguments(workflow: Workflow[..., Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A placeholder for each argument that has no default; it passes for what the argument is annotated with."""
    parameters = inspect.signature(workflow.function).parameters.values()
    needed = [each for each in parameters if each.default is each.empty and each.kind is each.POSITIONAL_OR_KEYWORD]
    return tuple(Placeholder(each.name, _kind(workflow.function, each.name)) for each in needed), {}


def _kind(function: Callable[..., Any], parameter: str) -> Any:
    try:
        return typing.get_type_hints(function).get(parameter)
    except Exception:  # an annotation that names what is not there
        return None


def _tree(workflow: Workflow[..., Any], nodes: list[Node]) -> Tree:
    title = Text.assemble((inert(workflow.name), "bold"), f", version {workflow.version}  ")
    tree = Tree(title.append(inert(relative_to_here(workflow.source)), "dim"), guide_style="dim")
    _grow(tree, nodes)
    return tree


def _grow(tree: Tree, nodes: list[Node]) -> None:
    for node in nodes:
        if node.kind == "branch" and len(node.below) == 1 and not node.below[0].below:
            tree.add(_line(node.below[0], node))
        else:
            _grow(tree.add(_line(node)), node.below)


def _line(node: Node, branch: Node | None = None) -> Text:
    label = f"{branch.name}: " if branch is not None and not branch.name.isdigit() else ""
    line = Text(inert(label), "bold")
    line.append("" if node.kind == "option" else node.kind, _STYLES.get(node.kind, ""))
    line.append(" " if line and node.name else "").append(inert(node.name), "bold")
    line.append(f"  {inert(node.details)}" if node.details else "")
    first = branch or node
    if first.times > 1:
        span = "" if first.block == 1 else f"with the {first.block - 1} below, "
        line.append(f"  ({span}{first.times} times)", "yellow")
    place = relative_to_here(node.place).partition(": ")[0]
    return line.append(f"  {inert(place)}" if place else "", "dim")
