"""``ledger verify|anchor|export|acknowledge|restore|adopt``, ``workspace …``."""

from __future__ import annotations

import csv
import io
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modeldeck.errors import InvalidInputError, NotPermittedError, UnavailableError
from modeldeck_tui import output
from modeldeck_tui.clean import clean
from modeldeck_tui.commands.base import Session, group, session_of
from modeldeck_tui.commands.governing.ledger import app as ledger_app
from modeldeck_tui.output import Cell

if TYPE_CHECKING:
    from modeldeck.domain.documents import ActivityDocument
    from modeldeck.domain.history.documents import (
        AgainstDocument,
        CopyDocument,
        DecisionDocument,
        UpgradeDocument,
        VerifyDocument,
    )
    from modeldeck.services.history.copying import Step

app = group("The workspace as a whole: backups, restoring them, upgrades.")

_DAMAGE, _TAMPERING = 10, 11
_COLUMNS = ("n", "at", "by", "host", "action", "subject", "level", "void", "reason", "text")
_SHOWN_EVERY_S = 0.2

Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]


@ledger_app.command("verify")
def verify(
    context: typer.Context,
    *,
    data: Annotated[
        bool,
        typer.Option("--data", help="Also hash every object, and the runs of versions, again."),
    ] = False,
    against: Annotated[
        str,
        typer.Option(
            metavar="HEAD",
            help="Compare with a digest, an anchor's line, a file with one, or a workspace.",
        ),
    ] = "",
) -> None:
    """Check chain, owners, signatures and objects; exit code 11 or 10 when something is wrong."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.ledger_check.run(data=data)
        compared = workspace.history.against(against) if against else None
    if session.is_json:
        session.printer.document(found if compared is None else {**found, "against": compared})
    else:
        _show_verified(session, found)
        if compared is not None:
            _show_compared(session, compared)
    if compared is not None and not compared["ok"]:
        raise typer.Exit(_TAMPERING)
    if not found["ok"]:
        is_damage = all(one["kind"] in {"object", "run"} for one in found["problems"])
        raise typer.Exit(_DAMAGE if is_damage else _TAMPERING)


def _show_verified(session: Session, found: VerifyDocument) -> None:
    if found["ok"]:
        head = found["head"][:16]
        session.printer.line(f"The ledger holds: {found['entries']} entries, head {head}…")
    else:
        session.printer.line(Cell("The ledger does not hold:", "bad"))
        rows = [[str(one["n"]), one["kind"], one["problem"]] for one in found["problems"]]
        session.printer.table(["ENTRY", "KIND", "PROBLEM"], rows)
    for one in found["notes"]:
        session.printer.line(Cell(f"Entry {one['n']}: {one['problem']}.", "dim"))


def _show_compared(session: Session, compared: AgainstDocument) -> None:
    if compared["ok"]:
        session.printer.line(f"It holds what was named: entry {compared['n']}.")
    else:
        session.printer.line(Cell(compared["problem"], "bad"))


@ledger_app.command("anchor")
def anchor(context: typer.Context) -> None:
    """Print the head as one line for a ticket, a tag or a chat; `verify --against` reads it."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.history.anchor()
    if session.is_json:
        session.printer.document(found)
    else:
        session.printer.line(found["line"])


@ledger_app.command("export")
def export(
    context: typer.Context,
    *,
    kind: Annotated[str, typer.Option("--format", metavar="csv|jsonl", help="Which form.")] = "csv",
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="FILE", help="A new file; else printed.")
    ] = None,
) -> None:
    """Write every entry as CSV or JSON lines, oldest first."""
    session = session_of(context)
    if kind not in {"csv", "jsonl"}:
        msg = f"{kind[:40]!r} is no format."
        raise InvalidInputError(msg, "Use csv or jsonl.")
    with session.open() as workspace:
        found = [*workspace.activity.list()][::-1]
    lines = _as_csv(found) if kind == "csv" else (output.to_json(one) for one in found)
    if out is None:
        for one in lines:
            session.printer.line(one)
        return
    _write_new(out, "".join(f"{one}\n" for one in lines))
    if session.is_json:
        session.printer.document({"path": str(out), "entries": len(found)})
    else:
        session.printer.line(f"{output.counted(len(found), 'line')} in {out}.")


