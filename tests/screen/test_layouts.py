"""Pages at sizes from small to very large: what stands where, and that values are whole."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

import pytest
from textual.widget import Widget

from modeldeck.clock import to_text, utc_now
from modeldeck.domain.documents import TrafficBucket
from modeldeck.services.traffic import Traffic
from modeldeck.tracking import start_run
from modeldeck.workspace import Workspace
from modeldeck_tui.present import activity, cards, traffic
from modeldeck_tui.present.charts import LAST_MINUTES, curves, points
from modeldeck_tui.screens.pages import settling
from modeldeck_tui.screens.pages.runs import RunsScreen
from modeldeck_tui.screens.pages.settling import Settling
from modeldeck_tui.widgets.chart import Chart
from modeldeck_tui.widgets.table import Table
from modeldeck_tui.widgets.text_view import TextView
from modeldeck_tui.widgets.traffic import TrafficView
from tests.screen.driving import LARGE, SMALL, Deck, Size, opened, reviewing

HUGE = (250, 80)
N_STEPS = 12


def shown(deck: Deck, selector: str) -> Widget | None:
    """Return a pane if it is to be seen."""
    found = deck.app.screen.query(selector)
    return next((one for one in found if one.region.area and one.is_on_screen), None)


def pane(deck: Deck, selector: str) -> Table:
    """Return a table of the page."""
    return deck.app.screen.query_one(selector, Table)


def is_apart(panes: Iterable[Widget]) -> bool:
    """Say whether no two panes lie over one another."""
    regions = [one.region for one in panes]
    return not any(
        one.overlaps(other) for at, one in enumerate(regions) for other in regions[at + 1 :]
    )


@pytest.mark.parametrize("size", [SMALL, (100, 30), LARGE, HUGE])
def test_review_names_old_and_new_over_whole_values(root: Path, size: Size) -> None:
    """The columns of what changes are titled by their versions, and no value is cut."""

    async def drive() -> None:
        async with reviewing(root, size=size) as deck:
            title = next(line for line in deck.lines if "Δ" in line)
            assert title.index("churn@1") < title.index("churn@2") < title.index("Δ")
            row = next(line for line in deck.lines if "recall" in line)
            assert all(word in row for word in ("0.81", "0.9", "▲", "+0.09"))
            changes, gate = pane(deck, "#changes"), pane(deck, "#gate")
            assert changes.size.width > gate.size.width
            panes = [one for one in deck.app.screen.query(Table) if one.region.area]
            assert is_apart(panes)

    asyncio.run(drive())


def test_foot_of_the_review_holds_what_no_row_shows(root: Path) -> None:
    """Two lines at most, none of them empty, and a vote that stands above is not said again."""

    async def drive() -> None:
        async with reviewing(root) as deck:
            await deck.until_shown("A vote binds to", "bytes, at most 20,000,000")
            assert "You can approve" in deck.lines[-3]
            assert "A vote binds to" in deck.lines[-2]
            await deck.press("tab")
            await deck.until(lambda: deck.app.focused is pane(deck, "#votes"), "the votes")
            await deck.press("G")
            await deck.until(lambda: "· it ends" in deck.lines[-2], "the foot without a detail")
            assert "made the version" not in deck.lines[-2]

    asyncio.run(drive())


def test_large_review_has_its_annotations_files_and_lineage(root: Path) -> None:
    """The thread is a pane of its own; tabs show which files changed, and the lineage."""
    with Workspace.open(root, user="carol") as carol:
        carol.annotations.add("release:churn-2", "mind the recall")

    async def drive() -> None:
        async with reviewing(root, size=LARGE) as deck:
            await deck.until_shown("Discussion ─", "mind the recall")
            assert shown(deck, "#thread")
            assert not any("mind" in one.detail for one in pane(deck, "#votes").rows.documents)
            await deck.press(*["right_square_bracket"] * 6)
            await deck.until_shown("model.skops", "changed")
            await deck.press("right_square_bracket")
            await deck.until_shown("logistic, finished")
            await deck.pilot.resize_terminal(*SMALL)
            await deck.until(lambda: not shown(deck, "#thread"), "the small page")
            votes = pane(deck, "#votes")
            assert any("mind" in one.detail for one in votes.rows.documents)

    asyncio.run(drive())


def bucket(at: str, rate: float, *, p95_s: float) -> TrafficBucket:
    """Return a span of traffic without errors."""
    return TrafficBucket(at=at, requests_per_s=rate, errors_share=0.0, p50_s=p95_s / 2, p95_s=p95_s)


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_approved_release_becomes_its_rollout(
    root: Path, monkeypatch: pytest.MonkeyPatch, size: Size
) -> None:
    """Servers, the time since the approval, and traffic beside that of the version before."""
    with Workspace.open(root, user="alice") as alice:
        alice.releases.approve("churn-2", "good")
    series = [
        bucket("2020-01-01T00:00:00.000000Z", 4.0, p95_s=0.002),
        bucket(to_text(utc_now()), 5.0, p95_s=0.03),
    ]
    monkeypatch.setattr(Traffic, "series", lambda *_given, **_options: series)

    async def drive() -> None:
        async with reviewing(root, size=size) as deck:
            await deck.until_shown("Rollout · ◌ deploying · B goes back to churn@1", "by alice")
            await deck.until_shown("since then  churn@1", "4.0/s", "2.0 ms", "5.0/s", "30 ms")
            assert shown(deck, "#gate")
            assert shown(deck, "#changes")
            with Workspace.open(root, user="server") as server:
                live = server.deployments.show("churn@production")
                server.deployments.report(
                    live["id"],
                    generation=live["generation"],
                    manifest=live["manifest"],
                    outcome="ready",
                )
            await deck.until_shown("Rollout · ● live", "✔  server    ready")
            await deck.dialog("B")
            await deck.until_shown("ROLL BACK  churn@production", "will serve churn@1")

    asyncio.run(drive())


def test_release_that_is_no_rollout_has_no_pane_of_it(root: Path) -> None:
    """Before the approval, and once it is rejected, the page is a review."""

    async def drive() -> None:
        async with reviewing(root) as deck:
            assert not shown(deck, "#rollout")
            with Workspace.open(root, user="dave") as dave:
                dave.releases.reject("churn-2", "not now")
            await deck.until_shown("It is rejected; dave decided just now.")
            assert not shown(deck, "#rollout")

    asyncio.run(drive())


@pytest.mark.parametrize(("width", "is_there"), [(60, False), (75, False), (76, True), (120, True)])
def test_last_runs_give_way_on_narrow_terminals(root: Path, width: int, *, is_there: bool) -> None:
    """Below 76 columns what is deployed takes the width."""

    async def drive() -> None:
        async with opened(root, size=(width, 24)) as deck:
            await deck.until(lambda: bool(shown(deck, "#running")) is is_there, "the runs")
            assert is_there or pane(deck, "#deployed").outer_size.width == width

    asyncio.run(drive())


def test_box_of_what_needs_somebody_is_as_tall_as_its_items(root: Path) -> None:
    """Three items take three lines; the rest of the page is shared."""

    async def drive() -> None:
        async with opened(root) as deck:
            inbox = pane(deck, "#inbox")
            await deck.until(lambda: inbox.size.height == len(inbox.rows) > 1, "the whole box")
            assert pane(deck, "#latest").size.height >= 5
            await deck.pilot.resize_terminal(80, 16)
            await deck.pilot.pause()
            assert inbox.outer_size.height <= 6

    asyncio.run(drive())


def test_large_queue_shows_the_release_under_the_cursor(root: Path) -> None:
    """Gate, changes and votes follow the cursor; of a decided release the changes are read."""

    async def drive() -> None:
        async with opened(root, size=LARGE) as deck:
            await deck.press("4", "left_square_bracket", "j")
            await deck.until_shown("LACKS / WHY", "Changes · churn@1 → churn@2", "churn@1 → @2")
            await deck.press("G")
            await deck.until_shown("Changes · nothing → churn@1", "Votes · 2 of 2", "Logistic")
            await deck.pilot.resize_terminal(*SMALL)
            await deck.until(lambda: not shown(deck, "#release-gate"), "the list alone")

    asyncio.run(drive())


def track(root: Path) -> None:
    """Leave two runs with curves and long names of metrics."""
    for name in ("one", "two"):
        with start_run("curves", name=name, workspace=root, capture_output=False) as run:
            for step in range(N_STEPS):
                run.log({"cv_neg_mean_absolute_error": -45.63 / (step + 1)}, step=step)


def test_runs_show_the_curve_of_the_run_under_the_cursor(root: Path) -> None:
    """On large terminals the chart stands beside the table; on small ones the metrics below."""
    track(root)

    async def drive() -> None:
        async with opened(root, size=LARGE) as deck:
            await deck.press("2")
            await deck.until_shown("cv_neg_mean_absolute_error · ", "two")
            chart, table = shown(deck, "#curve"), shown(deck, "#runs")
            assert isinstance(chart, Chart)
            assert table
            assert chart.region.x >= table.region.right
            await deck.until(lambda: len(chart.series) == 1, "the curve")
            first = str(chart.border_title)
            await deck.press("j")
            await deck.until(lambda: str(chart.border_title) != first, "the other run's curve")
            await deck.pilot.resize_terminal(*SMALL)
            await deck.until(lambda: not shown(deck, "#curve"), "the small page")
            assert shown(deck, "#preview-metrics")

    asyncio.run(drive())


def test_held_key_shows_no_more_until_the_cursor_rests(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is shown about a run follows once, when nothing moved for a moment."""
    track(root)
    rested: list[str] = []
    monkeypatch.setattr(settling, "RESTS_S", 0.5)

    async def drive() -> None:
        async with opened(root) as deck:
            await deck.press("2")
            await deck.until_shown("cv_neg_mean_absolute_error")
            page = deck.app.screen
            assert isinstance(page, RunsScreen)
            monkeypatch.setattr(Settling, "_settled", lambda one: rested.append(one.entity()))
            await deck.write("jjkkj")
            await deck.until(lambda: rested, "the cursor to rest")
            assert rested == [page.main.rows.key(1)]

    asyncio.run(drive())


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_metrics_of_a_run_are_whole(root: Path, size: Size) -> None:
    """No column is cut at 80 columns nor at 160: name, last, best, least, most, step."""
    track(root)

    async def drive() -> None:
        async with opened(root, size=size) as deck:
            await deck.press("2", "enter")
            await deck.until_shown("12 values", "STEP")
            row = next(line for line in deck.lines if "cv_neg_mean_absolute_error  -" in line)
            assert row.count("-45.63") == 1
            assert row.count("-3.803") == 3
            assert "  11" in row
            assert is_apart(
                [one for one in (shown(deck, "#run-metrics"), shown(deck, "#run-chart")) if one]
            )

    asyncio.run(drive())


