"""Looking around in logs: strands, filters as people type them, and places to go to."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from modeldeck.domain.logs.heads import Catalogue
from modeldeck.domain.logs.query import Query, Words
from modeldeck.domain.logs.typed import Goto, goto_of, query_of, zone_of
from modeldeck.errors import InvalidInputError
from modeldeck.services.logs import Log, Merged, Place, Strand

NOW = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)


def logs(folder: Path, rng: random.Random) -> Merged:
    """Write two logs whose times interleave."""
    for name in ("a", "b"):
        times = sorted(rng.randrange(3_000) for _ in range(400))
        text = "".join(
            f"2026-11-23T10:{at // 60:02}:{at % 60:02}Z INFO {name}={n} kind={n % 7}\n"
            for n, at in enumerate(times)
        )
        (folder / f"{name}.log").write_text(text)
    return Merged([Log(folder / f"{name}.log", source=n) for n, name in enumerate("ab")])


def drained(strand: Strand) -> list[tuple[int, int]]:
    """Return what a strand gives until it is done."""
    while not strand.is_done:
        strand.step()
    return [(one.source, one.offset) for one in strand.take()]


@pytest.mark.parametrize("query", [Query(), Query(keep=(Words("kind=3"),))])
def test_strands_from_any_place_give_each_line_once(
    tmp_path: Path, rng: random.Random, query: Query
) -> None:
    """Before and behind a place is everything that fits, in the order of the whole."""
    with logs(tmp_path, rng) as merged:
        begin, end = merged.begin, merged.end

        def strand(place: Place, *, is_back: bool) -> Strand:
            stop = begin if is_back else end
            return Strand(merged, query, start=place, stop=stop, is_back=is_back)

        whole = drained(strand(begin, is_back=False))
        assert len(whole) == (800 if query.is_empty else 114)
        for share in (0.0, 0.3, 0.8, 1.0):
            place = merged.at_share(share) if share < 1 else end
            before = drained(strand(place, is_back=True))
            behind = drained(strand(place, is_back=False))
            assert sorted([*before, *behind]) == sorted(whole)
            assert before + behind == whole


def test_strand_goes_on_where_it_stopped_and_ends_where_it_is_told(
    tmp_path: Path, rng: random.Random
) -> None:
    """Taken bit by bit it gives the same, and nothing beyond its end."""
    with logs(tmp_path, rng) as merged:
        half = merged.at_share(0.5)
        strand = Strand(merged, Query(), start=merged.begin, stop=half)
        found = []
        while not strand.is_done:
            strand.step()
            found += strand.take()
        assert strand.place == half
        assert all(one.offset < half[one.source] for one in found)
        sizes = [sum(one.length + 1 for one in found if one.source == at) for at in (0, 1)]
        assert tuple(sizes) == half


@pytest.mark.parametrize("text", ["(", "level:loud", "since:", "since:soon", "!("])
def test_filter_that_is_none_says_so(text: str) -> None:
    """What cannot be understood is refused with a reason."""
    from modeldeck.store.logs.matching import Matcher

    with pytest.raises(InvalidInputError):
        Matcher(query_of(text, NOW))


def test_filter_of_every_part_asks_for_all_of_them() -> None:
    """Texts, hidden ones, fields, levels and times in one line, in any order."""
    found = query_of('!"GET /health" lost  again status=503 level:warn since:15m until:13:59', NOW)
    assert [one.text for one in found.keep] == ["lost  again"]
    assert [(one.text, one.is_regex) for one in found.hide] == [("GET /health", False)]
    assert [(one.name, one.value) for one in found.fields] == [("status", "503")]
    assert found.levels == frozenset({"WARN", "ERROR", "CRITICAL"})
    assert found.since == int((NOW - timedelta(minutes=15)).timestamp()) * 1_000_000
    assert found.until == int((NOW - timedelta(minutes=1)).timestamp()) * 1_000_000
    assert query_of("", NOW).is_empty


def test_places_are_times_of_the_lines_own_day_and_zone() -> None:
    """14:03 is that of the line that somebody looks at; lines and shares are told apart."""
    head = Catalogue().head(b"2026-11-23T14:10:11+02:00 INFO x")
    zone = zone_of(head)
    assert zone == timezone(timedelta(hours=2))
    goto = goto_of("14:03", datetime(2026, 11, 23, 14, 10, tzinfo=zone))
    assert goto == Goto("time", datetime(2026, 11, 23, 12, 3, tzinfo=UTC).timestamp() * 1e6)
    assert goto_of(":57", NOW) == Goto("line", 57)
    assert goto_of("12.5 %", NOW) == Goto("share", 0.125)
    with pytest.raises(InvalidInputError, match="no place"):
        goto_of("57", NOW)