def _as_csv(found: Sequence[ActivityDocument]) -> Iterator[str]:
    yield ",".join(_COLUMNS)
    for one in found:
        row = io.StringIO()
        known = {**one, "void": "true" if one["void"] else "false"}
        cells = [output.harmless(clean(str(known[name]))) for name in _COLUMNS]
        csv.writer(row, lineterminator="").writerow(cells)
        yield row.getvalue()


def _write_new(path: Path, text: str) -> None:
    """Write a file whole; one that is there is kept."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with aside.open("x", encoding="utf-8", errors="backslashreplace", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.link(aside, path)
    except FileExistsError:
        msg = f"{path} is there already."
        raise InvalidInputError(msg, "Name another file, or remove that one.") from None
    except PermissionError as error:
        msg = f"{path} cannot be written: {error.strerror}."
        raise NotPermittedError(msg, "Name a file in a folder of yours.") from None
    except OSError as error:
        msg = f"{path} could not be written: {error.strerror}."
        raise UnavailableError(msg, "Nothing was saved; name another place.") from None
    finally:
        aside.unlink(missing_ok=True)


@ledger_app.command("acknowledge")
def acknowledge(
    context: typer.Context,
    n: Annotated[int, typer.Argument(metavar="N", min=1, help="The entry before the break.")],
    reason: Reason,
) -> None:
    """Owners: acknowledge a broken place as it is now, once and for good."""
    session = session_of(context)
    with session.open() as workspace:
        done = workspace.history.acknowledge(n, reason)
    _show_decision(session, done, text=f"The broken place at entry {n} is acknowledged.")


@ledger_app.command("restore")
def restored(
    context: typer.Context,
    *,
    reason: Reason,
    n: Annotated[
        int, typer.Option("--kept", metavar="N", help="The last entry kept; else the last one.")
    ] = 0,
    lost: Annotated[
        str,
        typer.Option(metavar="ANCHOR", help="The highest entry anybody saw; else what you saw."),
    ] = "",
) -> None:
    """Owners: say that later entries were lost with a backup; all open releases are outdated."""
    session = session_of(context)
    with session.open() as workspace:
        done = workspace.history.restored(reason, n=n, lost=lost)
    _show_decision(session, done, text="What was lost is named; open releases are outdated.")


@ledger_app.command("adopt")
def adopt(
    context: typer.Context,
    *,
    original: Annotated[
        str, typer.Option(metavar="PATH", help="The original, where it can still be read.")
    ] = "",
    every: Annotated[
        bool, typer.Option("--every", help="You vouch that every entry is of its author.")
    ] = False,
) -> None:
    """Owners, signed: let entries of a copy count again by who owned the original's files."""
    session = session_of(context)
    with session.open() as workspace:
        done = workspace.history.adopt(original=original, is_every=every)
    _show_decision(session, done, text="The copy is adopted.")


def _show_decision(session: Session, done: DecisionDocument, *, text: str) -> None:
    if session.is_json:
        session.printer.document(done)
    elif done["proposal"]:
        session.printer.line(
            f"Entry {done['n']} proposes it; other owners run "
            f"`modeldeck member support {done['n']}`."
        )
    else:
        session.printer.line(f"Entry {done['n']}: {text}")


@app.callback()
def workspace_group() -> None:
    """Look after the workspace as a whole."""


