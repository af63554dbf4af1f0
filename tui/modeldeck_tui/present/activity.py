"""Activity: every ledger entry, and one of them with its file."""

from __future__ import annotations

import json
from collections.abc import Sequence

from modeldeck.domain.documents import ActivityDocument, EntryDocument
from modeldeck.domain.history.documents import VerifyDocument
from modeldeck_tui.clean import clean, clean_lines
from modeldeck_tui.present.rows import Column, Rows, ago, cell, exact

_ADOPT = "policy.adopt"
_SETTING = frozenset({"member", "policy", "deployment"})
"""The kinds of actions that set something which was set before."""


def table(entries: Sequence[ActivityDocument], now: str) -> Rows:
    """Return entries as rows; a void one says why it changed nothing."""
    columns = [
        Column("N", lambda o: cell(o["n"], "dim"), lambda o: o["n"], "right"),
        Column("AGE", lambda o: cell(ago(o["at"], now), "dim"), lambda o: o["at"], "right"),
        Column("BY", lambda o: cell(o["by"], "bold"), lambda o: o["by"]),
        Column(
            "",
            lambda o: cell(_sign(o), "bad" if o["void"] or o.get("broken") else "good"),
            lambda o: o["void"],
        ),
        Column(
            "WHAT",
            lambda o: cell(_what(o), "bad" if o["void"] else ""),
            lambda o: o["action"],
        ),
        Column("LEVEL", lambda o: cell(o["level"], "dim"), lambda o: o["level"]),
        Column("HOST", lambda o: cell(o["host"], "dim"), lambda o: o["host"]),
    ]
    return Rows(columns, entries, key=lambda o: f"entry:{o['n']}", detail=_detail)


def _sign(one: ActivityDocument) -> str:
    """Return whether an entry counts, and whether the chain is broken at it."""
    if one.get("broken"):
        return "✖ waits" if one["void"] else "✖ broken"
    return "✖ void" if one["void"] else "✔"


def _what(one: ActivityDocument) -> str:
    return f'{one["text"]} "{one["reason"]}"' if one["reason"] and not one["void"] else one["text"]


def _detail(one: ActivityDocument) -> str:
    return clean(f"{exact(one['at'])} {one['by']}@{one['host']} {one['action']} {one['subject']}")


def earlier(known: ActivityDocument, entries: Sequence[ActivityDocument]) -> int:
    """Return the number of the last entry that set before what an entry sets; 0 for none.

    A policy was set by founding the workspace, or by the last adoption.
    """
    actions = {known["action"]} | ({"workspace.found"} if known["action"] == _ADOPT else set())
    if known["action"].partition(".")[0] not in _SETTING:
        return 0
    return max(
        (
            one["n"]
            for one in entries
            if one["n"] < known["n"]
            and not one["void"]
            and one["action"] in actions
            and (known["action"] == _ADOPT or one["subject"] == known["subject"])
        ),
        default=0,
    )


def entry_lines(entry: EntryDocument, *, before: str = "") -> list[tuple[str, str]]:
    """Return everything about an entry: styled lines, the file's JSON last.

    Parameters
    ----------
    entry : EntryDocument
        The entry.
    before : str
        The file of the :func:`earlier` entry that set the same; empty for none.
    """
    known = entry["activity"]
    word = f"void: {known['reason']}" if known["void"] else "counts"
    rows = {
        "what": known["text"],
        "by": f"{known['by']}@{known['host']}, level {known['level']}",
        "at": exact(known["at"]),
        "about": known["subject"],
        "state": word,
        "signed": "yes, and the signature verifies" if entry["is_signed"] else "no",
        "sha256": known["digest"],
        "file": entry["file"],
    }
    lines = [
        (f"{name:<8} {clean(value)}", "bad" if known["void"] else "")
        for name, value in rows.items()
    ]
    changed = changes(entry["raw"], before)
    lines += [("", ""), *changed] if changed else []
    lines += [("", ""), *((one, "dim") for one in pretty(entry["raw"]))]
    return lines


def changes(raw: str, before: str = "") -> list[tuple[str, str]]:
    """Return what an entry sets, as styled lines: what was with -, what is with +.

    Of a step from one version to another both are in the entry itself, as digests.
    """
    now = {name: value for name, value in _flat(_body(raw)).items() if name != "head"}
    if "replaces" in now and "manifest" in now:
        return [
            ("the step that it is about", "bold"),
            (f"- serves  {clean(now['replaces'][:12])}", "bad"),
            (f"+ serves  {clean(now['manifest'][:12])}", "good"),
        ]
    if not now:
        return []
    then = _flat(_body(before)) if before else {}
    shared = {name.partition(".")[0] for name in now}
    then = {name: value for name, value in then.items() if name.partition(".")[0] in shared}
    lines: list[tuple[str, str]] = []
    for name in {**then, **now}:
        was, becomes = then.get(name), now.get(name)
        if was == becomes:
            continue
        if was is not None:
            lines.append((f"- {clean(name)}  {clean(was)}", "bad"))
        if becomes is not None:
            lines.append((f"+ {clean(name)}  {clean(becomes)}", "good"))
    return [("changes" if then else "sets", "bold"), *lines] if lines else []


def _body(raw: str) -> object:
    try:
        found = json.loads(raw)
    except ValueError:
        return {}
    return found.get("body", {}) if isinstance(found, dict) else {}


def _flat(value: object, path: str = "") -> dict[str, str]:
    """Return the leaves of JSON by their paths; what is in a list by its name, if it has one."""
    if isinstance(value, dict):
        pairs = [(str(name), one) for name, one in value.items()]
    elif isinstance(value, list) and any(isinstance(one, dict) for one in value):
        pairs = [
            (str(one.get("name", at)) if isinstance(one, dict) else str(at), one)
            for at, one in enumerate(value)
        ]
    elif isinstance(value, list):
        return {path: ", ".join(str(one) for one in value)} if value else {}
    else:
        return {path: str(value)} if path and value not in ("", None) else {}
    found: dict[str, str] = {}
    for name, one in pairs:
        found.update(_flat(one, f"{path}.{name}" if path else name))
    return found


def pretty(raw: str) -> list[str]:
    """Return JSON in several clean lines; text that is none as it is."""
    try:
        text = json.dumps(json.loads(raw), indent=2, ensure_ascii=False)
    except ValueError:
        text = raw
    return clean_lines(text).split("\n")


def verified(found: VerifyDocument, protection: str = "") -> str:
    """Return the outcome of a verification in a sentence; where it holds, with the protection."""
    if found["ok"]:
        void = f", {found['void']} of them void" if found["void"] else ""
        holds = f"✔ The ledger holds: {found['entries']} entries{void}, head {found['head'][:12]}."
        return f"{holds} {protection}".rstrip()
    first = found["problems"][0]
    more = len(found["problems"]) - 1
    rest = f" and {more} more problems" if more else ""
    return clean(f"✖ Entry {first['n']}: {first['problem']}{rest}")
