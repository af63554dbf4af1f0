"""Reading logs: the last lines of any file, and following through whatever happens to it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modeldeck.errors import DamageError, NotFoundError
from modeldeck.store.logs import MAX_LINE, Follower, Log, LogFollower, parse_line, tail

WRITER = """
import sys, time
with open(sys.argv[1], "ab", buffering=0) as file:
    for n in range(int(sys.argv[2])):
        file.write(b"line %d\\n" % n)
        time.sleep(0.001)
"""


class Clock:
    """A clock that tests turn."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def texts(lines: object) -> list[str]:
    """Return the texts of lines."""
    assert isinstance(lines, list)
    return [one["text"] for one in lines]


@given(
    lines=st.lists(st.text(alphabet="ab é\r", max_size=30)),
    ends=st.booleans(),
    n=st.integers(0, 40),
)
def test_tail_is_the_end_of_what_splitting_gives(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], *, ends: bool, n: int
) -> None:
    """Whatever the file holds, its last lines and their numbers are those of a plain split."""
    path = tmp_path_factory.mktemp("tail") / "a.log"
    content = "\n".join(lines) + ("\n" if ends and lines else "")
    path.write_bytes(content.encode())
    whole = content.split("\n")
    if not whole[-1]:
        whole.pop()
    expected = [one.removesuffix("\r") for one in whole]
    found = tail(path, n, numbers=True)
    assert texts(found) == (expected[-n:] if n else [])
    assert [one["line"] for one in found] == list(range(1, len(whole) + 1))[-n:][: len(found)]


def test_tail_of_a_large_file_reads_only_its_end(tmp_path: Path) -> None:
    """The last lines of 3 GB come at once: the file is sparse but for its end."""
    path = tmp_path / "large.log"
    with path.open("wb") as file:
        file.truncate(3 << 30)
        file.seek(0, os.SEEK_END)
        file.write(b"\none\ntwo\n")
    began = time.monotonic()
    assert texts(tail(path, 2)) == ["one", "two"]
    assert time.monotonic() - began < 5


def test_line_of_megabytes_is_cut_and_counted(tmp_path: Path) -> None:
    """Only the first 16 KiB of a line are kept; the rest is told as a number."""
    path = tmp_path / "a.log"
    path.write_bytes(b"x" * 5_000_000 + b"\nend\n")
    first, last = tail(path, 2)
    assert len(first["text"]) < MAX_LINE + 100
    assert first["text"].endswith("more bytes")
    assert last["text"] == "end"


@pytest.mark.parametrize(
    ("line", "at", "level"),
    [
        (b"2026-11-23T07:10:11.123456Z INFO  ok", "2026-11-23T07:10:11.123456Z", "INFO"),
        (b"2026-11-23 07:10:11,123 [WARNING] slow", "2026-11-23 07:10:11,123", "WARN"),
        (b"07:10:11 ERROR it broke", "07:10:11", "ERROR"),
        (b"[2026-11-23 07:10:11] critical: x", "2026-11-23 07:10:11", "CRITICAL"),
        (b"ERROR: no time", "", "ERROR"),
        (b"at 07:10:11 the number 12:30:00 was seen", "", ""),
        (b"INFORMATION is no level", "", ""),
        (
            b'{"time":"2026-11-23T07:10:11Z","level":"warn","msg":"x"}',
            "2026-11-23T07:10:11Z",
            "WARN",
        ),
        (b'{"level":"ERROR", broken', "", ""),
        (b"\xff\xfe torn \xc3", "", ""),
        (b"", "", ""),
    ],
)
def test_time_and_level_are_taken_from_the_beginning_only(line: bytes, at: str, level: str) -> None:
    """Several forms are known; numbers within a message are no times."""
    found = parse_line(line, "a.log", number=1)
    assert (found["at"], found["level"]) == (at, level)


def test_follower_gives_the_last_lines_then_new_ones(tmp_path: Path) -> None:
    """A line shows when it is whole, or after a quiet second."""
    path, clock = tmp_path / "a.log", Clock()
    path.write_text("one\ntwo\nthree\n")
    follower = LogFollower(path, last=2, numbers=True, monotonic=clock)
    assert [(one["line"], one["text"]) for one in follower.poll()] == [(2, "two"), (3, "three")]
    with path.open("a") as file:
        file.write("fo")
        file.flush()
        assert follower.poll() == []
        file.write("ur\nfive")
    assert texts(follower.poll()) == ["four"]
    clock.now += 2
    (last,) = follower.poll()
    assert (last["line"], last["text"]) == (5, "five")
    follower.close()


def test_rename_loses_no_late_line_of_the_old_file(tmp_path: Path) -> None:
    """What is still written to the renamed file comes before the new file's lines."""
    path = tmp_path / "a.log"
    with path.open("w") as file:
        follower = LogFollower(path)
        file.write("one\n")
        file.flush()
        assert texts(follower.poll()) == ["one"]
        path.rename(tmp_path / "a.log.1")
        file.write("late\n")
    path.write_text("new\n")
    assert texts(follower.poll()) == ["late", "new"]


