"""The doctor's report and the level of protection, as styled lines of clean text."""

from __future__ import annotations

import textwrap

from modeldeck.domain.history.documents import DoctorDocument, LevelDocument
from modeldeck_tui.clean import clean
from modeldeck_tui.output import counted

INDENT = 18
"""Where the text of a line begins, in columns."""

_SIGNS = {
    "ok": ("✔ ok", ""),
    "note": ("· note", "dim"),
    "problem": ("✖ problem", "bad"),
    "repaired": ("✔ repaired", "warn"),
    "not-repairable": ("✖ not repairable", "bad"),
}

Lines = list[tuple[str, str]]


def lines(found: DoctorDocument, *, is_repairing: bool = False, width: int = 0) -> Lines:
    """Return the report: the outcome, every line with what to do, then the protection.

    Parameters
    ----------
    found : DoctorDocument
        The report.
    is_repairing : bool
        Whether repairs were asked for.
    width : int
        Break lines at so many columns; 0 breaks none.
    """
    shown: Lines = [outcome(found, is_repairing=is_repairing), ("", "")]
    for one in found["checks"]:
        sign, style = _SIGNS[one["state"]]
        shown += _broken(sign, f"{one['name']}: {one['text']}", style=style, width=width)
        if one["hint"]:
            shown += _broken("", one["hint"], style="dim", width=width)
    return [*shown, ("", ""), *protection(found["level"], width=width)]


def protection(level: LevelDocument, *, width: int = 0) -> Lines:
    """Return what a workspace prevents, detects and does not cover, and why it is not more."""
    shown: Lines = [(clean(f"Protection: {level['level']}, {level['title']}"), "bold")]
    parts = (
        ("prevented", level["prevents"]),
        ("detected", level["detects"]),
        ("not covered", level["does_not_cover"]),
    )
    for name, texts in parts:
        for at, text in enumerate(texts):
            shown += _broken("" if at else name, text, style="", width=width)
    for rung in level["rungs"]:
        word = f"{rung['level']} {'holds' if rung['holds'] else 'does not hold'}"
        shown += _broken(word, rung["because"], style="dim", width=width)
    return shown


def _broken(word: str, text: str, *, style: str, width: int) -> Lines:
    """Return a word and the text beside it, broken into lines that fit."""
    whole = clean(text)
    parts = textwrap.wrap(whole, max(20, width - INDENT)) if width else [whole]
    return [(f"{'' if at else word:<{INDENT}}{part}", style) for at, part in enumerate(parts)]


def outcome(found: DoctorDocument, *, is_repairing: bool = False) -> tuple[str, str]:
    """Return the report in a sentence, with its style."""
    wrong = sum(1 for one in found["checks"] if one["exit_code"])
    done = f"{counted(found['n_repaired'], 'thing')} repaired" if found["n_repaired"] else ""
    if not wrong:
        return f"All is well{f': {done}' if done else ''}.", "good"
    left = f"{counted(wrong, 'problem')}{' left' if is_repairing else ''}"
    how = "" if is_repairing else "; `modeldeck doctor --repair` mends what can be mended"
    return f"{left}{f', {done}' if done else ''}{how}.", "bad"


def in_short(level: LevelDocument) -> str:
    """Return the level of protection in a few words."""
    return clean(f"Protection {level['level']}, {level['title']} (:doctor tells more).")
