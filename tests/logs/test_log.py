"""A log's places, questions, changes, archives and pipes."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from modeldeck.domain.logs.query import Query, Words, field_test, levels_from, moment_from, words
from modeldeck.errors import DamageError, InvalidInputError, ModelDeckError, UnavailableError
from modeldeck.store.logs import Follower, Log, histogram, index
from modeldeck.store.logs.opening import open_pipe

BEGIN = datetime(2026, 11, 23, tzinfo=UTC)


def at(second: int) -> int:
    """Return a second of the log in microseconds since 1970."""
    return (round(BEGIN.timestamp()) + second) * 1_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Make a log of 10,000 lines, a line a second, every hundredth an error with a traceback."""
    path = tmp_path / "a.log"
    with path.open("w") as file:
        for n in range(10_000):
            clock = f"2026-11-23T{n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}Z"
            level = "ERROR" if n % 100 == 99 else "INFO"
            file.write(f"{clock} {level} request={n} latency_s={n % 50 / 50}\n")
            if level == "ERROR":
                file.write("Traceback (most recent call last):\n  File x\nValueError: bad\n")
    return path


def finish(log: Log) -> None:
    """Unpack and index all of a log."""
    while log.advance():
        pass


def hits(log: Log, query: Query) -> list[str]:
    """Return the texts that fit."""
    return [one.line.text for one in log.search(query) if one.line]


def test_time_number_and_share_lead_to_their_lines(path: Path) -> None:
    """By bisection, by index, by bytes."""
    with Log(path) as log:
        assert "request=7777 " in log.after(log.at_time(at(7777)), 1)[0].text
        assert log.at_time(at(-5)) == 0
        assert log.at_time(at(99_999)) == log.end
        assert log.lines(101, 1)[0].text == "Traceback (most recent call last):"
        assert log.at_share(0) == 0
        middle = log.at_share(0.5)
        assert abs(middle - log.end / 2) < 200
        assert log.start_of_line(middle + 3) == middle


@pytest.mark.parametrize("has_lead", [True, False])
def test_level_keeps_a_traceback_with_its_line(path: Path, *, has_lead: bool) -> None:
    """By level alone, and with a text that only the traceback has."""
    keep = (Words("ValueError"),) if has_lead else ()
    with Log(path) as log:
        found = hits(log, Query(keep=keep, levels=levels_from("error")))
        assert len(found) == (100 if has_lead else 400)
        assert hits(log, Query(keep=keep, levels=levels_from("!error"))) == (
            [] if has_lead else [one.text for one in log.after(0, 20_000) if one.level == "INFO"]
        )
        first = log.next_of_level("WARN", 0)
        assert first is not None
        assert "request=99 " in first.text
        again = log.next_of_level("ERROR", first.offset + 1)
        assert again is not None
        assert "request=199 " in again.text
        back = log.next_of_level("ERROR", again.offset, backwards=True)
        assert back == first
        assert log.next_of_level("CRITICAL", 0) is None


def test_fields_times_and_hidden_words_narrow_a_search(path: Path) -> None:
    """All of them together, as command and screen ask."""
    query = Query(
        hide=(words("request=5"),),
        fields=(field_test("latency_s>0.9"), field_test("user!=bob")),
        since=at(5900),
        until=at(6100),
    )
    with Log(path) as log:
        found = hits(log, query)
        assert [one.split("request=")[1].split()[0] for one in found] == [
            str(n) for n in range(6000, 6100) if n % 50 / 50 > 0.9
        ]


def test_field_of_json_lines_is_compared_as_json_says(tmp_path: Path) -> None:
    """Nested ones by dots; what merely looks like the field within a text does not count."""
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"latency_s": 0.7, "http": {"status": 200}}\n'
        '{"latency_s":0.1,"note":"latency_s=0.9"}\n'
        '{"latency_s": "0.8", "http": {"status": 500}}\n{"http": {"status": 500}}\nbroken {\n'
    )
    with Log(path) as log:
        slow = Query(fields=(field_test("latency_s>0.5"),))
        assert [one.split(":")[1][:5].strip() for one in hits(log, slow)] == ["0.7,", '"0.8']
        assert len(hits(log, Query(fields=(field_test("http.status=500"),)))) == 2


