"""Rules on what a replay would see differently: the clock, chance, identifiers, hashes, the process's surroundings.

A function that is only named (``step("stamp", time.time)``) is not called here.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

from dataflows.checks.body import Body, matches, text_of
from dataflows.checks.finding import Hit
from dataflows.checks.known import (
    AROUND,
    ASKS_AROUND,
    CHANCE,
    CHANCE_UNLESS_SEEDED,
    CLOCK,
    CLOCK_UNLESS_GIVEN,
    HASHES,
    IDENTIFIERS,
    NO_CHANCE,
)

__all__ = ["calls", "draws_chance", "hashes", "looks_around", "makes_identifiers", "reads_the_clock"]


def calls(body: Body, table: Collection[str], does: str) -> Iterator[Hit]:
    """Every call of what stands in the table."""
    for call in body.each(ast.Call):
        if matches(body.called(call), table):
            yield Hit(call, f"{text_of(call)} {does}")


def reads_the_clock(body: Body) -> Iterator[Hit]:
    """Calls that read a clock; reading it is a step's business.

    Found::

        started = datetime.now(UTC)  # DF101
        elapsed = time.monotonic() - 5  # DF101
        yield from step("note", note, time.time())  # DF101
        label = time.strftime("%Y")  # DF101

    Fine::

        started = yield from now()
        stamped = yield from step("stamp", time.time)
        label = time.strftime("%Y", time.gmtime(started.timestamp()))
        noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    """
    yield from calls(body, CLOCK, "reads the clock")
    for call in body.each(ast.Call):
        needed = max((CLOCK_UNLESS_GIVEN.get(name, 0) for name in body.called(call)), default=0)
        if len(call.args) < needed:
            yield Hit(call, f"{text_of(call)} reads the clock")


def draws_chance(body: Body) -> Iterator[Hit]:
    """Calls that draw random values, and generators of them without a seed.

    Found::

        delay = random.uniform(1, 5)  # DF102
        token = secrets.token_hex()  # DF102
        chooser = random.Random()  # DF102

    Fine::

        chance = yield from dataflows.random()
        chooser = random.Random(order_id)
        winner = chooser.choice(["a", "b"])
        token = yield from step("token", secrets.token_hex)
    """
    for call in body.each(ast.Call):
        names = body.called(call)
        is_same_again = matches(names, NO_CHANCE) or (
            (call.args or call.keywords) and matches(names, CHANCE_UNLESS_SEEDED)
        )
        if matches(names, CHANCE) and not is_same_again:
            yield Hit(call, f"{text_of(call)} draws a random value")


def makes_identifiers(body: Body) -> Iterator[Hit]:
    """Calls that make an identifier which is new each time.

    Found::

        key = str(uuid4())  # DF103

    Fine::

        key = yield from dataflows.uuid()
        stable = uuid5(NAMESPACE_URL, order_id)
    """
    yield from calls(body, IDENTIFIERS, "makes a new identifier")


def hashes(body: Body) -> Iterator[Hit]:
    """Calls of ``hash`` and ``id``.

    Found::

        shard = hash(order_id) % 8  # DF104

    Fine::

        shard = zlib.crc32(order_id.encode()) % 8
    """
    yield from calls(body, HASHES, "differs from process to process")


def looks_around(body: Body) -> Iterator[Hit]:
    """The environment, the command line, the machine's name.

    Found::

        region = os.environ["REGION"]  # DF105
        region = os.getenv("REGION")  # DF105
        region = os.environ.get("REGION", "eu")  # DF105

    Fine::

        region = yield from step("region", os.getenv, "REGION")
        folder = os.path.join("orders", order_id)
    """
    yield from calls(body, ASKS_AROUND, "asks about this process")
    for node in body.each(ast.Attribute, ast.Name):
        if isinstance(node.ctx, ast.Load) and not AROUND.isdisjoint(body.names.refer(node).names):
            yield Hit(node, f"{text_of(node)} is of this process")
