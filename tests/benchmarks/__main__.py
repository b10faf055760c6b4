"""``python -m tests.benchmarks``: the command line of the benchmark."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from rich.console import Console

from tests.benchmarks.contestants import CONTESTANTS, ROOT
from tests.benchmarks.report import print_report
from tests.benchmarks.running import describe, fill, prepare, take_turns
from tests.benchmarks.server import Server
from tests.benchmarks.turns import Result
from tests.benchmarks.workloads import COMPLETED_BEFORE, Group, make_plan

WIDTH = 200


def main() -> None:
    options = parse_options()
    groups = list(choose(make_plan(quick=options.quick), options.only, options.contestants))
    began = time.monotonic()
    results: list[Result] = []
    options.output.parent.mkdir(parents=True, exist_ok=True)
    with options.output.open("w") as output, Server() as server:
        pythons, not_run = prepare(server, options.contestants)
        header = {**describe(server, pythons), "mode": "quick" if options.quick else "full", "rounds": options.rounds}
        tell(json.dumps(header), output, on_stdout=options.json)
        if any(turn.is_filled for group in groups for turn in group.turns):
            fill(server, COMPLETED_BEFORE["quick" if options.quick else "full"])
        for result in take_turns(server, groups, options.rounds, pythons):
            results.append(result)
            tell(result.as_json(), output, on_stdout=options.json)
    header["minutes"] = round((time.monotonic() - began) / 60, 1)
    print_report(open_console(on_stderr=options.json), header, results, not_run)


def parse_options() -> argparse.Namespace:
    names = [contestant.name for contestant in CONTESTANTS]
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Speed, side by side with peers.")
    is_quick = os.environ.get("BENCH") == "quick"
    parser.add_argument("--quick", action="store_true", default=is_quick, help="small sizes; BENCH=quick does the same")
    parser.add_argument("--only", nargs="+", metavar="WORKLOAD", help="such as W1 W2a limits")
    parser.add_argument("--contestants", nargs="+", choices=names, default=names)
    parser.add_argument("--rounds", type=int, help="how many turns each takes; default 3, and 1 with --quick")
    parser.add_argument("--json", action="store_true", help="the results on stdout, the table on stderr")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "benchmarks.jsonl")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 3)
    return options


def choose(groups: Iterable[Group], workloads: Collection[str] | None, contestants: Collection[str]) -> Iterator[Group]:
    """What is left of the plan."""
    for group in groups:
        turns = (turn for turn in group.turns if turn.contestant.name in contestants)
        chosen = tuple(turn for turn in turns if workloads is None or turn.workload in workloads)
        if chosen:
            yield replace(group, turns=chosen)


def tell(line: str, output: TextIO, *, on_stdout: bool) -> None:
    """A line of JSON, at once: whoever stops the benchmark keeps what there is."""
    print(line, file=output, flush=True)
    if on_stdout:
        print(line, flush=True)


def open_console(*, on_stderr: bool) -> Console:
    """As wide as the terminal; in a file, as wide as the table."""
    console = Console(stderr=on_stderr)
    return console if console.is_terminal else Console(stderr=on_stderr, width=WIDTH)


if __name__ == "__main__":
    main()
