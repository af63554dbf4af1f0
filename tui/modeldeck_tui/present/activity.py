"""Activity: every ledger entry, and one of them with its file."""

from __future__ import annotations

import json
from collections.abc import Sequence

from modeldeck.domain.documents import ActivityDocument, EntryDocument, VerifyDocument
from modeldeck_tui.clean import clean, clean_lines
from modeldeck_tui.present.rows import Column, Rows, ago, cell, exact


def table(entries: Sequence[ActivityDocument], now: str) -> Rows:
    """Return entries as rows; a void one says why it changed nothing."""
    columns = [
        Column("N", lambda o: cell(o["n"], "dim"), lambda o: o["n"], "right"),
        Column("AGE", lambda o: cell(ago(o["at"], now), "dim"), lambda o: o["at"], "right"),
        Column("BY", lambda o: cell(o["by"], "bold"), lambda o: o["by"]),
        Column(
            "",
            lambda o: cell("✖ void" if o["void"] else "✔", "bad" if o["void"] else "good"),
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


def _what(one: ActivityDocument) -> str:
    return f'{one["text"]} "{one["reason"]}"' if one["reason"] and not one["void"] else one["text"]


def _detail(one: ActivityDocument) -> str:
    return clean(f"{exact(one['at'])} {one['by']}@{one['host']} {one['action']} {one['subject']}")


def entry_lines(entry: EntryDocument) -> list[tuple[str, str]]:
    """Return everything about an entry: styled lines, the file's JSON last."""
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
    lines += [("", ""), *((one, "dim") for one in pretty(entry["raw"]))]
    return lines


def pretty(raw: str) -> list[str]:
    """Return JSON in several clean lines; text that is none as it is."""
    try:
        text = json.dumps(json.loads(raw), indent=2, ensure_ascii=False)
    except ValueError:
        text = raw
    return clean_lines(text).split("\n")


def verified(found: VerifyDocument) -> str:
    """Return the outcome of a verification in a sentence."""
    if found["ok"]:
        void = f", {found['void']} of them void" if found["void"] else ""
        return f"✔ The ledger holds: {found['entries']} entries{void}, head {found['head'][:12]}."
    first = found["problems"][0]
    more = len(found["problems"]) - 1
    rest = f" and {more} more problems" if more else ""
    return clean(f"✖ Entry {first['n']}: {first['problem']}{rest}")