def test_card_is_rendered_and_stands_beside_the_gate_on_large_terminals(root: Path) -> None:
    """Titles lose their marks, items have dots."""

    async def drive() -> None:
        async with opened(root, size=LARGE) as deck:
            await deck.press("3")
            await deck.until_shown("• Authors: bob", "Evaluation", "Card")
            assert "## Evaluation" not in deck.text
            card = deck.app.screen.query_one("#beside-card", TextView)
            assert ("Evaluation", "bold") in card.lines

    asyncio.run(drive())


def test_endpoint_has_charts_where_there_is_room_and_lines_where_not(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 160x50 rate, latency and errors are curves, with servers and versions beside them."""
    series = [bucket("2020-01-01T00:00:00.000000Z", n % 7, p95_s=0.002 * n) for n in range(60)]
    monkeypatch.setattr(Traffic, "series", lambda *_given, **_options: series)

    async def drive() -> None:
        async with opened(root, size=LARGE) as deck:
            await deck.press("5")
            await deck.until_shown("requests a second", "latency in ms", "errors in %", "-10 min")
            assert shown(deck, "#beside-servers")
            assert shown(deck, "#beside-versions")
            await deck.pilot.resize_terminal(*SMALL)
            await deck.until_shown("requests/s", "p95 ms", "a column is 10 s")
            assert not shown(deck, "#beside-servers")
            assert deck.app.screen.query_one(TrafficView).size.height < 15

    asyncio.run(drive())


@pytest.mark.parametrize("width", [8, 43, 60, 95, 140, 250])
@pytest.mark.parametrize("height", [1, 4, 6, 16, 40])
def test_traffic_is_drawn_inside_its_room(width: int, height: int) -> None:
    """At any size, with gaps and without requests, no line is wider and none too many."""
    gappy: list[float | None] = [None if n % 5 else float(n) for n in range(60)]
    none: list[float | None] = [0.0] * 60
    series = {"requests/s": none, "p50 ms": gappy, "p95 ms": gappy, "errors %": none}
    lines = traffic.drawn("churn@production", series, width=width, height=height)
    n_charts = sum("latency" in part.text for line in lines for part in line)
    assert n_charts or len(lines) == 5
    if n_charts:
        assert len(lines) <= height
        assert all(sum(len(part.text) for part in line) <= max(width, 40) for line in lines)
    assert traffic.drawn("churn@production", {}, width=width, height=height) == []


def test_curve_breaks_off_where_nothing_was_measured() -> None:
    """A gap is no line, and the y axis holds its floor."""
    lines = curves([points([4.0, None, None, None, 4.0])], 31, height=5, axes=LAST_MINUTES)
    drawn = [part.text for part in lines[0] if part.curve == 0]
    assert len(drawn) == 2
    assert "-10 min" in lines[-1][0].text
    assert "0┤" in lines[-2][0].text


def test_card_lines_of_markdown_are_read_as_people_read_them() -> None:
    """Tables are aligned, code stays, emphasis and links lose their marks, rules are lines."""
    card = "# A\n| x | **long** |\n|---|---|\n| 1 | 2 |\n\n```\n# code\n```\n> said\n---\n1. [p](u)"
    assert cards.lines(card) == [
        ("A", "bold"),
        ("x  long", "bold"),
        ("1  2", ""),
        ("", ""),
        ("  # code", "dim"),
        ("│ said", "dim"),
        ("─" * 40, "dim"),
        ("1. p (u)", ""),
    ]


def test_entry_says_what_it_sets_and_what_was_before() -> None:
    """Of a list by name, only what differs, and nothing of what is no JSON."""
    before = (
        '{"body": {"policy": {"gates": {"live": [{"name": "size", "max": "1"}]}}, "name": "x"}}'
    )
    after = '{"body": {"policy": {"gates": {"live": [{"name": "size", "max": "2"}]}}}}'
    assert activity.changes(after, before) == [
        ("changes", "bold"),
        ("- policy.gates.live.size.max  1", "bad"),
        ("+ policy.gates.live.size.max  2", "good"),
    ]
    assert activity.changes("{", "") == []
