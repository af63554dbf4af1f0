"""Discussions as rows: open threads first, each with its remarks, then plain annotations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from modeldeck.domain.documents import AnnotationDocument
from modeldeck.domain.talking.documents import RemarkDocument, ThreadDocument
from modeldeck_tui.clean import clean
from modeldeck_tui.output import Cell
from modeldeck_tui.present.rows import Line, ago, cell, exact

KIND = "thread"


class Spoken(NamedTuple):
    """A row of a discussion: its thread, empty for a plain annotation, and its remark."""

    thread: str
    remark: str

    @property
    def key(self) -> str:
        """How rows are named: of a whole thread without a remark."""
        return f"{KIND}:{self.thread}/{self.remark}"

    @property
    def typed(self) -> str:
        """What services take it by."""
        return self.thread or self.remark


def spoken(key: str) -> Spoken | None:
    """Return what a row's key says; None where it is no row of a discussion.

    >>> spoken("thread:7f3a/99"), spoken("run:7f3a")
    (Spoken(thread='7f3a', remark='99'), None)
    """
    kind, _colon, rest = key.partition(":")
    thread, _slash, remark = rest.partition("/")
    return Spoken(thread, remark) if kind == KIND and rest else None


def lines(
    threads: Sequence[ThreadDocument],
    remarks: Sequence[AnnotationDocument],
    *,
    now: str,
    actor: str,
    own: str = "",
) -> list[Line]:
    """Return threads, the open ones first, then the remarks that are in none, oldest first.

    What is about something else than ``own``, what the page is about, says so.
    """
    found = []
    for thread in sorted(threads, key=lambda one: one["status"] != "open"):
        for number, one in enumerate(thread["remarks"]):
            where = "" if number else _where(thread, own=own)
            found.append(
                _remark(thread, one, now=now, actor=actor, where=where, is_first=not number)
            )
    found += [_plain(one, now, own=own) for one in remarks if not one.get("thread")]
    return found


def title(threads: Sequence[ThreadDocument], remarks: Sequence[AnnotationDocument]) -> str:
    """Return how much was said: open threads, resolved ones, and annotations."""
    n_open = sum(one["status"] == "open" for one in threads)
    n_plain = sum(not one.get("thread") for one in remarks)
    counts = ((n_open, "open"), (len(threads) - n_open, "resolved"), (n_plain, "remarked"))
    told = ", ".join(f"{count} {word}" for count, word in counts if count)
    return f"Discussion · {told}" if told else "Discussion"


def _remark(
    thread: ThreadDocument,
    one: RemarkDocument,
    *,
    now: str,
    actor: str,
    where: str,
    is_first: bool,
) -> Line:
    is_open = thread["status"] == "open"
    mark = Cell("↳", "dim")
    if is_first:
        mark = Cell("◌ open", "warn") if is_open else Cell("✔ resolved", "dim")
    said = one["text"] if one["state"] != "withdrawn" else "taken back"
    edited = " (edited)" if one["edited_at"] else ""
    text = f"{ago(one['at'], now)} {where}{said}{edited}"
    is_mine = actor in one["mentions"] and one["by"] != actor
    style = "dim" if one["state"] else "warn" if is_mine and is_open else ""
    return Line(
        Spoken(thread["id"], one["id"]).key,
        (mark, cell(one["by"], "bold"), cell(text, style)),
        _whole(thread, one),
    )


def _where(thread: ThreadDocument, *, own: str) -> str:
    """Return what a thread is about, and holds up, in short; what the page is about is known."""
    words = [_about(thread["entity"], own=own)]
    words += [f"at {thread['place'].removeprefix('metric:')}" if thread["place"] else ""]
    holds = f"holds up {', '.join(thread['blocks'])}" if thread["blocks"] else ""
    found = ", ".join(one for one in (" ".join(one for one in words if one), holds) if one)
    return f"{found}: " if found else ""


def _about(entity: str, *, own: str) -> str:
    kind, _colon, name = entity.partition(":")
    about = name.rsplit("-", 1)[-1] if kind == "run" else name
    return f"on {about}" if own and entity != own else ""


def _whole(thread: ThreadDocument, one: RemarkDocument) -> str:
    """Return everything about a remark, as the page shows it below."""
    told = f"{one['by']} on {thread['subject']}, {exact(one['at'])}: {one['text']}"
    if one["mentions"]:
        told += f" · mentions {', '.join(one['mentions'])}"
    for before in one["earlier"]:
        told += f" · before, {exact(before['at'])}: {before['text']}"
    if thread["resolved_by"] and thread["status"] != "open":
        because = f": {thread['because']}" if thread["because"] else ""
        told += f" · {thread['resolved_by']} resolved it{because}"
    return clean(told)


def _plain(one: AnnotationDocument, now: str, *, own: str) -> Line:
    about = _about(one["subject"].partition("#")[0], own=own)
    edited = " (edited)" if "edited_at" in one else ""
    text = f"{ago(one['at'], now)} {f'{about}: ' if about else ''}{one['text']}{edited}"
    return Line(
        Spoken("", one["id"]).key,
        (Cell("✎", "dim"), cell(one["by"], "bold"), cell(text)),
        clean(f"{one['by']} on {one['subject']}, {exact(one['at'])}: {one['text']}"),
    )