def test_index_is_found_again_in_the_cache_unless_the_file_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on where it was; a file of other bytes is counted anew; damage is no error."""
    monkeypatch.setattr(index, "KEPT_FROM", 1)
    path, cache = tmp_path / "a.log", tmp_path / "cache"
    path.write_bytes(b"line\n" * 500_000)
    with Log(path, cache=cache) as log:
        finish(log)
    with Log(path, cache=cache) as log:
        assert log.parts[0].index.covered >= 9 << 18
        assert log.n_lines == 500_000
    (kept,) = cache.iterdir()
    kept.write_bytes(kept.read_bytes()[:-3])
    with Log(path, cache=cache) as log:
        assert log.parts[0].index.covered == 0
    with path.open("r+b") as file:
        file.write(b"other\nlines\n")
    with Log(path, cache=cache) as log:
        assert log.parts[0].index.covered == 0


def test_place_holds_through_a_rotation(path: Path) -> None:
    """One can scroll back into the renamed file; its lines keep offsets and numbers."""
    with Log(path) as log:
        last = log.tail(1)[0]
        path.rename(path.with_suffix(".1"))
        path.write_text("new one\nnew two\n")
        (change,) = log.refresh()
        assert change == ("rotated", last.offset + last.length + 1)
        assert [one.text for one in log.after(last.offset, 5)][1:] == ["new one", "new two"]
        assert log.before(log.end, 3)[0].text == last.text
        assert log.n_lines == 10_302
        assert hits(log, Query(keep=(Words("new two"),))) == ["new two"]
        path.unlink()
        assert [one.kind for one in log.refresh()] == ["gone"]
        assert log.tail(1)[0].text == "new two"


@pytest.mark.parametrize("packing", ["gz", "zst", "utf-16", "utf-16-be"])
def test_what_is_packed_is_read_like_plain_text(path: Path, packing: str) -> None:
    """Also several members of gz, one behind the other."""
    data = path.read_bytes()
    packed = path.with_name("packed")
    if packing == "gz":
        packed.write_bytes(gzip.compress(data[:5000]) + gzip.compress(data[5000:]))
    elif packing == "zst":
        if shutil.which("zstd") is None:
            pytest.skip("needs the program zstd")
        packed.write_bytes(subprocess.run(["zstd", "-c", path], stdout=-1, check=True).stdout)
    else:
        bom = "\ufeff".encode(packing) if packing == "utf-16-be" else b""
        packed.write_bytes(bom + data.decode().encode(packing))
    with Log(packed) as log:
        while log.advance():
            assert 0 <= log.progress <= 1
        assert log.n_lines == 10_300
        assert [one.text for one in log.tail(2)] == ["  File x", "ValueError: bad"]


def test_damaged_archive_is_read_as_far_as_it_goes(path: Path) -> None:
    """The error says so, once."""
    packed = path.with_name("packed.gz")
    data = gzip.compress(os.urandom(100_000).hex().encode().replace(b"a", b"\n"))
    packed.write_bytes(data[:50_000] + b"\0" * 50 + data[50_050:])
    with Log(packed) as log:
        with pytest.raises(DamageError, match="damaged"):
            finish(log)
        finish(log)
        assert log.n_lines > 1000


def test_archive_of_nothing_but_zeros_takes_no_memory_and_stops_at_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is unpacked in bounded pieces, and only while there is room."""
    packed = tmp_path / "bomb.gz"
    packed.write_bytes(gzip.compress(bytes(100 << 20)))
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=1000))
    with Log(packed) as log, pytest.raises(UnavailableError, match="no room"):
        finish(log)


def test_pipe_is_followed_to_its_end_and_its_old_lines_give_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Standard input of any length takes bounded room; no line is lost or torn on the way."""
    monkeypatch.setattr("modeldeck.store.logs.generations.MOST_OF_PIPE", 50_000)
    receiving, sending = os.pipe()

    def write() -> None:
        with os.fdopen(sending, "wb") as file:
            for n in range(50_000):
                file.write(b"line %d\n" % n)

    thread = threading.Thread(target=write)
    thread.start()
    log = Log(Path("-"), opened=open_pipe(receiving, name="stdin"))
    follower = Follower(log)
    found: list[bytes] = []
    while not log.parts[-1].opened.is_over or follower.pending:
        log.parts[-1].opened.wait(1)
        log.unpack()
        found += [one.data for one in follower.poll().lines]
    thread.join()
    assert found == [b"line %d" % n for n in range(50_000)]
    assert log.end - log.begin < 4 * 400_000
    follower.close()


def test_bars_count_levels_over_the_whole_log(path: Path) -> None:
    """Each knows its time; together they have every line when nothing is sampled."""
    with Log(path) as log:
        bars = list(histogram(log, 20))
        assert sum(bar.levels.total() for bar in bars) == 10_300
        assert sum(bar.levels["ERROR"] for bar in bars) == 400
        times = [bar.time for bar in bars if bar.time is not None]
        assert times == sorted(times)
        assert len(times) == 20
        (one,) = histogram(log, 1)
        assert 0 < one.seen_share < 1
        assert 0.02 < one.levels["ERROR"] / one.levels.total() < 0.06


def test_index_grows_while_another_thread_reads(path: Path) -> None:
    """Pages stay right while the index comes."""
    with Log(path) as log:
        expected = [one.offset for one in log.after(0, 20_000)]
        thread = threading.Thread(target=lambda: [None for _ in iter(log.advance, False)])
        thread.start()
        for number in range(1, 10_300, 97):
            assert log.at_number(number) == expected[number - 1]
        thread.join()


@pytest.mark.parametrize(
    ("text", "seconds_ago"),
    [
        ("15m", 900),
        ("2h", 7200),
        ("1.5h", 5400),
        ("1d ago", 86400),
        ("2 hours ago", 7200),
        ("10 minutes", 600),
        ("now", 0),
        ("today", 25_800),
        ("yesterday", 112_200),
        ("07:00", 600),
        ("7:00:05", 595),
    ],
)
def test_times_that_people_write_are_understood(text: str, seconds_ago: int) -> None:
    """Ages, clock times, dates with and without a zone."""
    now = datetime(2026, 11, 23, 7, 10, tzinfo=UTC)
    assert moment_from(text, now) == (round(now.timestamp()) - seconds_ago) * 1_000_000
    assert moment_from("2026-11-23T08:10+01:00", now) == round(now.timestamp()) * 1_000_000


@pytest.mark.parametrize("text", ["soon", "25:00", "2026-13-01", "99999999999w", ""])
def test_what_is_no_time_is_an_error(text: str) -> None:
    """With examples of what is one."""
    with pytest.raises(InvalidInputError, match="no time"):
        moment_from(text, datetime.now(UTC))


@pytest.mark.parametrize("text", ["x", "a>", "a>b", "=3", "a ~ 3"])
def test_what_compares_no_field_is_an_error(text: str) -> None:
    """Greater and less need a number."""
    with pytest.raises(ModelDeckError):
        field_test(text)
