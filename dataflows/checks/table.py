"""The rules, in one table: what each looks for, why it matters, and what to write instead.

Owns the codes and the words; they are part of the interface. How a rule looks stands in its function.
"""

from __future__ import annotations

from dataflows.checks.effects import blocks, does_input_or_output, makes_coroutines, runs_beside, speaks_again
from dataflows.checks.finding import Rule, Severity
from dataflows.checks.leaving import acts_in_finally, swallows_cancellation, yields_in_finally
from dataflows.checks.outside import draws_chance, hashes, looks_around, makes_identifiers, reads_the_clock
from dataflows.checks.shared import changes_shared_state
from dataflows.checks.unordered import iterates_a_set
from dataflows.checks.unyielded import drops_commands, yields_no_command

__all__ = ["RULES"]

_RULES = (
    # What a replay would see differently.
    Rule(
        "DF101",
        "the clock, read outside a step",
        "a replay reads another time than the first run did",
        "write `yield from now()`, or read it in a step",
        reads_the_clock,
    ),
    Rule(
        "DF102",
        "chance, outside a step",
        "a replay draws another value than the first run did",
        "write `yield from random()`, seed a `random.Random(…)` with what the workflow knows, or draw it in a step",
        draws_chance,
    ),
    Rule(
        "DF103",
        "a new identifier, made outside a step",
        "a replay makes another one than the first run did",
        "write `yield from uuid()`, or `uuid5` of what the workflow knows",
        makes_identifiers,
    ),
    Rule(
        "DF104",
        "the hash or the address of an object",
        "a replay runs in another process, where the same text has another hash and every object another address",
        "use `zlib.crc32` or `hashlib` for a number that stays",
        hashes,
    ),
    Rule(
        "DF105",
        "the process's surroundings, read outside a step",
        "a replay runs in another process, perhaps on another machine, where it may be something else",
        "pass it as an argument of the workflow, or read it in a step",
        looks_around,
    ),
    Rule(
        "DF106",
        "commands in the order of a set",
        "in another process a set of the same texts has another order, and a replay would yield other commands",
        "iterate over `sorted(…)`",
        iterates_a_set,
    ),
    # What acts outside a step.
    Rule(
        "DF201",
        "input or output outside a step",
        "it is done again at every replay, nothing retries it, and its answer is not journaled",
        'put it into a step: `yield from step("name", function, argument)`',
        does_input_or_output,
    ),
    Rule(
        "DF202",
        "sleeping outside the language",
        "every other workflow stands still meanwhile, and a restart begins it anew",
        'write `yield from sleep("name", "5s")`',
        blocks,
    ),
    Rule(
        "DF203",
        "threads, processes or an event loop of its own",
        "the journal does not know in which order things happen there",
        "put it into a step (which may be async), or use `gather`, `race` and `fork`",
        runs_beside,
    ),
    Rule(
        "DF204",
        "an async function, called in a workflow",
        "a workflow is a plain generator; its steps may be async",
        'hand the function over: `yield from step("name", function, argument)`',
        makes_coroutines,
    ),
    Rule(
        "DF205",
        "a log line or a print that every replay repeats",
        "one execution would say it again after every resumption",
        "use `dataflows.get_logger(__name__)`, which is silent while a workflow only repeats itself, or a step",
        speaks_again,
    ),
    Rule(
        "DF206",
        "state that others share",
        "a replay changes it a second time, and another process never sees it",
        "keep it in local variables, return it from a step, or store it in one",
        changes_shared_state,
    ),
    # What is yielded, and how a workflow is left.
    Rule(
        "DF301",
        "a command that is built and never yielded",
        "nothing runs it",
        "write `yield from` before it",
        drops_commands,
    ),
    Rule(
        "DF302",
        "a yield of what is no command",
        "the execution would fail with WrongYield",
        "write `yield from` before a helper, `yield from gather(…)` for several",
        yields_no_command,
    ),
    Rule(
        "DF303",
        "a cancellation that is swallowed",
        "that includes `Cancelled`, and the GeneratorExit by which a suspended workflow is let go from memory",
        "catch `Exception`, or end with `raise`",
        swallows_cancellation,
    ),
    Rule(
        "DF304",
        "plain code in a `finally` around a yield",
        "it also runs when the suspended workflow is let go from memory, or its scheduler stops, and then again later",
        "put it into a step, whose command is ignored at such a moment",
        acts_in_finally,
    ),
    Rule(
        "DF305",
        "a yield in a `finally`",
        "it runs once, when what the `try` holds has completed, failed or been cancelled, and not at all when the "
        "execution is terminated. When a suspended workflow is let go from memory, Python enters the `finally`, but "
        "the command is ignored, and the workflow comes here again when it goes on",
        "nothing needs to be changed, unless it must happen after a terminate too: let another execution see to that",
        yields_in_finally,
        Severity.NOTE,
    ),
)

RULES = {rule.code: rule for rule in _RULES}
"""Code → rule, in the order in which they are looked for."""
