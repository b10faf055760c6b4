"""Classes of a script are stored under the script's real name, and found again by it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

DEMO = """
import enum, sys
from dataclasses import dataclass
from pathlib import Path
from interpreter.codec import Encoded, decode, decode_error, encode, encode_error

@dataclass
class Order:
    number: int

class Colour(enum.Enum):
    RED = 1

class Odd(Exception):
    def __init__(self, code, text):
        super().__init__(code, text)

def work(): ...

def write():
    value = encode([Order(1), Colour.RED, work, Order], "it")
    assert value.encoding == "dill" and b"__main__" not in value.data
    error = encode_error(Odd(1, "two"))
    assert b"__main__" not in error.data
    Path("value").write_bytes(value.data)
    Path("error").write_bytes(error.data)

def read():
    order, colour, function, kind = decode(Encoded("dill", Path("value").read_bytes()))
    error = decode_error(Encoded("error", Path("error").read_bytes()))
    assert type(order) is kind is Order and order == Order(1)
    assert colour is Colour.RED and function is work
    assert type(error) is Odd and error.args == (1, "two")
    print(__name__, kind.__module__)

if __name__ == "__main__":
    write() if sys.argv[1] == "write" else read()
"""

WAYS = {
    "script": ("code/demo.py",),
    "module": ("-m", "demo"),
    "module of a package": ("-m", "pkg.mod"),
}
READERS = {
    "script": ("-c", "import demo; demo.read()"),
    "module": ("-c", "import demo; demo.read()"),
    "module of a package": ("-c", "import pkg.mod; pkg.mod.read()"),
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    code = tmp_path / "code"
    (code / "pkg").mkdir(parents=True)
    for path in ("demo.py", "pkg/mod.py"):
        (code / path).write_text(DEMO)
    (code / "pkg/__init__.py").touch()
    return tmp_path


def run(home: Path, *arguments: str, code: str = "code") -> str:
    command = [sys.executable, "-W", "error", *arguments]
    environment = {"PYTHONPATH": f"{ROOT}:{home / code}", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("way", WAYS)
def test_what_a_main_module_stores_it_reads_as_its_own(home: Path, way: str) -> None:
    run(home, *WAYS[way], "write")
    assert run(home, *WAYS[way], "read") == "__main__ __main__"


@pytest.mark.parametrize("way", WAYS)
def test_what_a_main_module_stores_others_import(home: Path, way: str) -> None:
    run(home, *WAYS[way], "write")
    name = "pkg.mod" if way == "module of a package" else "demo"
    assert run(home, *READERS[way]) == f"{name} {name}"


@pytest.mark.parametrize("way", WAYS)
def test_what_was_stored_by_an_importer_is_read_by_main_as_its_own(home: Path, way: str) -> None:
    statement = READERS[way][1].replace("read()", "write()")
    run(home, "-c", statement)
    assert run(home, *WAYS[way], "read") == "__main__ __main__"


HIDDEN = """
from dataflows.errors import StepFailed
from interpreter.codec import decode_error, encode_error

print(__name__)

def fail():
    class Hidden(Exception): ...
    raise Hidden("x")

try:
    fail()
except Exception as error:
    stand_in = decode_error(encode_error(error))
assert type(stand_in) is StepFailed and stand_in.message == "x"
"""


@pytest.mark.parametrize("way", WAYS)
def test_a_script_is_not_run_again_to_look_for_a_class_that_it_does_not_show(home: Path, way: str) -> None:
    for path in ("demo.py", "pkg/mod.py"):
        (home / "code" / path).write_text(HIDDEN)
    assert run(home, *WAYS[way]) == "__main__"


def test_a_module_that_is_called_as_the_script_is_imported_all_the_same(home: Path) -> None:
    run(home, *WAYS["script"], "write")
    script = """
import sys
from pathlib import Path
from interpreter.codec import Encoded, decode
assert "demo" not in sys.modules
order, *_ = decode(Encoded("dill", Path("value").read_bytes()))
print(type(order).__module__)
"""
    (home / "demo").write_text(script)
    assert run(home, "demo") == "demo"


def test_a_class_without_its_module_is_an_error_that_says_what_to_do(home: Path) -> None:
    run(home, *WAYS["script"], "write")
    script = """
from pathlib import Path
from dataflows.errors import CannotRestore, StepFailed
from interpreter.codec import Encoded, decode, decode_error
try:
    decode(Encoded("dill", Path("value").read_bytes()))
except CannotRestore as error:
    print(error)
stand_in = decode_error(Encoded("error", Path("error").read_bytes()))
assert type(stand_in) is StepFailed and stand_in.type_name == "demo.Odd" and stand_in.message == "(1, 'two')"
"""
    message = run(home, "-c", script, code="elsewhere")
    assert "No module named 'demo'" in message
    assert "import what defines its classes" in message


def test_a_class_typed_at_a_prompt_comes_back_in_the_same_process(home: Path) -> None:
    script = """
from dataclasses import dataclass
from interpreter.codec import decode, encode
@dataclass
class Order:
    number: int
again = decode(encode(Order(1), "it"))
assert again == Order(1) and type(again) is Order
"""
    run(home, "-c", script)
