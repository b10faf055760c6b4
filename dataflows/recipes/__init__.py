"""Frequent shapes of workflows, written in the language itself: nothing here is known to what runs it.

Each gives a generator, to be yielded from (``result = yield from poll(...)``) or handed to ``gather``, ``race`` or
``fork`` as a branch. Whoever wants one of them a little different copies it: each is a few lines, in a file of its own.
"""

from dataflows.recipes.deadlines import timeout_after
from dataflows.recipes.outcomes import gather_outcomes
from dataflows.recipes.polling import poll
from dataflows.recipes.rounds import repeat
from dataflows.recipes.sagas import Undo, saga

__all__ = ["Undo", "gather_outcomes", "poll", "repeat", "saga", "timeout_after"]
