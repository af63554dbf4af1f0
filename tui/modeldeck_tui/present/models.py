"""Models: all versions, and what is known of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from modeldeck.domain.documents import LineageRow, VersionDocument
from modeldeck_tui.clean import clean
from modeldeck_tui.output import Cell, number, size
from modeldeck_tui.present.rows import Column, Line, Rows, ago, cell, exact
from modeldeck_tui.present.runs import tags
from modeldeck_tui.present.snapshot import Snapshot
from modeldeck_tui.present.words import release_status

_MOST_METRICS = 3


def newest_first(versions: Sequence[VersionDocument]) -> list[VersionDocument]:
    """Return versions by model, the newest of each first."""
    return sorted(versions, key=lambda one: (one["model"], -one["version"]))


def table(versions: Sequence[VersionDocument], now: str) -> Rows:
    """Return versions as rows, with where each is and its first metrics."""
    names = _metrics(versions)
    columns = [
        Column("VERSION", lambda o: cell(o["id"], "bold"), lambda o: (o["model"], o["version"])),
        Column("WHERE", _where_now, lambda o: ",".join(o["environments"])),
        *(_metric_column(name) for name in names),
        Column("TAGS", lambda o: cell(" ".join(tags(o["tags"])), "dim"), lambda o: tags(o["tags"])),
        Column("SIZE", lambda o: cell(size(o["size_bytes"])), lambda o: o["size_bytes"], "right"),
        Column("BY", lambda o: cell(o["registered_by"]), lambda o: o["registered_by"]),
        Column("LEVEL", lambda o: cell(o["level"], "dim"), lambda o: o["level"]),
        Column(
            "RUN", lambda o: cell(o["run"].rsplit("-", 1)[-1] or "-", "dim"), lambda o: o["run"]
        ),
        Column(
            "AGE",
            lambda o: cell(ago(o["registered_at"], now), "dim"),
            lambda o: o["registered_at"],
            "right",
        ),
    ]
    return Rows(columns, versions, key=lambda o: f"version:{o['id']}", detail=_detail)


def _where_now(version: VersionDocument) -> Cell:
    """Return where a version is; in red that it was revoked."""
    return Cell("✖ revoked", "bad") if "revoked" in version else _where(version)


def _metrics(versions: Sequence[VersionDocument]) -> list[str]:
    counted: dict[str, int] = {}
    for one in versions:
        for name in one["metrics"]:
            counted[name] = counted.get(name, 0) + 1
    return sorted(counted, key=lambda name: (-counted[name], name))[:_MOST_METRICS]


def _metric_column(name: str) -> Column:
    def value(one: VersionDocument) -> object:
        return one["metrics"].get(name)

    return Column(clean(name), lambda o: cell(number(value(o)) or "-"), value, align="point")


def _where(one: VersionDocument) -> Cell:
    where = one["environments"]
    if not where:
        return Cell("-", "dim")
    text = ", ".join(f"{release_status(status).text} {name}" for name, status in where.items())
    is_live = "live" in where.values()
    return cell(text, "good" if is_live else "")


def _detail(one: VersionDocument) -> str:
    return clean(f"{one['registered_by']} registered it {exact(one['registered_at'])}")


def gate(version: VersionDocument, snapshot: Snapshot) -> list[Line]:
    """Return the gate reports that its releases rest on."""
    from modeldeck_tui.present.releases import checks

    found: list[Line] = []
    for one in snapshot.releases:
        if one["version"] == version["id"] and one["gate"] is not None:
            word = "passed" if one["gate"]["passed"] else "failed"
            title = f"{word}, by {one['gate']['made_by']}, for {one['id']}"
            where = cell(one["environment"], "bold")
            found.append(Line(one["id"], (Cell("§", "dim"), where, cell(title, "bold"))))
            found += checks(one)
    return found


def lineage(rows: Sequence[LineageRow]) -> list[Line]:
    """Return the way from data to endpoints."""
    return [
        Line(
            f"{one['kind']}:{one['id']}",
            (
                cell("╰" + "─" * min(at, 1) if at else "•", "dim"),
                cell(one["kind"], "dim"),
                cell(one["id"].rsplit("-", 1)[-1] if one["kind"] == "run" else one["id"], "bold"),
                cell(one["text"]),
            ),
        )
        for at, one in enumerate(rows)
    ]


def files(found: Sequence[tuple[str, str]], before: Sequence[tuple[str, str]] = ()) -> list[Line]:
    """Return a version's files with their digests, and whether the version before has them so."""
    known = dict(before)
    lines = []
    for path, digest in found:
        word = "new" if path not in known else "same" if known[path] == digest else "changed"
        style = "dim" if word == "same" else ""
        told = (cell(word, style),) if before else ()
        lines.append(
            Line(path, (cell(path), *told, cell(digest[:16], "dim")), clean(f"{path} {digest}"))
        )
    gone = [path for path in known if path not in dict(found)]
    lines += [Line(path, (cell(path, "dim"), cell("gone"))) for path in gone]
    return lines


def pairs(values: Mapping[str, object]) -> list[Line]:
    """Return names and values as rows."""
    return [
        Line(name, (cell(name), cell(number(value) if isinstance(value, float) else value)))
        for name, value in values.items()
    ]
