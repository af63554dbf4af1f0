"""What fits as it lies in a file, many lines together, and from where to where lines came."""

from __future__ import annotations

from pathlib import Path

import pytest

from modeldeck.domain.logs.query import Query, words
from modeldeck.services.logs import Asked, Merged, Reading
from modeldeck.store.logs import Follower, Log, blocks
from modeldeck.store.logs.matching import Matcher


def test_long_line_that_fits_has_its_whole_length(tmp_path: Path) -> None:
    """Also where more than a block of it would have to be read to find its end."""
    path = tmp_path / "a.log"
    path.write_bytes(b"slow " + b"x" * 3_000_000 + b"\nnext slow\n")
    with Log(path) as log:
        for back in (False, True):
            hits = log.search(Query(keep=(words("slow"),)), backwards=back)
            found = [one.line for one in hits if one.line]
            assert sorted(one.length for one in found) == [9, 3_000_005]


def test_last_lines_begin_however_far_back_that_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page of a screen gives up after some MiB; who asks for a number gets it."""
    monkeypatch.setattr(blocks, "_FAR", 1000)
    path = tmp_path / "a.log"
    path.write_bytes(b"0123456\n" * 50_000)
    with Log(path) as log:
        assert log.start_of_last(40_000) == 80_000
        assert log.start_of_last(60_000) == 0


@pytest.mark.parametrize("hidden", ["b", "^$", "b$", "^a|d", "x*", "zz"])
@pytest.mark.parametrize("text", ["a\nb\n\nb\nc\n", "b\r\na\r\n\r\nb", "b", "\n\nab\nd"])
def test_lines_between_hidden_ones_are_those_without_the_word(
    tmp_path: Path, text: str, hidden: str
) -> None:
    """Whether they stand at the begin, at the end, alone, or are empty."""
    path = tmp_path / "a.log"
    path.write_bytes(text.encode())
    matcher = Matcher(Query(hide=(words(hidden),)))
    lines = text.encode().split(b"\n")
    lines = lines if lines[-1] else lines[:-1]
    with Log(path) as log:
        found = [*log.passages(matcher)]
        hits = [one.line.data for one in log.search(matcher.query) if one.line]
    expected = [one for one in lines if matcher.passes(one)]
    assert hits == expected
    assert [x for one in found if one.spans for x in one.data.split(b"\n")] == expected


def test_whole_lines_that_come_are_told_as_spans(tmp_path: Path) -> None:
    """A line without an end waits for it, until nothing came for a while."""
    path = tmp_path / "a.log"
    path.write_bytes(b"old\n")
    now = [0.0]
    with Log(path) as log:
        follower = Follower(log, monotonic=lambda: now[0])
        with path.open("ab") as file:
            file.write(b"one\ntwo\nthr")
        assert follower.came() == ([(4, 12)], [])
        assert follower.came() == ([], [])
        with path.open("ab") as file:
            file.write(b"ee\nfour")
        assert follower.came() == ([(12, 18)], [])
        now[0] = 5.0
        assert follower.came() == ([(18, 22)], [])


@pytest.mark.parametrize("rest", ["rest\n", "re\rst\n"])
def test_rest_of_a_line_that_was_given_without_its_end_comes_too(tmp_path: Path, rest: str) -> None:
    """Also where its lines have to be looked at one by one."""
    path = tmp_path / "a.log"
    path.write_text("part")
    now = [0.0]
    with Merged([Log(path)]) as merged:
        reading = Reading(merged, Asked(Query()))
        tracking = reading.follow(monotonic=lambda: now[0])
        assert [one.data for one in tracking.passages()] == [b"part"]
        with path.open("a") as file:
            file.write(rest)
        found = [*tracking.passages()]
        assert [one.data for one in found] == [rest.rstrip("\n").encode()]
        lines = [one.data for passage in found for one in reading.lines_of(passage)]
        assert lines == [rest.rstrip("\n").encode()]
