"""The commands a workflow would yield, as a tree, without running anything.

::

    ways.py      one way through the code, its answers made up
    details.py   a command in words
    choices.py   what could go either way, and which way is gone
    trees.py     many ways, as one tree
    nodes.py     its nodes: what repeats itself, and what is the same
"""

from interpreter.testing.explaining.trees import Node, explain

__all__ = ["Node", "explain"]
