"""Freezes: windows by a wall clock, also where clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from modeldeck.domain.policies.freezes import frozen_until, never_ends, window_of
from modeldeck.errors import InvalidInputError, UnavailableError

WEEKEND = ["Fri 16:00 - Mon 08:00"]
BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    """Return a moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-27 14:59", ""),
        ("2026-11-27 15:00", "2026-11-30 07:00"),
        ("2026-11-29 12:00", "2026-11-30 07:00"),
        ("2026-11-30 06:59", "2026-11-30 07:00"),
        ("2026-11-30 07:00", ""),
    ],
)
def test_weekend_in_winter_is_frozen_by_the_wall_clock(now: str, until: str) -> None:
    """The first moment belongs to the window, the last one does not."""
    found = frozen_until(WEEKEND, BERLIN, now=at(now))
    assert found == (at(until) if until else None)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        # clocks go forward on Sunday, 2026-03-29: the window is an hour shorter in UTC
        ("2026-03-27 15:00", "2026-03-30 06:00"),
        ("2026-03-30 05:59", "2026-03-30 06:00"),
        ("2026-03-30 06:00", ""),
        # and back on Sunday, 2026-10-25
        ("2026-10-23 14:00", "2026-10-26 07:00"),
        ("2026-10-26 06:59", "2026-10-26 07:00"),
        ("2026-10-23 13:59", ""),
    ],
)
def test_weekend_in_which_clocks_change_ends_by_the_new_time(now: str, until: str) -> None:
    """It begins by the one offset and ends by the other."""
    found = frozen_until(WEEKEND, BERLIN, now=at(now))
    assert found == (at(until) if until else None)


@pytest.mark.parametrize(
    ("window", "first", "last"),
    [
        # 02:30 is not there on 2026-03-29: from its earlier reading to its later one
        ("Sun 02:30 - Sun 05:00", "2026-03-29 00:30", "2026-03-29 03:00"),
        ("Sat 22:00 - Sun 02:30", "2026-03-28 21:00", "2026-03-29 01:30"),
        # 02:30 is there twice on 2026-10-25
        ("Sun 02:30 - Sun 05:00", "2026-10-25 00:30", "2026-10-25 04:00"),
        ("Sat 22:00 - Sun 02:30", "2026-10-24 20:00", "2026-10-25 01:30"),
    ],
)
def test_time_that_is_missing_or_there_twice_makes_the_longer_window(
    window: str, first: str, last: str
) -> None:
    """At the change of clocks a freeze is never shorter than somebody could read it."""
    minute = timedelta(minutes=1)
    assert frozen_until([window], BERLIN, now=at(first) - minute) is None
    assert frozen_until([window], BERLIN, now=at(first)) == at(last)
    assert frozen_until([window], BERLIN, now=at(last) - minute) == at(last)
    assert frozen_until([window], BERLIN, now=at(last)) is None


def test_dated_window_is_frozen_once_and_whole_days_count_to_their_end() -> None:
    """A date alone is the whole day, in the zone's own time."""
    days = ["2026-12-24 - 2026-12-26"]
    assert frozen_until(days, "Asia/Tokyo", now=at("2026-12-23 15:00")) == at("2026-12-26 15:00")
    assert frozen_until(days, "Asia/Tokyo", now=at("2026-12-23 14:59")) is None
    assert frozen_until(days, "Asia/Tokyo", now=at("2027-12-24 15:00")) is None
    hours = ["2026-12-24 12:00 - 2026-12-24 13:00"]
    assert frozen_until(hours, "UTC", now=at("2026-12-24 12:59")) == at("2026-12-24 13:00")


def test_windows_that_touch_are_one_freeze() -> None:
    """The end that is told is the end of all."""
    windows = [*WEEKEND, "2026-11-30 08:00 - 2026-12-01 08:00", "Tue 07:00 - Tue 09:30"]
    assert frozen_until(windows, BERLIN, now=at("2026-11-28 00:00")) == at("2026-12-01 08:30")


def test_whole_week_never_ends_and_is_noticed() -> None:
    """Windows that leave no minute free are told; a minute free is enough."""
    assert never_ends(["Mon - Wed", "Thu 00:00 - Mon 00:00"])
    assert not never_ends(["Mon - Wed", "Thu 00:01 - Mon 00:00"])
    assert not never_ends(["2026-12-24 - 2026-12-26"])
    assert frozen_until(["Mon - Sun"], "UTC", now=at("2026-11-28 00:00")) is not None


@pytest.mark.parametrize(
    "text",
    [
        "Fri 16:00-Mon 08:00",
        "fri 16:00 - mon 08:00",
        "Fri 24:00 - Mon 08:00",
        "Fri 16:00 - 2026-12-01",
        "2026-02-30 - 2026-03-01",
        "2026-12-02 - 2026-12-01",
        "9999-12-31 - 9999-12-31",
        "Mon 08:00 - Mon 08:00",
        "Fri １６:00 - Mon 08:00",
        "",
    ],
)
def test_text_that_is_no_window_is_refused(text: str) -> None:
    """Whatever is not exactly a window is none."""
    with pytest.raises(InvalidInputError):
        window_of(text)


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "../etc/passwd", "Europe"])
def test_zone_that_this_computer_does_not_know_is_told(zone: str) -> None:
    """Nobody takes another zone's time for it."""
    with pytest.raises(UnavailableError, match="time zone"):
        frozen_until(WEEKEND, zone, now=at("2026-11-28 00:00"))


def test_weeks_of_two_years_agree_with_the_wall_clock() -> None:
    """Every hour of two years is frozen exactly when a clock on the wall says so."""
    from zoneinfo import ZoneInfo

    zone, now = ZoneInfo("America/New_York"), at("2026-01-01 00:30")
    for _hour in range(0, 2 * 8760, 7):
        wall = now.astimezone(zone)
        minute = wall.weekday() * 1440 + wall.hour * 60 + wall.minute
        is_frozen = minute >= 4 * 1440 + 960 or minute < 480
        assert (frozen_until(WEEKEND, "America/New_York", now=now) is not None) == is_frozen
        now += timedelta(hours=7)
