"""Looking for levels without telling every line's head: the same lines, whatever a file holds."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modeldeck.domain.logs.formats import Format
from modeldeck.domain.logs.heads import Catalogue, Head, heads
from modeldeck.domain.logs.levels import LEVELS, WORDS
from modeldeck.domain.logs.query import Query
from modeldeck.domain.logs.sieve import sieve
from modeldeck.store.logs import Log, blocks
from modeldeck.store.logs.histogram import minutes as minutes_of
from modeldeck.store.logs.matching import Matcher, Pattern, compiled
from tests.logs.samples import SAMPLES

OWN = (
    Format(
        "ours",
        r"^(?P<at>%iso%) \w+ <(?P<level>\w+)>",
        levels={"gossip": "DEBUG", "ouch": "ERROR"},
        is_own=True,
    ),
    Format("spread", r"(?P<at>%clock%)\s+(?P<level>[^;]+);", is_own=True),
)
AROUND = [
    "Traceback (most recent call last):",
    '  File "x.py", line 1, in <module>',
    "ValueError: bad",
    "Warning: low",
    "Caused by: java.io.IOException",
    "",
    "}",
    "\tat x.y.z(A.java:3) ERROR",
    "  2026-11-23 07:10:11 ERROR indented",
    "During handling of the above exception, another exception occurred:",
    "Epoch 3/10 loss=0.25",
    "{\0}\0",
    '{"level": "\\u0045rror"}',
    '{"a": "level=error", "level": "info"}',
    '{"level": "Error", broken',
    "level=ERR",
    'a=b c="x level=fatal" level="Error"',
    "<011>1 - gpu deck - - - leading zero",
    "2026-11-23 07:10:11ERROR glued",
    "2026-11-23 07:10:11 [a][b] <c> (1) name - error: far",
    "[error] x",
    "error  two blanks",
    "error one blank",
    "ERROR",
    "ERROR=3",
    "2026-11-23 07:10:11 gpu01 <ouch> no",
    "2026-11-23 07:10:11 gpu01 <gossip> no",
    "07:10:11 \v error; x",
    "\x1c ERROR",
    "ERROR\r",
]
PIECES = st.one_of(
    st.sampled_from([one.line for one in SAMPLES]),
    st.sampled_from(AROUND),
    st.builds(
        lambda line, word, shape: line.replace("ERROR", shape(word)).replace("INFO", shape(word)),
        st.sampled_from([one.line for one in SAMPLES if one.level] + AROUND),
        st.sampled_from(sorted(WORDS)),
        st.sampled_from([str.upper, str.lower, str.capitalize, str.swapcase]),
    ),
)
WANTED = st.frozensets(st.sampled_from(["", *LEVELS]), min_size=1, max_size=3)


def compare(path: Path, wanted: frozenset[str], *, own: tuple[Format, ...] = ()) -> None:
    """Look for levels in both directions, and beside telling each head."""
    lines = path.read_bytes().split(b"\n")
    lines = lines if lines[-1] else lines[:-1]
    catalogue = Catalogue(own, compile_theirs=Pattern, latest=1_795_600_000_000_000)
    offset, expected = 0, []
    minutes: Counter[tuple[int | None, str]] = Counter()
    for line, head in zip(lines, heads(lines, catalogue), strict=True):
        if head.level in wanted:
            expected.append((offset, head.level, head.at))
        minutes[None if head.time is None else head.time // 60_000_000, head.level] += 1
        offset += len(line) + 1
    with Log(path, formats=own) as log:
        for back in (False, True):
            hits = log.search(Query(levels=wanted), backwards=back)
            found = [(one.at, one.line.level, one.line.head.at) for one in hits if one.line]
            assert found == (expected[::-1] if back else expected)
        counted = sum(minutes_of(log, Matcher(Query())), Counter[tuple[int | None, str]]())
        assert counted == minutes
        together = [*log.passages(Matcher(Query(levels=wanted)))]
    texts = [one for passage in together if passage.spans for one in passage.data.split(b"\n")]
    data = path.read_bytes() + b"\n"
    assert texts == [data[at : data.index(b"\n", at)] for at, _level, _time in expected]


class Case(NamedTuple):
    """Lines, which levels are looked for, the bytes of a block, and whether formats are own."""

    lines: list[str]
    wanted: frozenset[str]
    block: int
    has_own: bool


CASES = st.builds(
    Case,
    lines=st.lists(PIECES, min_size=1, max_size=25),
    wanted=WANTED,
    block=st.sampled_from([96, 256, 1 << 20]),
    has_own=st.booleans(),
)


def write_and_compare(folder: Path, case: Case) -> None:
    """Write lines, the last one without an end, and look for levels in blocks of a size."""
    path = folder / "a.log"
    path.write_bytes("\n".join(case.lines).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "LARGE", case.block)
        patch.setattr(sys.modules[minutes_of.__module__], "_FEW", 0)
        compare(path, case.wanted, own=OWN if case.has_own else ())


@settings(max_examples=60)
@given(case=CASES)
def test_lines_of_some_levels_are_those_whose_heads_say_so(
    tmp_path_factory: pytest.TempPathFactory, case: Case
) -> None:
    """Lines of all formats, with tracebacks and traps, with blocks of any size, in any order."""
    write_and_compare(tmp_path_factory.mktemp("sieve"), case)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@settings(max_examples=10_000)
@given(case=CASES)
def test_lines_of_some_levels_are_those_whose_heads_say_so_in_many_files(
    tmp_path_factory: pytest.TempPathFactory, case: Case
) -> None:
    """The full count."""
    write_and_compare(tmp_path_factory.mktemp("sieve"), case)


@pytest.mark.parametrize(
    ("line", "is_taken"),
    [
        ("2026-11-23 07:10:11,123 INFO ok", True),
        ("2026-11-23 07:10:11,123 INFO", True),
        ("2026-02-30 07:10:11,123 INFO no such day", False),
        ("2026-11-23 25:10:11,123 INFO no such hour", False),
        ("2026-11-23 07:10:11,123 Info not a level there", False),
        ("2026-11-23 07:10:11,123 INFO=3", False),
        ("2026-11-23 07:10:11,123 WARN another", False),
    ],
)
def test_lines_are_taken_together_only_where_time_and_level_are_sure(
    line: str, *, is_taken: bool
) -> None:
    """A line that cannot be told surely is looked at."""
    catalogue = Catalogue()
    catalogue.head(b"2026-11-23 07:10:11,123 INFO first")
    expression = catalogue.run(frozenset({"INFO"}))
    assert expression is not None
    block = b"\n2026-11-23 07:10:11,123 INFO one\n" + line.encode() + b"\nrest"
    end = compiled(expression, is_of_blocks=True).match(block).end()
    assert (end > 33) == is_taken


@pytest.mark.parametrize("shape", ["{} {} slow", "{} | {:<8} | slow", "[{}] [{}] slow"])
def test_levels_with_lines_that_tell_none_need_few_heads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: str
) -> None:
    """What is not asked for is passed over in all common formats."""
    path = tmp_path / "a.log"
    levels = ("INFO", "DEBUG", "INFO", "WARN")
    lines = [shape.format("2026-11-23 07:10:11,123", levels[n % 4]) for n in range(400)]
    lines[200] = "no level"
    path.write_text("\n".join(lines) + "\n")
    told: list[bytes] = []
    tell = Catalogue.head

    def counted(self: Catalogue, data: bytes) -> Head:
        told.append(data)
        return tell(self, data)

    monkeypatch.setattr(Catalogue, "head", counted)
    with Log(path) as log:
        hits = log.search(Query(levels=frozenset({"", "ERROR"})))
        assert [one.line.text for one in hits if one.line] == ["no level"]
    assert len(told) < 10


def test_own_format_that_asks_for_an_end_of_a_line_is_not_sieved() -> None:
    """Its lines cannot be told from others within a block, so that each is looked at."""
    ending = Format("ends", r"(?P<level>\w+)$", is_own=True)
    assert sieve((ending,), frozenset({"ERROR"})) is None
    assert sieve(OWN, frozenset({"ERROR"})) is not None


def test_blank_line_at_the_begin_of_a_page_keeps_the_level_of_its_record(tmp_path: Path) -> None:
    """It belongs to the line before, also where nothing before it is read."""
    path = tmp_path / "a.log"
    path.write_bytes(b"2026-11-23 07:10:11 ERROR broke\n\n2026-11-23 07:10:12 INFO on\n")
    with Log(path) as log:
        assert [one.level for one in log.tail(2)] == ["ERROR", "INFO"]
