"""A review as rows and lines: metrics, data, code, what is live, who decides, what moved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from modeldeck.domain.documents import DiffRow, Number, ReleaseDocument
from modeldeck.domain.reading.reviews import (
    BaseDocument,
    CodeSide,
    DataSide,
    MetricRow,
    MovedDocument,
    ReviewDocument,
    VoterDocument,
)
from modeldeck_tui.clean import clean, clean_lines
from modeldeck_tui.output import Cell
from modeldeck_tui.present import releases
from modeldeck_tui.present.cards import wrapped
from modeldeck_tui.present.rows import Line, age_s, ago, cell, exact, milliseconds, since
from modeldeck_tui.present.snapshot import Snapshot
from modeldeck_tui.present.words import endpoint_status

Styled = tuple[str, str]
_VERDICTS = {
    "better": ("▲", "good", "better"),
    "worse": ("▼", "bad", "worse"),
    "unclear": ("≈", "dim", "no clear difference: the interval holds zero"),
    "same": ("=", "dim", "the same"),
    "unknown": ("", "", "not known of both"),
}
_GOALS = {"max": "↑", "min": "↓"}
_WORDS = {"max": "more is better", "min": "less is better"}
_HOUR_S = 3600.0
_SOON_S = 24 * _HOUR_S
_SHORT = 12


def left(ends_at: str, now: str) -> tuple[str, bool]:
    """Return how long is left, and whether that is not much; empty without an end.

    >>> left("2026-11-25T10:00:00.000000Z", "2026-11-23T07:00:00.000000Z")
    ('2 d 3 h left', False)
    >>> left("2026-11-23T07:20:00.000000Z", "2026-11-23T07:00:00.000000Z")
    ('20 min left', True)
    """
    seconds = age_s(now, ends_at) if ends_at else None
    if seconds is None:
        return "", False
    if seconds <= 0:
        return "time is over", True
    spare = timedelta(seconds=seconds)
    hours, minutes = spare.seconds // 3600, spare.seconds // 60 % 60
    if spare.days:
        return f"{spare.days} d {hours} h left", seconds < _SOON_S
    text = f"{hours} h {minutes} min left" if hours else f"{minutes} min left"
    return text, seconds < _SOON_S


# Metrics, parameters, libraries, sizes


def titles(release: ReleaseDocument) -> tuple[str, ...]:
    """Return the titles of :func:`changes`."""
    before = release["replaces_version"] or "nothing"
    return ("", clean(before), clean(release["version"]), "", "Δ", "95 % INTERVAL", ">N")


def changes(review: ReviewDocument) -> list[Line]:
    """Return what ships against what is live: metrics with their doubt, then what else differs."""
    found = [Line("metrics", (cell("metrics", "dim"),))] if review["metrics"] else []
    found += [_metric(one, review["release"]) for one in review["metrics"]]
    data = _data_row(review)
    rows = [one for one in review["differences"] if one["section"] != "data"]
    found += releases.changes([*data, *rows])
    return found


def _data_row(review: ReviewDocument) -> list[DiffRow]:
    before, after = _of(review["data_before"]), _of(review["data_after"])
    if not before and not after:
        return []
    word = "" if before != after else "same"
    return [
        DiffRow(
            section="data",
            name="trained on",
            before=before or "not named",
            after=after or "not named",
            delta=word,
            better=None,
        )
    ]


def _of(side: DataSide) -> str:
    name = side["dataset"] or side["digest"][:_SHORT]
    return f"{name}, {side['rows']} rows" if name and side["rows"] else name


def _metric(one: MetricRow, release: ReleaseDocument) -> Line:
    mark, style, words = _VERDICTS[one["verdict"]]
    name = f"{one['name']} {_GOALS[one['goal']]}"
    low, high, n_rows = one["low"], one["high"], one["n_rows"]
    if n_rows is not None:
        doubt = f"{_signed(low)} to {_signed(high)}"
        where = f"95 % interval {_signed(low)} to {_signed(high)}, on {n_rows:,} rows that neither"
        where += " was trained on"
    else:
        has_both = one["before"] is not None and one["after"] is not None
        doubt = "not paired" if has_both else ""
        where = "each on its own hold-out, so without an interval"
    detail = (
        f"{one['name']} ({_WORDS[one['goal']]}): {_number(one['before'])} → "
        f"{_number(one['after'])}, {where}: {words}"
    )
    cells = (
        cell(name),
        cell(_number(one["before"])),
        cell(_number(one["after"])),
        Cell(mark, style),
        cell(_signed(one["difference"]), style),
        cell(doubt, "" if n_rows is not None else "dim"),
        cell("" if n_rows is None else f"{n_rows:,}"),
    )
    return Line(f"metrics.{one['name']}.{release['id']}", cells, clean(detail))


def _number(value: Number | None) -> str:
    if isinstance(value, int | float):
        return f"{value:.4g}"
    return value or "-"


def _signed(value: Number | None) -> str:
    if isinstance(value, int | float):
        return f"{value:+.3g}"
    return value or "-"


def evidence(review: ReviewDocument) -> list[Styled]:
    """Return which metrics are better or worse, the worse ones first, each with its interval."""
    order = ("worse", "unclear", "better")
    rows = [one for one in review["metrics"] if one["verdict"] in order]
    rows.sort(key=lambda one: order.index(one["verdict"]))
    found = []
    for one in rows:
        mark, style, words = _VERDICTS[one["verdict"]]
        doubt = "not paired"
        if one["n_rows"] is not None:
            doubt = f"95 % {_signed(one['low'])} to {_signed(one['high'])}, n {one['n_rows']:,}"
        change = f"{_number(one['before'])} → {_number(one['after'])}"
        text = f"{mark} {one['name']} {change} {words.partition(':')[0]} ({doubt})"
        found.append((clean(text), style))
    return found


# Data


def data(review: ReviewDocument) -> list[Line]:
    """Return the data of both versions: names, rows, columns, and digests to the last letter."""
    before, after = review["data_before"], review["data_after"]
    found = [
        _pair("dataset", before["dataset"] or "no frozen version", after=after["dataset"]),
        _pair("rows", before["rows"], after=after["rows"]),
        _pair("source", before["source"], after=after["source"]),
        _pair("target", before["target"], after=after["target"]),
        _pair("columns", str(len(before["columns"])), after=str(len(after["columns"]))),
    ]
    gone = [one for one in before["columns"] if one not in after["columns"]]
    new = [one for one in after["columns"] if one not in before["columns"]]
    found += [Line(f"-{one}", (cell(""), cell(f"- {one}", "bad"))) for one in gone]
    found += [Line(f"+{one}", (cell(""), cell(f"+ {one}", "good"))) for one in new]
    for side in (before, after):
        if side["version"]:
            digest = side["digest"] or "its manifest names no data"
            found.append(Line(f"digest {side['version']}", (cell("sha256"), cell(side["version"]))))
            found.append(Line(f"of {side['version']}", (cell(""), cell(digest)), clean(digest)))
    return found


def _pair(name: str, before: str, *, after: str) -> Line:
    if before == after or not before:
        text = after or before or "-"
        return Line(name, (cell(name), cell(text), cell("")))
    return Line(name, (cell(name), cell(f"{before} → {after or '-'}")))


# Code


def code(review: ReviewDocument, width: int = 0) -> list[Styled]:
    """Return the code of both versions: commits, what differs, what was not committed.

    With a ``width`` sentences are broken at words; lines of code never are.
    """
    known = review["code"]
    before, after = known["before"], known["after"]
    found: list[Styled] = [*_side(before), *_side(after)]
    if known["why"] and not known["between"]:
        found.append((f"between: {clean(known['why'])}", "dim"))
    found = wrapped(found, width) if width else found
    if known["between"]:
        found += [("", ""), ("Between the two commits", "bold"), *diff(known["between"])]
    return [*found, *_uncommitted(before, after)]


def _uncommitted(before: CodeSide, after: CodeSide) -> list[Styled]:
    """Return what was not committed when the versions were made; once where it was the same."""
    if after["uncommitted"] and before["uncommitted"] == after["uncommitted"]:
        title = f"Not committed, the same for {clean(before['version'])}"
        return [("", ""), (title, "bold"), *diff(after["uncommitted"])]
    found: list[Styled] = []
    for side in (after, before):
        if side["uncommitted"]:
            title = f"Not committed when {clean(side['version'])} was made"
            found += [("", ""), (title, "bold"), *diff(side["uncommitted"])]
    return found


def _side(side: CodeSide) -> list[Styled]:
    if not side["version"]:
        return []
    name = clean(side["version"])
    if side["problem"]:
        return [(f"{name}: {clean(side['problem'])}", "dim")]
    branch = f" on {side['branch']}" if side["branch"] else ""
    state = "and changes" if side["uncommitted"] else "clean"
    return [
        (f"{name}: {clean(side['commit'][:_SHORT] or 'no commit')}{clean(branch)}, {state}", "")
    ]


def diff(text: str) -> list[Styled]:
    """Return a unified difference, styled line by line."""
    return [(line, _diff_style(line)) for line in clean_lines(text).rstrip("\n").split("\n")]


def _diff_style(line: str) -> str:
    if line.startswith(("+++", "---", "diff --git")):
        return "bold"
    if line.startswith("@@"):
        return "accent"
    return {"+": "good", "-": "bad"}.get(line[:1], "")


# What is live


def live(
    review: ReviewDocument | None, release: ReleaseDocument, *, snapshot: Snapshot
) -> list[Line]:
    """Return what the release replaces, as it does now: servers, traffic, drift."""
    name = f"{release['model']}@{release['environment']}"
    found = next((one for one in snapshot.live if one[0]["id"] == name), None)
    if found is None or not found[0]["version"]:
        return [Line("none", (Cell("○", "dim"), cell("nothing is live: it would be the first")))]
    endpoint, traffic = found
    status = endpoint_status(endpoint["status"])
    when = since(ago(endpoint["since"], snapshot.at))
    lines = [
        Line(
            "version",
            (
                Cell(status.text[:1], status.style),
                cell(endpoint["version"], "bold"),
                cell(f"{status.text[2:]} {when}, by {endpoint['release'] or 'nobody'}"),
            ),
        )
    ]
    if traffic["p95_s"] is None:
        said = "no requests in the last minute"
    else:
        errors = f"{traffic['errors_share']:.1%} errors"
        said = f"{traffic['requests_per_s']:.1f}/s, p95 {milliseconds(traffic['p95_s'])}, {errors}"
    lines.append(Line("traffic", (cell(""), cell("traffic"), cell(said))))
    return [*lines, *(_drift(review, snapshot) if review is not None else ())]


def _drift(review: ReviewDocument, snapshot: Snapshot) -> Iterator[Line]:
    drift = review["live"]["drift"]
    if drift["why"]:
        yield Line("drift", (Cell("?", "dim"), cell("drift"), cell(drift["why"])), drift["why"])
        return
    moved = [one for one in drift["moves"] if one["moved"]]
    unsure = sum(one["moved"] is None for one in drift["moves"])
    count = f"{len(moved)} of {len(drift['moves'])} columns drifted"
    short = f", {unsure} with too few rows" if unsure else ""
    rows = f", {drift['n_rows']:,} rows" if drift["n_rows"] is not None else ""
    about = f"{count}{short}{rows}, {since(ago(drift['at'], snapshot.at))}"
    of = drift["version"]
    mark = Cell("⚠", "warn") if moved else Cell("✔", "good")
    yield Line(
        "drift", (mark, cell("drift"), cell(about)), clean(f"{of}: {about}. {drift['rule']}")
    )
    for one in sorted(moved, key=lambda each: -(each["psi"] or 0.0)):
        psi = f"PSI {one['psi']:.2f}" if one["psi"] is not None else "PSI unknown"
        q = f"q {one['q']:.2g}" if one["q"] is not None else ""
        text = f"{psi}  {one['statistic']} {_number(one['value'])}  {q}"
        n = f"{one['n_before']:,} and {one['n_after']:,} rows"
        yield Line(
            f"drift.{one['column']}",
            (Cell("▲", "warn"), cell(one["column"]), cell(text)),
            clean(f"{one['column']}: {text}, {n} {one['why']}"),
        )


# Who decides

_MARKS = {
    "approve": Cell("✔", "good"),
    "reject": Cell("✖", "bad"),
    "request-changes": Cell("◌", "warn"),
    "abstain": Cell("○", "dim"),
}


def voters(
    review: ReviewDocument | None,
    release: ReleaseDocument,
    *,
    snapshot: Snapshot,
    has_keys: bool = False,
) -> list[Line]:
    """Return who asked, the votes with level and key, who may still vote, and who may not."""
    now = snapshot.at
    if review is None or review["release"]["basis"] != release["basis"]:
        return releases.votes(release, now)
    when = since(ago(release["requested_at"], now))
    asked = f"asked {when}: {release['reason']}".rstrip(": ")
    who = cell(release["requested_by"], "bold")
    found = [Line("request", (Cell("?", "dim"), who, cell(asked)), clean(release["reason"]))]
    for one in review["voters"]:
        if one["verdict"]:
            found += _voted(one, now, has_keys=has_keys)
        elif one["may"]:
            roles = f" as {', '.join(one['roles'])}" if one["roles"] else ""
            style = "" if one["roles"] else "dim"
            text = cell(f"may vote{roles}", style)
            found.append(Line(one["by"], (Cell("·", "dim"), cell(one["by"]), text)))
        else:
            why = cell(one["why_not"], "dim")
            found.append(Line(f"not {one['by']}", (Cell("–", "dim"), cell(one["by"], "dim"), why)))
    return found


def _voted(one: VoterDocument, now: str, *, has_keys: bool) -> Iterator[Line]:
    mark = _MARKS.get(one["verdict"], Cell("?", "warn")) if one["counts"] else Cell("○", "dim")
    said = _said(one)
    text = f"{one['level']} {ago(one['at'], now)} {said}".strip()
    key = f" with {one['key']}" if one["key"] else ""
    detail = (
        f"{one['by']}: {one['verdict']}, {one['level']}{key}, holds until {exact(one['until'])}"
        f"{': ' if said else ''}{said}"
    )
    name = cell(one["by"], "bold" if one["counts"] else "dim")
    yield Line(f"{one['by']} {one['at']}", (mark, name, cell(text)), clean(detail))
    if has_keys and one["key"]:
        yield Line(f"key {one['by']} {one['at']}", (cell(""), cell(""), cell(one["key"], "dim")))


def _said(one: VoterDocument) -> str:
    """Return what a vote says; of one that does not count, what it was and why not."""
    if one["counts"]:
        return one["reason"]
    more = f": {one['reason']}" if one["reason"] else ""
    if one["verdict"] == "abstain":
        return f"took it back{more}"
    return f"{one['verdict']}, {one['why_not']}{more}"


# What moved


def moved(seen: BaseDocument | None, review: ReviewDocument) -> list[MovedDocument]:
    """Return what a release rests on that is another now than was looked at.

    The first gate report of a release is no change: there was nothing to vote on before it.
    """
    found = list(review["moved"])
    known = {one["name"] for one in found}
    before, after = seen["report"] if seen is not None else "", review["base"]["report"]
    if before and before != after and "gate report" not in known:
        found.append(
            MovedDocument(name="gate report", before=before[:_SHORT], after=after[:_SHORT])
        )
    return found


def moved_text(found: Sequence[MovedDocument]) -> str:
    """Return what moved as part of a sentence."""
    return clean("; ".join(f"{one['name']} {one['before']} → {one['after']}" for one in found))


def detail_of(review: ReviewDocument | None, now: str) -> str:
    """Return how long a review has left, as a sentence's part."""
    if review is None or not review["ends"]:
        return ""
    text, _is_soon = left(review["ends_at"], now)
    return f"{review['ends']}: {text}"
