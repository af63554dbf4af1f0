"""Tables of every format, damaged ones, and bombs, all in pieces."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from modeldeck.errors import InvalidInputError
from modeldeck.ml.datasets import delimited, reading
from modeldeck.ml.datasets.profile import profiled
from modeldeck.ml.datasets.reading import Source, frames, survey

FRAME = pl.DataFrame(
    {
        "n": [1, 2, None, 4],
        "x": [0.5, None, 2.5, -1.0],
        "word": ["a,b", 'say "hi"', None, "line\nbreak"],
        "yes": [True, False, True, None],
    }
)
TYPES = {"n": "int64", "x": "float64", "word": "string", "yes": "bool"}


def source(path: Path, kind: str) -> Source:
    """Return a file as a source."""
    return Source(path, path.name, kind)


def _jsonl(path: Path) -> None:
    lines = [
        json.dumps({k: v for k, v in row.items() if v is not None}) for row in FRAME.to_dicts()
    ]
    path.write_text("\n".join(lines) + "\n")


WRITERS: dict[str, Callable[[Path], object]] = {
    "csv": FRAME.write_csv,
    "csv.gz": lambda path: path.write_bytes(gzip.compress(FRAME.write_csv().encode())),
    "parquet": FRAME.write_parquet,
    "arrow": FRAME.write_ipc,
    "jsonl": _jsonl,
}


@pytest.mark.parametrize("kind", WRITERS)
def test_every_format_gives_the_same_types_and_rows(kind: str, tmp_path: Path) -> None:
    """Types are settled from all values, and missing ones are missing whatever the format."""
    path = tmp_path / f"t.{kind}"
    WRITERS[kind](path)
    found = survey([source(path, kind)])
    assert found.types == TYPES
    assert found.rows == 4
    whole = pl.concat(frames([source(path, kind)], found.types))
    assert whole.equals(FRAME)


def test_blocks_of_csv_end_where_records_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However small the pieces, quoted line ends cut no record."""
    monkeypatch.setattr(delimited, "BLOCK", 7)
    path = tmp_path / "t.csv"
    text = "".join(f'{n},"a ""{n}""\n, b"\r\n' for n in range(50))
    path.write_text("n,text\n" + text, newline="")
    found = pl.concat(frames([source(path, "csv")], {"n": "int64", "text": "string"}))
    assert found["n"].to_list() == list(range(50))
    assert found["text"][7] == 'a "7"\n, b'


def test_column_that_turns_to_texts_late_holds_texts_and_says_that_it_is_mixed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers in the first pieces do not decide; the numbers among the texts are counted."""
    monkeypatch.setattr(delimited, "BLOCK", 64)
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "".join(f"{n},{n}.5\n" for n in range(200)) + "x,1\n")
    found = survey([source(path, "csv")])
    assert found.types == {"a": "string", "b": "float64"}
    columns = profiled(found, frames([source(path, "csv")], found.types))
    assert columns[0]["mixed"] == 200
    assert columns[0]["categories"]["count"] == 201


def test_large_whole_numbers_and_nested_values_are_kept_as_they_can_be(tmp_path: Path) -> None:
    """Integers beyond 64 bits become floats; lists of JSON become texts."""
    path = tmp_path / "t.jsonl"
    path.write_text('{"big": 99999999999999999999, "list": [1, 2]}\n{"big": 1, "new": "x"}\n')
    found = survey([source(path, "jsonl")])
    assert found.types == {"big": "float64", "list": "string", "new": "string"}
    whole = pl.concat(frames([source(path, "jsonl")], found.types))
    assert whole["list"].to_list() == ["[1,2]", None]


def test_files_of_a_folder_may_lack_columns(tmp_path: Path) -> None:
    """A column that one part does not have is missing there."""
    (tmp_path / "1.csv").write_text("a,b\n1,2\n")
    (tmp_path / "2.csv").write_text("a,c\n3,x\n")
    parts = [source(tmp_path / name, "csv") for name in ("1.csv", "2.csv")]
    found = survey(parts)
    whole = pl.concat(frames(parts, found.types))
    assert whole.to_dicts() == [{"a": 1, "b": 2, "c": None}, {"a": 3, "b": None, "c": "x"}]


BAD: dict[str, tuple[str, bytes, str]] = {
    "empty": ("csv", b"", "is empty"),
    "no rows": ("csv", b"a,b\n", "has no row"),
    "wide line": ("csv", b"a,b\n1,2\n1,2,3\n", "line 3 has 3 fields"),
    "not utf-8": ("csv", b"a,b\n1,\xff\xfe\n", "line 2 is not UTF-8"),
    "two names": ("csv", b"a,a\n1,2\n", "two columns are called 'a'"),
    "no name": ("csv", b"a,\n1,2\n", "a column has no name"),
    "million columns": ("csv", b"c," * 1_000_000 + b"c\n1\n", "more than"),
    "many columns": ("csv", ",".join(f"c{n}" for n in range(20_000)).encode() + b"\n1\n", "20,000"),
    "no gzip": ("csv.gz", b"a,b\n1,2\n", "no gzip file"),
    "cut gzip": ("csv.gz", gzip.compress(b"a,b\n" + b"1,2\n" * 9999)[:-20], "no gzip file"),
    "no json": ("jsonl", b'{"a": 1}\n{"a": \n', "line 2 is no JSON"),
    "deep json": ("jsonl", b'{"a": ' + b"[" * 100_000 + b"\n", "line 1 is no JSON"),
    "long number": ("jsonl", b'{"a": 1' + b"0" * 5000 + b"}\n", "line 1 is no JSON"),
    "no object": ("jsonl", b"[1, 2]\n", "line 1 holds no object"),
    "wide json": (
        "jsonl",
        json.dumps({f"k{n}": n for n in range(20_000)}).encode() + b"\n",
        "20,000 columns",
    ),
    "no parquet": ("parquet", b"PAR1" + bytes(60) + b"PAR1", "no Parquet file"),
    "no arrow": ("arrow", b"ARROW1" + bytes(60), "no Arrow file"),
}


@pytest.mark.parametrize("name", BAD)
def test_damaged_or_unfit_table_is_refused_with_its_reason(name: str, tmp_path: Path) -> None:
    """The message names the file, and the line where there is one."""
    kind, content, reason = BAD[name]
    path = tmp_path / f"t.{kind}"
    path.write_bytes(content)
    with pytest.raises(InvalidInputError, match=r"t\.") as caught:
        survey([source(path, kind)])
    assert reason in caught.value.message


def test_bombs_are_refused_before_they_are_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Zeros in gzip, an open quote, and a Parquet file of one value repeated end early."""
    monkeypatch.setattr(reading, "SMALL_BYTES", 1 << 20)
    monkeypatch.setattr(delimited, "MAX_RECORD", 1 << 20)
    monkeypatch.setattr(delimited, "BLOCK", 1 << 18)
    zeros = tmp_path / "z.csv.gz"
    zeros.write_bytes(gzip.compress(b"a\n" + b"0\n" * 4_000_000))
    quote = tmp_path / "q.csv"
    quote.write_text('a\n"' + "x\n" * 1_000_000)
    constant = tmp_path / "c.parquet"
    pl.DataFrame({"a": pl.repeat(1, 5_000_000, eager=True)}).write_parquet(constant)
    for path, kind, reason in (
        (zeros, "csv.gz", "200 times"),
        (quote, "csv", "a record of more than"),
        (constant, "parquet", "claims 5,000,000 values"),
    ):
        with pytest.raises(InvalidInputError) as caught:
            survey([source(path, kind)])
        assert reason in caught.value.message
