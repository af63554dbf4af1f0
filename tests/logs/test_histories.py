"""The reader beside naive ones, over random files and random histories of a file."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modeldeck.domain.logs.query import Query, Words
from modeldeck.store.logs import Follower, Log, blocks, index
from modeldeck.store.logs.matching import Matcher
from modeldeck.store.logs.merged import Merged

HEAD = b"2026-11-23T07:%02d:%02dZ "
PIECES = st.sampled_from(
    [b"", b"x", b"\n", b"\r", b"\r\n", b"\xff", b"\xc3", b"\xa9", b"\x00", b"needle", b"y" * 9]
)
LINES = st.lists(st.lists(PIECES, max_size=4).map(b"".join), max_size=30).map(b"\n".join)


class World:
    """A log file, whoever writes and rotates it, and what a follower must say."""

    def __init__(self, folder: Path, *, is_quick: bool) -> None:
        self.is_quick = is_quick
        self.path = folder / "a.log"
        self.folder = folder
        self.path.touch()
        self.follower = Follower(Log(self.path), monotonic=lambda: 0.0)
        self.writer = os.open(self.path, os.O_WRONLY | os.O_APPEND)
        self.unread = b""
        self.between: list[bytes] = []
        self.new: bytes | None = None
        self.n = 0

    def close(self) -> None:
        """Close everything."""
        os.close(self.writer)
        self.follower.close()

    def append(self, *, is_torn: bool) -> None:
        """Write a line, or the beginning of one."""
        self.n += 1
        data = b"%d %s" % (self.n, b"" if is_torn else b"line\n")
        os.write(self.writer, data)
        if self.new is None:
            self.unread += data
        else:
            self.new += data

    def rotate(self, how: str) -> None:
        """Rename or delete the file; whoever writes goes on in a new one."""
        if self.new is not None and (how == "delete" or len(self.between) > 4):
            self.poll()
        if self.new is not None and (how == "delete" or not self.new):  # nobody has seen it yet
            return
        if how == "late":
            self.path.rename(self.folder / f"a.log.{self.n}")
            self.append(is_torn=False)
        elif how == "rename":
            self.path.rename(self.folder / f"a.log.{self.n}")
        else:
            self.path.unlink()
        if self.new is not None:
            self.between.append(self.new)
        self.new = b""
        os.close(self.writer)
        self.writer = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def truncate(self) -> None:
        """Cut the file to nothing: what was not read is lost."""
        if self.new is None:
            os.truncate(self.path, 0)
            self.unread = b""

    def poll(self) -> None:
        """Compare what the follower gives with what it must."""
        expected = []
        if self.new:
            for one in (self.unread, *self.between):
                expected += one.split(b"\n")
                if not expected[-1]:
                    expected.pop()
            self.unread, self.new = self.new, None
            self.between.clear()
        *lines, self.unread = self.unread.split(b"\n")
        assert self.given() == expected + lines

    def given(self) -> list[bytes]:
        """Return the lines that the follower gives, by one way or the other."""
        if not self.is_quick:
            return [one.data for one in self.follower.poll().lines]
        log, everything = self.follower.log, Matcher(Query())
        return [
            line
            for start, stop in self.follower.came()[0]
            for one in log.passages(everything, start=start, end=stop, is_timed=False)
            for line in (one.data.split(b"\n") if one.spans else ())
        ]


STEPS = st.lists(
    st.sampled_from(["line", "line", "torn", "poll", "rename", "delete", "late", "truncate"]),
    max_size=40,
)


def follow(folder: Path, steps: list[str], *, is_quick: bool = False) -> None:
    """Let a history happen."""
    world = World(folder, is_quick=is_quick)
    try:
        for step in [*steps, "poll", "poll"]:
            if step in {"line", "torn"}:
                world.append(is_torn=step == "torn")
            elif step == "poll":
                world.poll()
            elif step == "truncate":
                world.truncate()
            else:
                world.rotate(step)
    finally:
        world.close()


@given(steps=STEPS, is_quick=st.booleans())
def test_follower_gives_each_line_once_through_random_histories(
    tmp_path_factory: pytest.TempPathFactory, *, steps: list[str], is_quick: bool
) -> None:
    """Appends, torn writes, renames, deletions, truncations, in any order."""
    follow(tmp_path_factory.mktemp("history"), steps, is_quick=is_quick)


@pytest.mark.slow
@settings(max_examples=5_000)
@given(steps=STEPS, is_quick=st.booleans())
def test_follower_gives_each_line_once_through_many_histories(
    tmp_path_factory: pytest.TempPathFactory, *, steps: list[str], is_quick: bool
) -> None:
    """The full count."""
    follow(tmp_path_factory.mktemp("history"), steps, is_quick=is_quick)


def naive(data: bytes) -> list[tuple[int, bytes]]:
    """Return a file's lines and where they begin."""
    found = []
    offset = 0
    for line in data.split(b"\n"):
        found.append((offset, line))
        offset += len(line) + 1
    return found if data and not data.endswith(b"\n") else found[:-1]


