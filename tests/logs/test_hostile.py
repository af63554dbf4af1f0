"""Bytes that somebody chose to do harm: they are shown as marks, and nothing hangs."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from modeldeck.domain.logs.heads import Catalogue
from modeldeck.domain.logs.query import Query, Words, field_test, levels_from
from modeldeck.errors import InvalidInputError, ModelDeckError
from modeldeck.store.logs import MAX_LINE, Follower, Log
from modeldeck.store.logs.lines import Line, last_state
from modeldeck.store.logs.matching import Matcher
from modeldeck_tui.clean import clean

PARTS = [
    *(b"\x1b[2J", b"\x1b]0;owned\x07", b"\x1b]52;c;b3du\x07", b"\x9b31m", b"\x0e", b"\x00", b"\r"),
    *(
        b"\n",
        b"\r\n",
        "\u202e\u2066".encode(),
        "\u200b\ufeff".encode(),
        b"\xff\xfe",
        b"\xed\xa0\x80",
    ),
    *(
        b"2026-11-23 07:10:11 ERROR ",
        b"<9999>1 ",
        b'{"level": ',
        b"[" * 300,
        b"{" * 300,
        b"a=" * 50,
    ),
    *(b"level=error at=", b"Traceback (most recent call last):", b"  ", b"9" * 400, b"\xf0\x9f"),
    *(b"[/x]", b"[@click=app.quit]", b"99-99 99:99:99.999 1 1 E x", b'{"at": 1e999}', b"-" * 200),
    *(
        b"I9999 99:99:99 1 x:1] ",
        b"Feb 30 12:00:00 x ",
        b"1" * 10 + b".5 x",
        b"x" * 20_000,
        b"\x80",
    ),
]


def hostile(seed: str) -> bytes:
    """Return a file that somebody made up to do harm."""
    chance = random.Random(seed)
    count = chance.randint(0, 30)
    parts = [
        chance.randbytes(chance.randint(0, 60)) if chance.random() < 0.3 else chance.choice(PARTS)
        for _ in range(count)
    ]
    start = chance.choice([b"", b"", b"", b"\x1f\x8b", b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf"])
    return start + b"".join(parts)


def is_harmless(text: str) -> bool:
    """Say whether a terminal would obey nothing of a text."""
    return not any(
        ord(one) < 32 or 0x7F <= ord(one) < 0xA0 or one in "\u202e\u2066\u200b" for one in text
    )


QUERY = Query(
    keep=(Words("(E|o)"),),
    hide=(Words("zzz"),),
    levels=levels_from("!debug"),
    fields=(field_test("a!=3"),),
)


def look(path: Path) -> None:
    """Read a file in every way; whatever is shown is harmless, and each byte is in some line."""
    with Log(path) as log:
        try:
            while log.advance():
                pass
        except ModelDeckError:
            pass
        lines = log.after(0, 10_000)
        assert sum(one.length + 1 for one in lines) in {log.end, log.end + 1}
        for line in lines:
            assert is_harmless(clean(line.shown))
            assert is_harmless(clean(line.text))
            assert len(line.data) <= MAX_LINE
            assert isinstance(line.fields, dict)
        log.tail(5)
        log.at_time(1_700_000_000_000_000)
        hits = {one.line.offset for one in log.search(QUERY) if one.line}
        assert hits <= {one.offset for one in lines}
        log.next_of_level("ERROR", 0)


@pytest.mark.parametrize("part", range(4))
def test_hostile_files_are_read_and_shown_harmlessly(tmp_path: Path, seed: int, part: int) -> None:
    """A sample of what is random."""
    path = tmp_path / "a.log"
    for number in range(100):
        path.write_bytes(hostile(f"{seed}-{part}-{number}"))
        look(path)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_ten_thousand_hostile_files_are_read_and_shown_harmlessly(
    tmp_path: Path, seed: int
) -> None:
    """The full count."""
    path = tmp_path / "a.log"
    for number in range(10_000):
        path.write_bytes(hostile(f"{seed}-all-{number}"))
        look(path)


@pytest.mark.parametrize(
    "expression", ["(a+)+$", "(a|aa)+$", "(a*)*b", "(.*)(.*)(.*)(.*)x9$", "a{500}b"]
)
def test_regular_expression_that_explodes_elsewhere_takes_a_moment(expression: str) -> None:
    """RE2's time grows with the text alone; with `re` each of these takes years."""
    matcher = Matcher(Query(keep=(Words(expression),)))
    block = (b"a" * 5_000 + b"!\n") * 20
    assert list(matcher.lines(block)) == []


