"""Rules on what acts outside a step: input and output, sleeping, threads, coroutines, logs, shared state.

Whatever is handed to a step, a lambda too, may do all of this.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from dataflows.checks.body import Body, matches, text_of
from dataflows.checks.finding import Hit
from dataflows.checks.known import BESIDE, CONNECTOR_CALLS, DATABASES, FILES, NETWORK, SLEEPS, SPEAKS
from dataflows.checks.outside import calls

__all__ = ["blocks", "does_input_or_output", "makes_coroutines", "runs_beside", "speaks_again"]


def does_input_or_output(body: Body) -> Iterator[Hit]:
    """Files, networks, databases, other programs.

    Found::

        item = requests.get(f"https://shop/{order_id}").json()  # DF201
        with open("orders.txt") as orders:  # DF201
            pass
        text = Path("orders.txt").read_text()  # DF201
        task = clickup.create_task("list", name=order_id)  # DF201
        data = shopify.graphql("{ shop { name } }")  # DF201

    Fine::

        item = yield from step("fetch", requests.get, f"https://shop/{order_id}")
        item = yield from step("fetch", lambda: requests.get(f"https://shop/{order_id}").json())
        task = yield from step("create", clickup.create_task, "list", order_id)
        name = Path("orders") / order_id
        address = urllib.parse.quote(order_id)
    """
    for call in body.each(ast.Call):
        names = body.called(call)
        if any(matches(names, table) for table in (FILES, NETWORK, DATABASES)) or any(map(_asks_a_service, names)):
            yield Hit(call, f"{text_of(call)} does input or output")


def _asks_a_service(name: str) -> bool:
    return name.startswith("dataflows.connectors.") and name.rpartition(".")[2].startswith(CONNECTOR_CALLS)


def blocks(body: Body) -> Iterator[Hit]:
    """Sleeping that is no command.

    Found::

        time.sleep(5)  # DF202

    Fine::

        yield from sleep("cool-down", "5s")
        yield from step("pause", time.sleep, 5)
    """
    yield from calls(body, SLEEPS, "sleeps outside the language")


def runs_beside(body: Body) -> Iterator[Hit]:
    """Threads, processes and event loops.

    Found::

        answer = asyncio.run(fetch_async(order_id))  # DF203
        threading.Thread(target=note).start()  # DF203

    Fine::

        answer = yield from step("fetch", fetch_async, order_id)
        first, second = yield from gather(step("a", fetch, "a"), step("b", fetch, "b"))
    """
    yield from calls(body, BESIDE, "runs or waits beside the scheduler")


def makes_coroutines(body: Body) -> Iterator[Hit]:
    """Calls of async functions.

    Found::

        answer = fetch_async(order_id)  # DF204

    Fine::

        answer = yield from step("fetch", fetch_async, order_id)
    """
    for call in body.each(ast.Call):
        if body.makes_coroutine(call) and not _is_handed_to_a_loop(body, call):
            yield Hit(call, f"{text_of(call)} makes a coroutine, and nothing here awaits it")


def _is_handed_to_a_loop(body: Body, call: ast.Call) -> bool:
    """That is another rule's finding."""
    parent = body.parents[call]
    return isinstance(parent, ast.Call) and matches(body.called(parent), BESIDE)


def speaks_again(body: Body) -> Iterator[Hit]:
    """Prints, and loggers that are not of ``dataflows.get_logger``.

    Found::

        print("begun")  # DF205
        logging.info("begun")  # DF205
        plain_logger.info("begun")  # DF205

    Fine::

        logger.info("begun")
        yield from step("tell", print, "begun")
    """
    yield from calls(body, SPEAKS, "speaks again at every replay")
