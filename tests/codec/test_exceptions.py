"""An exception arrives: of its type, with its text, its traceback's text and its chain; else a stand-in does."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import traceback
import types
import urllib.error
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.errors import Cancelled, CannotStore, RetryAfter, StepFailed
from interpreter.codec import Encoded, decode_error, encode_error
from tests.codec import faults
from tests.codec.faults import raised

HEADING = "First raised here:\n"


def travelled(exception: BaseException) -> BaseException:
    encoded = encode_error(exception)
    assert encoded.encoding == "error"
    assert encoded.data.isascii()
    return decode_error(encoded)


def without_traceback(exception: BaseException) -> dict[str, Any]:
    return {name: value for name, value in vars(exception).items() if name != "__notes__"}


def unicode_error() -> UnicodeDecodeError:
    try:
        b"\xff".decode()
    except UnicodeDecodeError as error:
        return error
    raise AssertionError


REBUILT = [
    ValueError("boom"),
    ValueError(),
    ValueError("NUL \0 and a lone \ud800"),
    KeyError("a"),
    OSError(2, "No such file", "a.txt"),
    FileNotFoundError(2, "No such file", "a.txt"),
    ImportError("no", name="mod", path="/a"),
    unicode_error(),
    SyntaxError("bad", ("f.py", 1, 2, "x =", 1, 3)),
    StopIteration(3),
    StopAsyncIteration(),
    GeneratorExit(),
    KeyboardInterrupt(),
    SystemExit(2),
    asyncio.CancelledError("why"),
    Cancelled(),
    RetryAfter(5, "busy"),
    CannotStore("no"),
    StepFailed("demo.Odd", "text", "Traceback ..."),
    urllib.error.URLError("unreachable"),
    faults.SeveralArguments(404, "gone"),
    faults.KeywordOnly(code=3),
    faults.Rewords("bob"),
    faults.OwnNew(1, 2),
    faults.Frozen(3, ("a",)),
    faults.OwnReduce(1, 2),
    faults.Quits("bye"),
]


@pytest.mark.parametrize("original", REBUILT, ids=lambda original: f"{type(original).__name__}")
def test_type_text_arguments_and_attributes_come_back(original: BaseException) -> None:
    again = travelled(original)
    assert type(again) is type(original)
    assert str(again) == str(original)
    assert again.args == original.args
    assert without_traceback(again) == without_traceback(original)


def test_fields_that_are_no_attributes_come_back() -> None:
    error = travelled(ImportError("no", name="mod", path="/a"))
    assert (error.name, error.path) == ("mod", "/a")  # type: ignore[attr-defined]
    system = travelled(PermissionError(13, "denied", "a", None, "b"))
    assert (system.errno, system.filename, system.filename2) == (13, "a", "b")  # type: ignore[attr-defined]


def test_a_classs_own_setstate_is_called() -> None:
    original = faults.OwnState("a")
    original.code = 3  # type: ignore[attr-defined]
    assert travelled(original).restored == {"code": 3}  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", [faults.Textless, faults.Stubborn])
def test_a_str_that_raises_does_not_stop_it(kind: type[Exception]) -> None:
    encoded = encode_error(kind("a"))
    again = decode_error(encoded)
    assert type(again) is kind
    assert again.args == ("a",)
    assert "its __str__ raised" in json.loads(encoded.data)["text"]


def test_what_cannot_be_stored_is_left_out_and_the_type_stays() -> None:
    again = travelled(faults.HoldsLock("held"))
    assert type(again) is faults.HoldsLock
    assert str(again) == "held"
    assert vars(again) == {"code": 7}


def test_an_argument_whose_text_is_its_address_comes_back_as_an_argument() -> None:
    original = raised(faults.HoldsPlainObject(faults.Anything()))
    again = travelled(original)
    assert type(again) is faults.HoldsPlainObject
    assert type(again.args[0]) is faults.Anything
    assert str(original) in again.__notes__[0]


def test_an_exception_that_resists_being_looked_at_still_arrives() -> None:
    again = travelled(faults.Guarded("a"))
    assert isinstance(again, faults.Guarded | StepFailed)
    assert "Guarded" in encode_error(faults.Guarded()).data.decode()


def test_each_decoding_gives_a_fresh_exception() -> None:
    encoded = encode_error(raised(ValueError([])))
    first, second = decode_error(encoded), decode_error(encoded)
    assert first is not second
    assert first.args[0] is not second.args[0]
    assert first.__traceback__ is None


def local_exception() -> BaseException:
    class Local(Exception):
        pass

    return raised(Local("inside"))


def test_a_local_class_arrives_as_a_stand_in() -> None:
    again = travelled(local_exception())
    assert type(again) is StepFailed
    assert again.type_name == f"{__name__}.local_exception.<locals>.Local"
    assert again.message == "inside"
    assert "faults.py" in again.traceback_text
    assert again.traceback_text.endswith("Local: inside")


def test_a_class_whose_module_is_gone_arrives_as_a_stand_in_and_as_itself_when_it_is_back() -> None:
    module = types.ModuleType("codec_test_gone")
    exec("class Gone(Exception):\n    def __init__(self, a, b): super().__init__(a + b)", vars(module))
    sys.modules[module.__name__] = module
    encoded = encode_error(module.Gone(1, 2))
    del sys.modules[module.__name__]
    stand_in = decode_error(encoded)
    assert type(stand_in) is StepFailed
    assert str(stand_in) == "codec_test_gone.Gone: 3"
    sys.modules[module.__name__] = module
    try:
        assert type(decode_error(encoded)) is module.Gone
    finally:
        del sys.modules[module.__name__]


def test_a_class_that_has_changed_since_is_still_caught_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = encode_error(faults.OwnReduce(1, 2))

    class Changed(Exception):
        def __init__(self) -> None:
            super().__init__("takes nothing now")

    monkeypatch.setattr(faults, "OwnReduce", Changed)
    again = decode_error(encoded)
    assert type(again) is Changed


@pytest.mark.parametrize("now", [dict, len, 3])
def test_a_name_that_leads_to_no_exception_any_more_gives_a_stand_in(monkeypatch: pytest.MonkeyPatch, now: Any) -> None:
    encoded = encode_error(faults.Rewords("a"))
    monkeypatch.setattr(faults, "Rewords", now)
    assert type(decode_error(encoded)) is StepFailed


def test_the_traceback_is_a_note_that_a_person_sees_where_it_is_raised_again() -> None:
    again = travelled(raised(ValueError("boom")))
    with pytest.raises(ValueError, match="boom") as caught:
        raise again
    printed = "".join(traceback.format_exception(caught.value))
    assert HEADING in printed
    assert re.search(r"faults\.py\", line \d+, in _raise\n", printed)
    assert printed.rstrip().endswith("ValueError: boom")


def test_going_round_again_changes_nothing() -> None:
    original = raised(faults.SeveralArguments(1, "x"))
    original.add_note("the author's own")
    once = encode_error(original)
    twice = encode_error(raised(decode_error(once)))
    thrice = encode_error(raised(decode_error(twice)))
    assert once == twice == thrice
    assert decode_error(thrice).__notes__[0] == "the author's own"
    assert len(decode_error(thrice).__notes__) == 2


def test_a_stand_in_goes_round_again_unchanged() -> None:
    stand_in = travelled(local_exception())
    once = encode_error(stand_in)
    again = decode_error(once)
    assert type(again) is StepFailed
    assert (again.args, again.__notes__) == (stand_in.args, stand_in.__notes__)
    assert encode_error(again) == once


def test_frames_of_what_runs_the_step_are_left_out() -> None:
    async def fail() -> None:
        raise ValueError

    try:
        asyncio.run(fail())
    except ValueError as error:
        # As from asyncio's own first frame on, without this test's.
        error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
        text = encode_error(error).data.decode()
    assert "in fail" in text
    assert "asyncio" not in text


def linked() -> BaseException:
    """Third from second, which was raised while first was handled."""
    first = raised(KeyError("first"))
    first.add_note("noted")
    second = ValueError("second")
    second.__context__ = first
    third = faults.SeveralArguments(3, "third")
    third.__context__ = third.__cause__ = raised(second)
    return raised(third)


def test_the_chain_comes_back() -> None:
    third = travelled(linked())
    second = third.__cause__
    assert third.__suppress_context__
    assert third.__context__ is second
    assert type(second) is ValueError
    assert second.__cause__ is None
    assert not second.__suppress_context__
    first = second.__context__
    assert type(first) is KeyError
    assert first.__notes__[0] == "noted"
    assert first.__notes__[1].startswith(HEADING)


def test_from_none_comes_back() -> None:
    original = ValueError()
    original.__context__ = raised(KeyError())
    original.__suppress_context__ = True
    again = travelled(raised(original))
    assert again.__suppress_context__
    assert again.__cause__ is None
    assert type(again.__context__) is KeyError


def test_a_cycle_in_the_chain_is_cut() -> None:
    first, second, third = ValueError("1"), ValueError("2"), ValueError("3")
    first.__context__, second.__context__, third.__cause__ = second, third, first
    again = travelled(first)
    assert str(again.__context__) == "2"
    assert again.__context__ is not None
    assert str(again.__context__.__context__) == "3"
    assert again.__context__.__context__ is not None
    assert again.__context__.__context__.__cause__ is None


def test_a_long_chain_is_cut_at_its_far_end() -> None:
    error: BaseException = ValueError(0)
    for number in range(1, 500):
        error, error.__context__ = ValueError(number), error
    again: BaseException | None = travelled(error)
    arrived = []
    while again is not None:
        arrived.append(again.args[0])
        again = again.__context__
    assert arrived == list(range(499, 469, -1))


def test_a_group_comes_back_with_its_members() -> None:
    group = ExceptionGroup(
        "both", [raised(ValueError("a")), ExceptionGroup("inner", [faults.SeveralArguments(1, "b")])]
    )
    again = travelled(raised(group))
    assert type(again) is ExceptionGroup
    assert again.message == "both"
    assert type(again.exceptions[0]) is ValueError
    assert "in _raise" in again.exceptions[0].__notes__[0]
    matched, rest = again.split(faults.SeveralArguments)
    assert matched is not None
    assert rest is not None


def test_a_groups_own_class_and_attributes_come_back() -> None:
    again = travelled(faults.Group([ValueError("a")], 7))
    assert type(again) is faults.Group
    assert (again.message, again.code, str(again.exceptions[0])) == ("code 7", 7, "a")


def test_a_base_exception_group_with_an_unfindable_member_comes_back() -> None:
    again = travelled(BaseExceptionGroup("stop", [KeyboardInterrupt(), local_exception()]))
    assert type(again) is BaseExceptionGroup
    assert [type(member) for member in again.exceptions] == [KeyboardInterrupt, StepFailed]


def test_a_huge_group_keeps_its_first_members() -> None:
    again = travelled(ExceptionGroup("many", [ValueError(number) for number in range(10_000)]))
    assert isinstance(again, ExceptionGroup)
    assert [member.args for member in again.exceptions] == [(number,) for number in range(50)]


def test_a_huge_text_is_truncated_in_the_middle() -> None:
    original = raised(ValueError("<" + "x" * 10_000_000 + ">"))
    original.add_note("y" * 1_000_000)
    encoded = encode_error(original)
    assert len(encoded.data) < 500_000
    again = decode_error(encoded)
    assert type(again) is ValueError
    text = str(again)
    assert text[:2] == "<x"
    assert text[-2:] == "x>"
    assert "… 9,900,002 characters left out …" in text
    assert len(again.__notes__[0]) < 11_000
    assert len(again.__notes__[1]) < 21_000


def test_a_text_that_fits_is_kept_whole_though_the_description_is_not() -> None:
    text = "x" * 200_000
    assert str(travelled(ValueError(text))) == text


def test_a_deep_recursion_arrives() -> None:
    def forever() -> None:
        forever()

    try:
        forever()
    except RecursionError as error:
        again = travelled(error)
    assert type(again) is RecursionError
    assert "Previous line repeated" in again.__notes__[0]


@pytest.mark.parametrize("notes", [["a", 3, faults.Textless()], "no list", None])
def test_notes_of_any_kind_do_not_stop_it(notes: Any) -> None:
    original = ValueError("a")
    original.__notes__ = notes
    again = travelled(original)
    expected = ["a", "3", "<no text: its __str__ raised RuntimeError>"] if isinstance(notes, list) else []
    assert getattr(again, "__notes__", []) == expected


@given(
    st.binary()
    | st.builds(
        lambda node: json.dumps(node).encode(),
        st.recursive(
            st.none() | st.integers() | st.text() | st.sampled_from(["os", "path", "builtins", "dict", "ValueError"]),
            lambda parts: (
                st.lists(parts)
                | st.dictionaries(
                    st.sampled_from(
                        ["module", "qualname", "text", "traceback", "notes", "recipe", "linked", "cause", "members"]
                    ),
                    parts,
                )
            ),
        ),
    )
)
@settings(deadline=None)
def test_decoding_never_raises_whatever_the_bytes(data: bytes) -> None:
    assert isinstance(decode_error(Encoded("error", data)), BaseException)