@pytest.mark.parametrize(
    "expression", ["(", "a**b", "(?=x)", "(x)\\1", "[z-a]", "(a{1000}){1000}", "\\"]
)
def test_what_is_no_regular_expression_is_an_error_with_a_hint(expression: str) -> None:
    """Also what RE2 does not have, and what would take too much memory."""
    with pytest.raises(InvalidInputError, match="no regular expression"):
        Matcher(Query(keep=(Words(expression),)))


def test_heads_of_crafted_lines_take_a_moment() -> None:
    """No built-in format goes back and forth over a line without end."""
    catalogue = Catalogue()
    for unit in (
        b"- ",
        b"[a] ",
        b"[",
        b"1 ",
        b"a.b - ",
        b"<",
        b" \t",
        b"w-",
        b"9",
        b"(1)",
        b"a" * 100,
    ):
        for start in (
            b"2026-11-23 07:10:11",
            b"07:10:11 ",
            b"1700000000 ",
            b"",
            b"INFO ",
            b"1.1.1.1 - - ",
        ):
            for _ in range(20):
                catalogue.head(start + unit * 600)


def test_line_cannot_pretend_to_be_another_by_a_carriage_return() -> None:
    """A line that holds what looks like a record is shown whole, with marks."""
    forged = b"request 7 \r2026-11-23 10:00:00 INFO approved by alice"
    for data in (forged, forged + b"\r\r", b"2026-11-23 10:00:00 INFO real\rfake"):
        line = Line(data, len(data), 9, Catalogue().head(data))
        assert clean(line.shown) == data.decode().removesuffix("\r").replace("\r", "␍")


def test_progress_bar_is_shown_as_its_last_state(tmp_path: Path) -> None:
    """With how many states there were before; also when it takes many kilobytes."""
    assert last_state(b" 10%\r 20%\r100%") == "100% ␍2"
    path = tmp_path / "a.log"
    path.write_bytes(b"".join(b"%6d/99999\r" % n for n in range(100_000)) + b"\nend\n")
    with Log(path) as log:
        first, second = log.tail(2)
        assert first.shown.startswith(" 99999/99999 ␍")
        assert second.shown == "end"


def test_forged_fields_create_no_record(tmp_path: Path) -> None:
    """A field with newlines that was written as JSON stays one line of one record."""
    forged = "x\n2026-11-23 10:00:00 INFO approved by alice\r\n\u2028\x85"
    path = tmp_path / "a.jsonl"
    path.write_text(
        "".join(json.dumps({"id": n, "user": forged * (n % 5)}) + "\n" for n in range(1000))
    )
    with Log(path) as log:
        assert len(log.after(0, 5000)) == log.n_lines == 1000
        assert not any(one.line for one in log.search(Query(levels=levels_from("=info"))))


def test_file_without_any_newline_is_read_in_bounded_pieces(tmp_path: Path) -> None:
    """100 MB on one line: 16 KiB are kept, the rest is counted, and following goes on."""
    path = tmp_path / "a.log"
    with path.open("wb") as file:
        file.truncate(100 << 20)
    with Log(path) as log:
        (line,) = log.tail(3)
        assert (len(line.data), line.length) == (MAX_LINE, 100 << 20)
        assert line.text.endswith("… 104,841,216 more bytes")
    follower = Follower(Log(path))
    with path.open("ab") as file:
        file.write(b"\nnext\n")
    assert [one.data for one in follower.poll().lines][-1] == b"next"
    follower.close()
