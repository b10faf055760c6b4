"""Schemathesis against the API on a socket, beside a scheduler: ``python tests/service/schemathesis_run.py``.

It calls every operation that the served document describes (but the stream, which does not end) with what the document
allows and with what it does not, and holds each answer against it. What stands behind the command is handed to
Schemathesis, like ``--max-examples 500 --seed 7``.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from interpreter import Scheduler
from interpreter.service import Limits, create_app
from interpreter.service.cursors import cursor_of
from tests.service import desks
from tests.service.calling import fetch, serving
from tests.waiting import eventually

__all__ = ["cases", "command", "new_question"]

_MOMENT = datetime(2026, 11, 23, 12, tzinfo=UTC)

_SETTINGS = f"""\
[[operations]]
include-operation-id = "startExecution"
parameters = {{ "path.workflow" = "{desks.anything.name}" }}

[[operations]]
include-operation-id = ["pauseSchedule", "resumeSchedule", "deleteSchedule", "triggerSchedule"]
parameters = {{ "path.workflow" = "{desks.triggered.name}" }}

[[operations]]
include-operation-id = "backfill"
parameters = {{ "path.workflow" = "nobody" }}

[[operations]]
include-operation-id = "listExecutions"
parameters = {{ "query.cursor" = "{cursor_of(_MOMENT, "nobody")}" }}

[[operations]]
include-operation-id = "listDeliveries"
parameters = {{ "query.cursor" = "{cursor_of(_MOMENT, "shop", "nothing")}" }}

[[operations]]
include-operation-id = "listLimits"
parameters = {{ "query.cursor" = "{cursor_of("nobody")}" }}
"""

_QUESTION = """
[[operations]]
include-operation-id = ["showCallback", "answerCallback"]
parameters = {{ "path.token" = "{token}" }}
"""


@contextmanager
def command(address: str, token: str, *words: str) -> Iterator[tuple[list[str], str]]:
    """What to run, and in which folder: a fresh one, since it keeps there what it remembers for the next run.

    :param token: of the question that it looks at and answers.
    """
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "schemathesis.toml"
        settings.write_text(_SETTINGS + _QUESTION.format(token=token))
        run = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(settings), "--no-color", "run"]
        yield [*run, f"{address}/openapi.json", "--exclude-operation-id", "followExecution", *words], folder


def new_question(address: str) -> str:
    """Have something asked that any JSON answers; answers its token."""
    asked = fetch("POST", f"{address}/api/workflows/desk%2Fquestion/executions", json={"kwargs": {"choices": []}})
    place = f"{address}{asked.headers['location']}"
    url: str = eventually(lambda: fetch("GET", place).json()["published"].get("url"))
    return url.rpartition("/")[2].rstrip('"')


def cases(output: str) -> int:
    """How many requests it has sent, by its own account."""
    found = re.search(r"([\d,]+) generated", output)
    return int(found[1].replace(",", "")) if found else 0


async def main(words: list[str]) -> int:
    """Run it once, its output on this process's; the exit code is its own."""
    async with (
        Scheduler(public_url="http://localhost") as scheduler,
        serving(create_app(scheduler, limits=Limits(wait=0.1))) as address,
    ):
        token = await asyncio.to_thread(new_question, address)
        with command(address, token, *words) as (run, folder):
            return await (await asyncio.create_subprocess_exec(*run, cwd=folder)).wait()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