def rotate(path: Path, text: str, *, keep: int = 5) -> None:
    """Rename a log and those before, and begin another one."""
    for number in range(keep, 0, -1):
        older = path.with_name(f"{path.name}.{number}")
        if older.exists():
            older.rename(path.with_name(f"{path.name}.{number + 1}"))
    path.rename(path.with_name(f"{path.name}.1"))
    path.write_text(text)


@pytest.mark.parametrize("n", [2, 3, 6])
def test_rotations_between_two_looks_lose_no_file(tmp_path: Path, n: int) -> None:
    """The files in the middle are found by the number that the one has that is open."""
    path = tmp_path / "a.log"
    path.write_text("one\n")
    follower = Follower(Log(path))
    with path.open("a") as file:
        file.write("two\n")
    (tmp_path / "a.log.9").write_text("older\n")
    os.utime(tmp_path / "a.log.9", (1, 1))
    for number in range(n):
        rotate(path, f"file {number}\n")
    news = follower.poll()
    assert [one.text for one in news.lines] == ["two", *(f"file {at}" for at in range(n))]
    assert [one.kind for one in news.changes] == ["rotated"] * n
    follower.close()


def test_rotated_file_that_is_packed_already_leaves_a_gap_that_is_told(tmp_path: Path) -> None:
    """What cannot be read any more is said, and the rest comes."""
    path = tmp_path / "a.log"
    path.write_text("one\n")
    follower = Follower(Log(path), last=1)
    rotate(path, "two\n")
    rotate(path, "three\n")
    (tmp_path / "a.log.1").rename(tmp_path / "a.log.1.gz")
    news = follower.poll()
    assert [one.text for one in news.lines] == ["one", "three"]
    assert [one.kind for one in news.changes] == ["missed"]
    follower.close()


def test_dated_files_between_two_looks_are_read_in_order_of_time(tmp_path: Path) -> None:
    """Older ones, and other logs beside it, are not."""
    path = tmp_path / "a.log"
    path.write_text("one\n")
    follower = Follower(Log(path), last=1)
    for name, text, age_s in (
        ("a.log-20261122", "old\n", 60),
        ("a.log-20261124", "two\n", -60),
        ("a.log-20261125", "three\n", -120),
        ("a.log.lock", "other\n", -60),
    ):
        (tmp_path / name).write_text(text)
        at = path.stat().st_mtime - age_s
        os.utime(tmp_path / name, (at, at))
    path.rename(tmp_path / "a.log-20261123")
    path.write_text("four\n")
    assert [one.text for one in follower.poll().lines] == ["one", "two", "three", "four"]
    follower.close()


def test_truncated_and_rewritten_files_begin_anew(tmp_path: Path) -> None:
    """Shorter, or other bytes at the beginning: it is another file."""
    path = tmp_path / "a.log"
    path.write_text("one\ntwo\n")
    follower = LogFollower(path, last=5)
    follower.poll()
    path.write_text("")
    assert follower.poll() == []
    with path.open("a") as file:
        file.write("three\n")
    assert texts(follower.poll()) == ["three"]
    path.write_text("entirely other and longer than before\n")
    assert texts(follower.poll()) == ["entirely other and longer than before"]


def test_missing_file_is_followed_from_when_it_appears(tmp_path: Path) -> None:
    """A follower waits for its file, and reads on when it vanishes and comes back."""
    path = tmp_path / "a.log"
    follower = LogFollower(path, last=10)
    assert follower.poll() == []
    path.write_text("one\n")
    assert texts(follower.poll()) == ["one"]
    path.unlink()
    assert follower.poll() == []
    path.write_text("two\n")
    assert texts(follower.poll()) == ["two"]


def test_every_line_of_a_live_writer_comes_once_and_in_order(tmp_path: Path) -> None:
    """Following another process loses and repeats nothing."""
    path = tmp_path / "a.log"
    path.touch()
    follower = LogFollower(path)
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(path), "500"])
    found: list[str] = []
    deadline = time.monotonic() + 30
    while len(found) < 500:
        found += texts(follower.poll())
        assert time.monotonic() < deadline
    process.wait()
    assert found == [f"line {n}" for n in range(500)]


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_what_is_no_plain_file_is_neither_read_nor_waited_for(tmp_path: Path, kind: str) -> None:
    """A link, a pipe or a folder is refused at once."""
    path = tmp_path / "a.log"
    if kind == "link":
        (tmp_path / "b").write_text("secret\n")
        path.symlink_to(tmp_path / "b")
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    with pytest.raises(DamageError, match="not a plain file"):
        tail(path, 3)
    assert LogFollower(path, last=3).poll() == []


def test_file_that_is_not_there_is_an_error_for_tail(tmp_path: Path) -> None:
    """Asking for the end of nothing says so."""
    with pytest.raises(NotFoundError):
        tail(tmp_path / "none.log", 3)
