"""Comparing fields without reading those of every line: the same lines."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modeldeck.domain.logs.comparing import candidates
from modeldeck.domain.logs.fields import of_line
from modeldeck.domain.logs.query import FieldTest, Query
from modeldeck.store.logs.matching import Matcher

VALUES = st.one_of(
    st.integers(-3, 1200).map(str),
    st.floats(allow_nan=True).map(repr),
    st.decimals(0, 999, places=2).map(str),
    st.decimals(0, 1, places=4).map(str),
    st.sampled_from(["0.12", "0.123", "0.1230", "0.1229999", "0.99990", ".9999", "0.0001"]),
    st.sampled_from(
        [
            *("", "0", "007", "5", "5.", ".5", "5.0.1", "1e3", "+9", "-0", "5}6", "nan", "inf"),
            *(
                "true",
                "null",
                "alice",
                "al ice",
                "a\\\\b",
                "{",
                "[1]",
                "9" * 30,
                "1_0",
                "5 x",
                "x5",
            ),
        ]
    ),
)
FORMS = st.sampled_from(
    [
        "at={} n={} z",
        'n="{}"{}',
        "x n={}, m={}",
        "n={}]{}",
        '{{"n": {}, "m": {}}}',
        '{{"n":"{}","n2":{}}}',
        '{{"m": {{"n": {}}}, "k": "n={}"}}',
        '{{"\\u006e": {}, "m": {}}}',
        '{{"n" : {}, broken {}',
        "mn={} n ={}",
    ]
)
LINES = st.lists(st.builds(lambda form, a, b: form.format(a, b), FORMS, VALUES, VALUES), max_size=8)
WANTED = st.one_of(
    st.sampled_from(
        [
            "0",
            "5",
            "10",
            "99",
            "100",
            "0.5",
            "0.3",
            "0.05",
            "0.123",
            "0.9999",
            "0.1000000000000000055",
            "500",
            "7.25",
            "-1",
            "1000",
            "1e3",
            "alice",
            "x",
        ]
    ),
    st.integers(0, 1100).map(str),
)


def check(lines: list[str], name: str, *, sign: str, wanted: str) -> None:
    """Look in a block of lines, and in each line alone."""
    if sign[0] in "<>" and wanted in {"alice", "x"}:
        sign = "="
    test = FieldTest(name, sign, wanted)
    matcher = Matcher(Query(fields=(test,)))
    block = "\n".join(lines).encode()
    found = [block[start:stop] for start, stop in matcher.lines(block)]
    assert found == [one for one in block.split(b"\n") if one and test.holds(of_line(one))]


SIGNS = st.sampled_from([">", ">=", "<", "<=", "=", "=="])
NAMES = st.sampled_from(["n", "m.n", "m"])


@settings(max_examples=60)
@given(lines=LINES, name=NAMES, sign=SIGNS, wanted=WANTED)
def test_lines_whose_field_passes_are_those_whose_fields_say_so(
    lines: list[str], name: str, sign: str, wanted: str
) -> None:
    """Numbers of all forms, texts, JSON, logfmt, names with escapes, in any order."""
    check(lines, name, sign=sign, wanted=wanted)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@settings(max_examples=20_000)
@given(lines=LINES, name=NAMES, sign=SIGNS, wanted=WANTED)
def test_lines_whose_field_passes_are_those_whose_fields_say_so_in_many_blocks(
    lines: list[str], name: str, sign: str, wanted: str
) -> None:
    """The full count."""
    check(lines, name, sign=sign, wanted=wanted)


def test_few_lines_are_looked_at_where_values_are_nearly_all_too_small() -> None:
    """A fraction is compared digit by digit."""
    expression = candidates(FieldTest("latency_s", ">", "0.9995"))
    assert expression is not None
    found = re.compile(expression)
    values = [f"latency_s=0.{n:04} ok" for n in range(10_000)]
    assert [one for one in values if found.search(one.encode())] == values[9995:]