@app.command("backup")
def backup(
    context: typer.Context,
    target: Annotated[Path, typer.Argument(metavar="DEST", help="A new folder, or its last one.")],
    *,
    without_logs: Annotated[
        bool, typer.Option("--without-logs", help="Leave out what servers wrote.")
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """Copy the workspace as it is now, verified; again into the same folder adds what is new."""
    from modeldeck.services.history import backup as service

    session = session_of(context)
    with session.open() as workspace:
        found = service.backup(
            workspace.deck,
            target,
            with_logs=not without_logs,
            is_dry_run=dry_run,
            progress=_Progress(session),
        )
    _show_copy(session, found, what="backup")


@app.command("restore")
def restore(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(metavar="SRC", help="A backup, or any copy.")],
    target: Annotated[Path, typer.Argument(metavar="DEST", help="A new folder.")],
    dry_run: DryRun = False,
) -> None:
    """Copy a backup into a new folder, verified on the way."""
    from modeldeck.services.history import backup as service

    session = session_of(context)
    found = service.restore(source, target, is_dry_run=dry_run, progress=_Progress(session))
    _show_copy(session, found, what="copy")


class _Progress:
    """Shows how far copying is, on a terminal alone and a few times a second."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._last = 0.0

    def __call__(self, step: Step) -> None:
        """Show it."""
        done, total, path = step
        if self._session.is_json or not self._session.printer.is_terminal:
            return
        now = time.monotonic()
        if path and now - self._last < _SHOWN_EVERY_S:
            return
        self._last = now
        text = f"{output.size(done)} of {output.size(total)}  {path}" if path else ""
        self._session.printer.status(text)


def _show_copy(session: Session, found: CopyDocument, *, what: str) -> None:
    if session.is_json:
        session.printer.document(found)
    else:
        _tell_copy(session, found, what=what)
    if found["problems"]:
        is_damage = all(one["kind"] in {"object", "run"} for one in found["problems"])
        raise typer.Exit(_DAMAGE if is_damage else _TAMPERING)


def _tell_copy(session: Session, found: CopyDocument, *, what: str) -> None:
    printer = session.printer
    amount = f"{found['n_files']:,} files, {output.size(found['n_bytes'])}"
    if found["is_dry_run"]:
        printer.line(
            f"A {what} in {found['target']} would hold entries 1 to {found['n']}: {amount}."
        )
    else:
        skipped = f", {found['n_skipped']:,} were there" if found["n_skipped"] else ""
        printer.line(
            f"The {what} in {found['target']} holds entries 1 to {found['n']}: "
            f"{amount} copied{skipped}."
        )
    for name in found["left_out"]:
        printer.say(f"Left out, no plain file: {name}")
    for one in found["problems"]:
        printer.say(Cell("Problem: ", "bad"), one["problem"])
    for command in found["next"]:
        printer.say(f"Next: {command}")


@app.command("share")
def share(
    context: typer.Context,
    *,
    group: Annotated[
        str, typer.Option("--group", metavar="NAME", help="Whose members share the folder.")
    ],
) -> None:
    """Set the folder up for a team with accounts of their own, as `init --group` does a new one."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.upkeep.share(group)
    if session.is_json:
        session.printer.document(found)
        return
    changed = output.counted(found["n_changed"], "folder")
    session.printer.line(
        f"The group {found['group']} shares the folder; {changed} changed. "
        f"Protection: {found['level']['level']}, {found['level']['title']}."
    )
    if found["unreachable"]:
        session.printer.say(
            f"Others of the group cannot come here yet: chmod o+x {found['unreachable']}"
        )


@app.command("upgrade")
def upgrade(
    context: typer.Context,
    *,
    to: Annotated[int, typer.Option("--to", metavar="V", min=0, help="Else the newest.")] = 0,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept.")] = "upgrade",
    dry_run: DryRun = False,
) -> None:
    """Owners: raise the version of the ledger's rules; opening a workspace never does."""
    session = session_of(context)
    with session.open() as workspace:
        plan = workspace.history.plan_upgrade(to)
        is_done = dry_run or (not plan["is_needed"] and not to)
        done = None if is_done else workspace.history.upgrade(reason, to=to)
    if session.is_json:
        session.printer.document({"plan": plan, "decision": done})
        return
    _show_plan(session, plan)
    if done is not None:
        _show_decision(
            session, done, text=f"The rules are those of version {plan['to']} from now on."
        )


def _show_plan(session: Session, plan: UpgradeDocument) -> None:
    printer = session.printer
    known = f"The workspace follows version {plan['current']} of the rules"
    if not plan["is_needed"]:
        newest = plan["newest"]
        printer.line(f"{known}; version {newest} is the newest that this program knows.")
        return
    printer.line(f"{known}; version {plan['to']} would be next.")
    rows = [
        [one["kind"], one["name"], str(one["knows"] or "?"), one["verdict"]]
        for one in plan["readers"]
    ]
    if rows:
        printer.table(["KIND", "WHO", "KNOWS", "THEN"], rows)
    printer.say(
        "Programs of people do not record which rules they know: an older one opens the "
        "workspace read-only after an upgrade."
    )
