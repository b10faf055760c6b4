"""Calls travel to other processes, functions without a name included, and come back encoded."""

from __future__ import annotations

import functools
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dataflows.errors import CannotRestore, CannotStore
from interpreter.codec import decode, decode_error, dump_call, run_call
from tests.codec import errands
from tests.codec.samples import Order

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor:
        yield executor


CALLS: dict[str, tuple[Any, tuple[Any, ...], Any]] = {
    "a function of a module": (errands.guarded, (1,), 11),
    "a lambda with a closure": (errands.with_closure("n"), (1,), "n1!"),
    "a lambda of a module": (errands.nameless, (4,), 40),
    "a lambda that calls a function whose globals stay": (errands.using_a_guarded_global(), (1,), [11]),
    "a lambda that calls functions that call each other": (
        errands.using_functions_that_call_each_other(),
        (4,),
        [True],
    ),
    "a lambda that calls a lambda": (errands.using_a_nameless_function(), ([1, 2],), [10, 20]),
    "a function that calls itself": (errands.recursive(), (5,), 120),
    "functions that share a variable": (errands.sharing(), ([1, 2, 3],), 6),
    "an async function": (errands.fetch, (4,), 4),
    "a local async function": (errands.asynchronous(), (4,), 12),
    "a partial": (functools.partial(errands.fetch, times=2), (4,), 8),
    "a partial of a lambda": (functools.partial(errands.with_closure("n"), mark="?"), (1,), "n1?"),
    "a bound method": (Order(1, ("a",)).lines.index, ("a",), 0),
    "a builtin": (len, ([1],), 1),
    "a class": (Order, (3,), Order(3)),
    "defaults and attributes": (
        errands.attributed(),
        (),
        (6, "Documented.", "labelled", "attributed.<locals>.run"),
    ),
    "arguments that are functions": (lambda f, x: f(f(x)), (lambda x: x + 1, 1), 3),
}


@pytest.mark.parametrize(("function", "arguments", "expected"), CALLS.values(), ids=CALLS)
def test_it_runs_in_a_spawned_process(
    pool: ProcessPoolExecutor, function: Any, arguments: tuple[Any, ...], expected: Any
) -> None:
    succeeded, encoded = pool.submit(run_call, dump_call(function, arguments)).result(60)
    result = decode(encoded)
    assert succeeded, result
    assert result == expected


def test_a_copy_brings_the_submodules_that_it_uses() -> None:
    # A process of its own: one that has imported them before for another call would prove nothing.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor:
        data = dump_call(errands.using_a_submodule(), ("<a/>",))
        assert decode(executor.submit(run_call, data).result(60)[1]) == "a"


def test_it_is_another_process(pool: ProcessPoolExecutor) -> None:
    _, encoded = pool.submit(run_call, dump_call(errands.in_process, (1,))).result(60)
    number, process = decode(encoded)
    assert number == 1
    assert process != os.getpid()


def test_keyword_arguments_travel() -> None:
    assert decode(run_call(dump_call(errands.fetch, (4,), {"times": 5}))[1]) == 20


def test_a_variable_without_a_value_has_none_there_either() -> None:
    succeeded, encoded = run_call(dump_call(errands.unset()))
    assert not succeeded
    assert type(decode_error(encoded)) is NameError


def test_an_exception_comes_back_with_the_authors_traceback(pool: ProcessPoolExecutor) -> None:
    succeeded, encoded = pool.submit(run_call, dump_call(errands.fail, (3,))).result(60)
    error = decode_error(encoded)
    assert not succeeded
    assert type(error) is ValueError
    assert error.args == (3,)
    assert "in fail" in error.__notes__[0]
    assert "run_call" not in error.__notes__[0]


@pytest.mark.parametrize("kind", [StopIteration, GeneratorExit, BaseException])
def test_whatever_is_raised_is_an_answer(kind: type[BaseException]) -> None:
    succeeded, encoded = run_call(dump_call(errands.interrupt, (kind,)))
    assert not succeeded
    assert type(decode_error(encoded)) is kind


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_what_is_meant_for_the_process_comes_through(kind: type[BaseException]) -> None:
    with pytest.raises(kind):
        run_call(dump_call(errands.interrupt, (kind,)))


def test_a_result_that_cannot_be_stored_is_an_error_that_names_the_step() -> None:
    succeeded, encoded = run_call(dump_call(errands.count, what="the result of step 'count'"))
    error = decode_error(encoded)
    assert not succeeded
    assert type(error) is CannotStore
    assert "cannot store the result of step 'count': the value is of type generator" in str(error)


def test_a_result_is_encoded_as_the_call_says() -> None:
    succeeded, encoded = run_call(dump_call(errands.in_process, (1,), codec="json"))
    assert not succeeded
    assert "tuple" in str(decode_error(encoded))


def test_a_function_that_holds_a_lock_is_refused() -> None:
    with pytest.raises(CannotStore, match=r"cannot send the call that gives x to another process: it holds a .*lock"):
        dump_call(errands.with_lock(), what="x")


def test_an_argument_of_a_local_class_is_refused() -> None:
    class Local: ...

    with pytest.raises(CannotStore, match="a class defined inside a function"):
        dump_call(errands.fetch, (Local(),))


def test_a_call_that_cannot_be_rebuilt_is_an_answer() -> None:
    succeeded, encoded = run_call(dump_call(errands.guarded, (1,)).replace(b"guarded", b"missing"))
    assert not succeeded
    assert type(decode_error(encoded)) is CannotRestore


SCRIPT = """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from interpreter.codec import decode, decode_error, dump_call, run_call

@dataclass
class Order:
    number: int

class Odd(Exception):
    pass

def double(order):
    return Order(order.number * 2)

def fail():
    raise Odd("from the child")

if __name__ == "__main__":
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        def travel(function, *arguments):
            return pool.submit(run_call, dump_call(function, arguments)).result(60)

        bonus = 1
        assert decode(travel(double, Order(2))[1]) == Order(4)
        assert decode(travel(lambda order: Order(order.number + bonus), Order(2))[1]) == Order(3)
        assert type(decode_error(travel(fail)[1])) is Odd
    print("done")
"""


def test_functions_and_classes_of_a_script_run_in_its_spawned_processes(tmp_path: Path) -> None:
    (tmp_path / "demo.py").write_text(SCRIPT)
    for arguments in (("demo.py",), ("-m", "demo")):
        command = [sys.executable, "-W", "error", *arguments]
        environment = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.stdout.strip() == "done", done.stderr