@settings(max_examples=100)
@given(data=LINES, n=st.integers(0, 9), at=st.integers(0, 70))
def test_reader_says_what_splitting_says(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, n: int, at: int
) -> None:
    """Pages, numbers and searches in both directions, with blocks of few bytes."""
    path = tmp_path_factory.mktemp("reader") / "a.log"
    path.write_bytes(data)
    lines = naive(data)
    at = min(at, len(lines))
    offset = lines[at][0] if at < len(lines) else len(data)
    with pytest.MonkeyPatch.context() as patch, Log(path) as log:
        patch.setattr(blocks, "BLOCK", 64)
        patch.setattr(blocks, "LARGE", 96)
        patch.setattr(index, "STEP", 32)
        for _round in range(2):  # without an index, then with one
            assert [(one.offset, one.data) for one in log.after(offset, n)] == lines[at : at + n]
            before = [(one.offset, one.data) for one in log.before(offset, n)]
            assert before == lines[max(0, at - n) : at]
            assert [one.number for one in log.lines(at + 1, n)] == [
                *range(at + 1, at + 1 + len(lines[at : at + n]))
            ]
            assert log.number_at(offset) == at
            assert log.at_number(at + 1) == offset
            assert log.n_lines == len(lines)
            while log.advance():
                pass
        hits = [one for one in lines if b"needle" in one[1]]
        for words in (Words("needle"), Words("nee(d)le"), Words("NEEDLE", is_regex=False)):
            expected = [] if words.text == "NEEDLE" else hits
            for back in (False, True):
                found = log.search(Query(keep=(words,)), backwards=back)
                texts = [(one.line.offset, one.line.data) for one in found if one.line]
                assert texts == (expected[::-1] if back else expected)
        for expression in ("^y", "e$", "^$", "y?", "^n.*e$", "\\Ay"):
            search = re.compile(expression.encode()).search
            expected = [one for one in lines if search(one[1].removesuffix(b"\r"))]
            found = log.search(Query(keep=(Words(expression),)))
            assert [(one.line.offset, one.line.data) for one in found if one.line] == expected


@settings(max_examples=40)
@given(
    seconds=st.lists(st.lists(st.integers(0, 3599), max_size=12), min_size=1, max_size=4),
    n=st.integers(1, 60),
)
def test_merged_logs_are_in_order_of_time_in_both_directions(
    tmp_path_factory: pytest.TempPathFactory, seconds: list[list[int]], n: int
) -> None:
    """Sorted files make one sorted file; pages back and forth lose and repeat nothing."""
    folder = tmp_path_factory.mktemp("merged")
    expected = []
    logs = []
    for source, some in enumerate(seconds):
        path = folder / f"{source}.log"
        lines = [
            HEAD % divmod(one, 60) + b"%d %d" % (source, at) for at, one in enumerate(sorted(some))
        ]
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        expected += [(line[:20], source, line) for line in lines]
        logs.append(Log(path, source=source))
    texts = [line for _time, _source, line in sorted(expected, key=lambda one: one[:2])]
    with Merged(logs) as merged:
        page = merged.after(merged.begin, len(texts) + 1)
        assert [one.data for one in page.lines] == texts
        assert page.last == merged.end
        last = merged.before(merged.end, n)
        assert [one.data for one in last.lines] == texts[-n:]
        assert [one.data for one in merged.after(last.first, n).lines] == texts[-n:]
        found = [one.line.data for one in merged.search(Query(keep=(Words("Z"),))) if one.line]
        assert found == texts


def test_file_that_is_cut_and_renamed_between_two_looks_loses_nothing_written_since(
    tmp_path: Path,
) -> None:
    """What was written after the cut is read although the name is another file's by then."""
    follow(tmp_path, ["line", "poll", "truncate", "line", "rename", "line"])


def test_five_hundred_rotations_under_a_writer_are_accounted_line_by_line(tmp_path: Path) -> None:
    """By renaming and by deleting, with late lines, and a look after each."""
    follow(tmp_path, ["line", "line", "late", "line", "poll", "delete", "line", "poll"] * 250)
