"""What lines tell: level and time right, or said to be unknown."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from modeldeck.domain.logs.formats import FORMATS
from modeldeck.domain.logs.heads import Catalogue, heads
from modeldeck.domain.logs.stamps import to_text
from modeldeck.errors import InvalidInputError
from modeldeck.store.logs.matching import Pattern
from modeldeck.store.logs.own import read_own
from tests.logs.samples import SAMPLES, Sample

NOW = round(datetime.fromisoformat("2026-11-25T12:00:00Z").timestamp()) * 1_000_000


@pytest.fixture(autouse=True)
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let UTC be the zone of the computer."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def told(catalogue: Catalogue, sample: Sample) -> tuple[str, str, str]:
    """Return format, level and moment that a catalogue tells of a line."""
    head = catalogue.head(sample.line.encode())
    at = "" if head.time is None else to_text(head.time).rstrip("Z").rstrip("0").rstrip(".")
    return head.format, head.level, at


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda one: one.line[:40])
def test_level_and_moment_of_a_line_are_right_or_unknown(sample: Sample) -> None:
    """Each line alone is told rightly, by the format that is meant for it."""
    expected = (sample.format, sample.level, sample.at)
    found = told(Catalogue(latest=NOW), sample)
    assert found[1:] == expected[1:]
    assert found[0] == expected[0]


def test_lines_of_all_programs_mixed_are_told_as_if_alone() -> None:
    """Which format the line before had changes level and moment of none."""
    catalogue = Catalogue(latest=NOW)
    for first in SAMPLES:
        for second in SAMPLES:
            told(catalogue, first)
            found = told(catalogue, second)[1:]
            assert found == (second.level, second.at), (first.line, second.line)


def test_every_format_of_the_table_has_a_sample() -> None:
    """No format is there that no sample tries."""
    assert {one.name for one in FORMATS} <= {one.format for one in SAMPLES}


def test_traceback_belongs_to_its_line() -> None:
    """Indented lines, chained tracebacks and the error's own line have their record's level."""
    text = b"""2026-11-23 07:10:11 ERROR it broke
Traceback (most recent call last):
  File "x.py", line 1, in <module>
KeyError: 3

During handling of the above exception, another exception occurred:
Traceback (most recent call last):
  File "x.py", line 2
package.OtherError
2026-11-23 07:10:12 INFO goes on
a print"""
    levels = [one.level for one in heads(text.split(b"\n"), Catalogue())]
    assert levels == ["ERROR"] * 9 + ["INFO", ""]


def test_traceback_that_stands_alone_is_an_error() -> None:
    """What Python prints when nobody caught an exception."""
    lines = [b"step 3", b"Traceback (most recent call last):", b"  File", b"ValueError: x", b"end"]
    assert [one.level for one in heads(lines, Catalogue())] == ["", "ERROR", "ERROR", "ERROR", ""]


def test_own_format_is_tried_first(tmp_path: Path) -> None:
    """A person's formats stand in a file, with words of their own for levels."""
    path = tmp_path / "log-formats.toml"
    path.write_text(
        "[formats.ours]\npattern = '(?P<at>%iso%) \\w+ <(?P<level>\\w+)>'\n"
        'levels = { gossip = "debug" }\nsample = "2026-11-23 07:10:11 gpu01 <gossip> hi"\n'
    )
    catalogue = Catalogue(read_own(path), compile_theirs=Pattern, latest=NOW)
    found = catalogue.head(b"2026-11-23 07:10:11 gpu01 <gossip> all well")
    assert (found.format, found.level, found.at) == ("ours", "DEBUG", "2026-11-23 07:10:11")
    assert catalogue.head(b"2026-11-23 07:10:11 gpu01 <error> no").level == "ERROR"
    assert read_own(tmp_path / "none.toml") == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[formats", "no TOML"),
        ("x = 1", "'x' is not known"),
        ("formats = 3", "no table"),
        ("[formats.a]\nlevels = {}", "pattern must be"),
        ("[formats.a]\npattern = '(?P<at>x'", "no regular expression"),
        ("[formats.a]\npattern = '(?P<at>(?=x))'", "no regular expression"),
        ("[formats.a]\npattern = 'x'", "needs a group"),
        ("[formats.a]\npattern = '(?P<when>x)'", "'when', which is not known"),
        ("[formats.a]\npattern = '(?P<at>x)'\nsample = 'y'", "sample does not fit"),
        ("[formats.a]\npattern = '(?P<at>x)'\nlevels = { a = 'loud' }", "levels.a must be"),
        ("[formats.a]\npattern = '(?P<at>x)'\nfoo = 1", "formats.a.foo is not known"),
    ],
)
def test_wrong_file_of_own_formats_is_refused_with_the_place(
    tmp_path: Path, text: str, problem: str
) -> None:
    """The message says what and where."""
    path = tmp_path / "log-formats.toml"
    path.write_text(text)
    with pytest.raises(InvalidInputError, match=problem):
        read_own(path)
