"""Taking things out of a log: copies, files, one record in full, and what a line names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from modeldeck.services.logs import Line, Merged, Query
from modeldeck_tui.clean import clean
from modeldeck_tui.output import to_json
from modeldeck_tui.present.logs import record, references
from modeldeck_tui.screens import saving
from modeldeck_tui.screens.logs.marking import Marking
from modeldeck_tui.screens.overlays.dialogs import PickDialog
from modeldeck_tui.screens.reader import ReaderScreen

MOST_SAVED = 256 << 20
"""Bytes that are saved at most."""

_MENU = 56
_RECORD_LINES = 500


class Taking(Marking):
    """A log's page from which things can be taken."""

    def action_copy(self) -> None:
        """Copy the range of lines, or ask what to copy."""
        view = self.view
        lines = view.selected
        if lines:
            self.host.copy_text("\n".join(clean(one.shown) for one in lines))
            view.range_from = None
            view.settle()
            return
        line = view.line
        if line is None:
            self.host.tell("There is no line to copy.")
            return
        choices = {"line": clean(line.shown), "shown": view.plain}
        whole = self.record_of(line)
        if len(whole) > 1:
            choices["record"] = "\n".join(clean(one.shown) for one in whole)
        if fields := line.fields:
            choices["json"] = to_json(fields, indent=2)
        named = [(key, f"{key:<7}{_begins(text)}") for key, text in choices.items()]

        def copy(key: str | None) -> None:
            if key:
                self.host.copy_text(choices[key])

        self.app.push_screen(PickDialog("COPY  (v begins a range of lines)", named), copy)

    def action_save(self) -> None:
        """Save the range of lines, or everything that fits the filter, in a new file."""
        lines, desk, query = self.view.selected, self.reader.desk, self.question
        if desk is None:
            self.host.tell("There is nothing to save.")
            return
        merged = desk.merged

        def write() -> object:
            n, path, is_cut = saved(lines or fitting(merged, query))
            more = f"; only the first {MOST_SAVED >> 20} MiB" if is_cut else ""
            return f"Saved {n:,} lines in {path}{more}"

        self.host.tell("Saving what fits …")
        self.host.perform(write, "")

    def record_of(self, line: Line) -> list[Line]:
        """Return the lines of the record that a line belongs to, as far as they are held."""
        lines = [one for one in self.view.window.lines if one.source == line.source]
        at = next((n for n, one in enumerate(lines) if one.offset == line.offset), -1)
        if at < 0:
            return [line]
        first = at
        while first > 0 and lines[first].belongs:
            first -= 1
        last = at + 1
        while last < len(lines) and lines[last].belongs and last - first < _RECORD_LINES:
            last += 1
        return lines[first:last]

    def action_record(self) -> None:
        """Show the record under the cursor in full."""
        line = self.view.line
        if line is None:
            self.host.tell("There is no line here.")
            return
        title = f"Logs › {clean(self.names[line.source])} › record"
        self.app.push_screen(
            ReaderScreen(title, record(self.record_of(line)), place="sources", about=self.entity())
        )

    def action_follow_name(self) -> None:
        """Open what the line names; ask where there is more than one thing."""
        line = self.view.line
        about = self.sources[0] if len(self.sources) == 1 else ""
        found = references(line, self.snapshot, about=about) if line is not None else []
        if not found:
            self.host.tell("This line names no run, version, release, endpoint or request.")
        elif len(found) == 1:
            self.open_name(found[0][0])
        else:

            def chosen(key: str | None) -> None:
                if key:
                    self.open_name(key)

            self.app.push_screen(PickDialog("OPEN", found), chosen)

    def open_name(self, name: str) -> None:
        """Open what a line names: its page, or the log that holds it."""
        kind, _colon, rest = name.partition(":")
        if kind != "find":
            self.host.open(name)
            return
        source, _space, text = rest.partition(" ")
        page = type(self)(source)
        page.filter_text = f'"{text}"'
        self.app.push_screen(page)


def fitting(merged: Merged, query: Query) -> Iterator[Line]:
    """Yield every line that fits."""
    return (one.line for one in merged.search(query) if one.line is not None)


def saved(lines: Sequence[Line] | Iterator[Line]) -> tuple[int, Path, bool]:
    """Write lines into a new file; return how many, where, and whether there are more."""
    n = size = 0
    with saving.new_file("log", "txt") as file:
        for line in lines:
            text = clean(line.shown)
            size += len(text) + 1
            if size > MOST_SAVED:
                return n, Path(file.name), True
            file.write(text + "\n")
            n += 1
        return n, Path(file.name), False


def _begins(text: str) -> str:
    first = text.split("\n", 1)[0]
    more = f"  ({text.count(chr(10)) + 1} lines)" if "\n" in text else ""
    return f"{first[:_MENU]}{'…' if len(first) > _MENU else ''}{more}"
