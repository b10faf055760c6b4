"""Names are resolved as Python would, and what may be anything is nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.language.checking import Author

END = "    yield sleep('the end', 0)\n"


@pytest.fixture
def author(tmp_path: Path) -> Author:
    return Author(tmp_path)


def codes(author: Author, text: str, function: str = "flow") -> list[str]:
    return [code for code, _ in author.found(text, function)]


@pytest.mark.parametrize(
    "text",
    [
        "from time import time as t\ndef flow():\n    t()\n",
        "import time as clock\ndef flow():\n    clock.time()\n",
        "def flow():\n    from time import monotonic\n    monotonic()\n",
        "import datetime as dt\ndef flow():\n    dt.datetime.now()\n",
        "from datetime import datetime as moment\ndef flow():\n    moment.utcnow()\n",
        "look = time.time\ndef flow():\n    look()\n",
        "def flow():\n    look = time.time\n    look()\n",
        "today = date.today\ndef flow():\n    today()\n",
        "def flow():\n    datetime.now().isoformat()\n",
        "def flow():\n    {name: time.time() for name in 'ab'}\n",
        "def flow():\n    f'{time.time()}'\n",
        "def flow(when=None):\n    when = when or time.time()\n",
        "try:\n    from time import time as t\nexcept ImportError:\n    t = None\ndef flow():\n    t()\n",
        "if True:\n    import time as late\ndef flow():\n    late.time()\n",
    ],
)
def test_the_clock_is_known_by_any_name(author: Author, text: str) -> None:
    assert codes(author, text + END) == ["DF101"]


@pytest.mark.parametrize(
    "text",
    [
        "def flow(time):\n    time.time()\n",
        "def flow():\n    time = Settings()\n    time.time()\n",
        "def flow():\n    for time in [1, 2]:\n        time.time()\n",
        "class time:\n    def time(): ...\ndef flow():\n    time.time()\n",
        "def uuid4(): ...\ndef flow():\n    uuid4()\n",
        "def open(name): ...\ndef flow():\n    open('x')\n",
        "def flow(open, print, id, hash, input):\n    open(id(hash(input(print()))))\n",
        "time = Settings\ndef flow():\n    time.time()\n",
        "def flow(random=None):\n    random.choice('ab')\n",
        "from dataflows import random, uuid\ndef flow():\n    x = yield random()\n    y = yield uuid()\n",
        "def flow():\n    match [1]:\n        case [time]:\n            time.time()\n",
        "def flow():\n    with race() as time:\n        time.time()\n",
        "def flow():\n    try:\n        pass\n    except ValueError as time:\n        time.time()\n",
        "def flow():\n    (time := Settings).time()\n",
        "def flow():\n    look = time.time\n    look = len\n    look('')\n",
    ],
)
def test_a_name_that_means_something_else_here_is_not_the_modules(author: Author, text: str) -> None:
    assert codes(author, text + END) == []


def test_what_is_handed_to_a_step_may_do_what_it_likes(author: Author) -> None:
    text = """\
def flow(id):
    def stamp():
        SEEN.append("stamped")
        return time.time()
    class Answer:
        made = time.time()
    yield step("stamp", stamp)
    yield step("look", lambda: open("orders.txt").read())
    yield step("sleep", time.sleep, 5)
    yield step("print", functools.partial(print, "x"))
    yield from gather(*(step("note", note, each) for each in "abc"))
"""
    assert codes(author, text) == []


def test_what_a_steps_arguments_call_is_called_by_the_workflow(author: Author) -> None:
    assert codes(author, "def flow():\n    yield step('note', note, uuid4())\n") == ["DF103"]


@pytest.mark.parametrize(
    "delegation",
    [
        "yield from stamped()",
        "yield from outer()",
        "yield from gather(step('a', note, 1), stamped())",
        "yield from race(a=stamped(), b=sleep('b', 1))",
        "task = yield from fork(stamped())",
        "branches = [stamped() for _ in range(3)]\n    yield from gather(*branches)",
    ],
)
def test_helpers_of_the_module_are_checked_wherever_they_stand_and_through_each_other(
    author: Author, delegation: str
) -> None:
    text = f"""\
def flow():
    {delegation}

def outer():
    yield from inner()

def inner():
    yield from outer()
    yield from stamped()

def stamped():
    yield step("note", note, time.time())
"""
    assert author.found(text) == [("DF101", 'yield step("note", note, time.time())')]


def test_methods_and_nested_generators_are_helpers_too(author: Author) -> None:
    text = """\
class Shop:
    def sell(self):
        def packed():
            yield step("pack", note, time.time())
        yield from packed()
        yield from self.paid()
    def paid(self):
        yield step("pay", note, random.random())
flow = Shop().sell
"""
    assert codes(author, text) == ["DF101", "DF102"]


def test_functions_that_are_not_delegated_to_are_not_looked_into(author: Author) -> None:
    text = """\
def total(order):
    return time.time()

def numbers():
    yield time.time()

def pairs():
    yield from numbers()
    yield 1, 2

def flow(order):
    for number in pairs():
        yield step("total", total, number)
    yield step("later", total, order)
"""
    assert codes(author, text) == []


def test_what_stands_around_a_nested_workflow_is_seen(author: Author) -> None:
    text = """\
def made(clock):
    from random import randint
    look = time.time
    def flow():
        randint(1, 2)
        look()
        clock()
        later()
        yield sleep("x", 1)
    def later(): ...
    return flow
flow = made(datetime.now)
"""
    assert codes(author, text) == ["DF102", "DF101", "DF101"]


def test_objects_of_the_module_are_known_by_what_they_are(author: Author) -> None:
    text = """\
FOLDER = Path("orders")
CHANCE = random.Random()
def flow():
    FOLDER.joinpath("a").name
    FOLDER.read_text()
    CHANCE.choice("ab")
    yield sleep("x", 1)
"""
    assert codes(author, text) == ["DF201", "DF102"]


def test_functions_that_make_commands_are_known_by_what_they_return_or_promise(author: Author) -> None:
    text = """\
from tests.language.checking import promised
def through(id):
    return remind(id)
def flow(id):
    through(id)
    promised(id)
    len(str(id))
    yield through(id)
"""
    assert [line for _, line in author.found(text)] == ["through(id)", "promised(id)"]


def test_a_very_long_expression_is_checked_like_any_other(author: Author) -> None:
    total = " + ".join(["1"] * 900)
    text = f"def flow():\n    try:\n        yield sleep('x', {total})\n    except:\n        {total} + time.time()\n"
    assert codes(author, text) == ["DF303", "DF101"]


def test_objects_that_stand_in_for_others_are_not_touched(author: Author) -> None:
    text = """
class Lazy:
    @property
    def __class__(self):
        raise RuntimeError("not here")
    def __getattr__(self, name):
        raise RuntimeError("not here")

request = Lazy()

def flow():
    request.get(request, next(request))
    request()
    request.user.save()
    yield request
"""
    assert codes(author, text) == []
