"""What differs between two answers."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator import difference
from emulator.difference import ABSENT, Difference

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside),
    max_leaves=20,
)


@given(values)
def test_nothing_differs_from_itself(value: Any) -> None:
    assert difference.between(value, json.loads(json.dumps(value)), 0.0) == []


@given(values, values)
def test_what_differs_does_so_the_other_way_round(one: Any, other: Any) -> None:
    there = difference.between(one, other)
    back = difference.between(other, one)
    assert {(each.path, repr(each.old), repr(each.new)) for each in there} == {
        (each.path, repr(each.new), repr(each.old)) for each in back
    }


def test_it_says_where() -> None:
    old = {"emotion": "sad", "segments": [{"end": 5.0}, {"end": 10.0}], "gone": 1}
    new = {"emotion": "calm", "segments": [{"end": 5.0}, {"end": 9.5}, {"end": 12}], "more": None}
    assert difference.between(old, new) == [
        Difference("emotion", "sad", "calm"),
        Difference("segments[1].end", 10.0, 9.5),
        Difference("segments[2]", ABSENT, {"end": 12}),
        Difference("gone", 1, ABSENT),
        Difference("more", ABSENT, None),
    ]


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        (100.0, 100.009, True),
        (100.0, 100.011, False),
        (100, 100.0, True),
        (-0.5, 0.5, False),
        (0.0, 1e-12, True),
        (0.0, 1e-6, False),
        (1, True, False),
        (0, None, False),
        ("1", 1, False),
    ],
)
def test_numbers_are_the_same_within_the_tolerance(old: Any, new: Any, same: bool) -> None:
    assert (difference.between(old, new) == []) is same


def test_a_whole_answer_may_be_another() -> None:
    assert difference.between([], {}) == [Difference("the whole", [], {})]


def test_what_may_be_anything_is_left_out() -> None:
    old = {"pid": 1, "timings": {"fn_s": 1.0}, "rows": [{"time": 1, "to": 2}], "pidgin": 1}
    new = {"pid": 2, "timings": {"fn_s": 2.0}, "rows": [{"time": 3, "to": 4}], "pidgin": 2}
    paths = [
        each.path for each in difference.between(old, new, ignored=("pid", "timings", "rows[].to"))
    ]
    assert paths == ["rows[0].time", "pidgin"]
