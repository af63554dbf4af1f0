"""Bookmarks and remarks on lines of a log, and going from one to the next."""

from __future__ import annotations

from modeldeck.services.logs import Line
from modeldeck_tui.clean import clean
from modeldeck_tui.keymap import Action
from modeldeck_tui.present.rows import clock
from modeldeck_tui.present.snapshot import Snapshot
from modeldeck_tui.screens.logs import marks
from modeldeck_tui.screens.logs.news import Places
from modeldeck_tui.screens.logs.seeking import Seeking
from modeldeck_tui.screens.overlays.asking import AskScreen
from modeldeck_tui.screens.overlays.dialogs import RemarkDialog
from modeldeck_tui.widgets.logs.window import Key, key_of


class Marking(Seeking):
    """A log's page with bookmarks and remarks."""

    def __init__(self, *sources: str) -> None:
        super().__init__(*sources)
        self._marks: dict[Key, marks.Mark] = {}
        self._remarks: dict[tuple[int, int], list[str]] = {}
        self._times: dict[Key, int] = {}

    # Bookmarks

    def load_marks(self) -> None:
        """Take the bookmarks of the logs that were opened."""
        self._marks = {
            (source, one.offset): one
            for source, path in enumerate(self.paths)
            for one in marks.load(path)
        }
        self.view.marks = set(self._marks)

    def action_mark(self) -> None:
        """Put a bookmark on the line, or take it away."""
        line = self.view.line
        if line is None or not self.paths:
            return
        key = key_of(line)
        if key in self._marks:
            del self._marks[key]
        else:
            self._marks[key] = marks.of_line(line)
        self.view.marks = set(self._marks)
        self.view.settle()
        path = self.paths[line.source]
        kept = [one for (source, _at), one in self._marks.items() if source == line.source]
        try:
            marks.save(path, kept)
        except OSError as error:
            self.host.tell(f"The bookmark is not kept: {error.strerror}.", severity="warning")

    def check_marks(self) -> None:
        """Drop bookmarks where another line stands now."""
        for line in self.view.window.lines:
            key = key_of(line)
            if key in self._marks and marks.of_line(line).digest != self._marks[key].digest:
                del self._marks[key]
                self.view.marks = set(self._marks)

    def action_next_mark(self) -> None:
        """Go to the next bookmark or remark."""
        self._seek_mark(is_back=False)

    def action_previous_mark(self) -> None:
        """Go to the bookmark or remark before."""
        self._seek_mark(is_back=True)

    def _seek_mark(self, *, is_back: bool) -> None:
        line = self.view.line
        known = {key: one.time or 0 for key, one in self._marks.items()}
        known |= {key: self._times.get(key, 0) for key in self.view.look.remarks}
        several = len(self.names) > 1
        order = sorted((time if several else 0, *key) for key, time in known.items())
        here = (0, 0, -1)
        if line is not None:
            here = ((line.time or 0) if several else 0, *key_of(line))
        if self.view.is_following:
            here = (here[0], here[1], here[2] + 1)
        if is_back:
            found = [one for one in order if one < here][-1:]
        else:
            found = [one for one in order if one > here][:1]
        if found:
            _time, source, offset = found[0]
            self.go_to_key((source, offset))
        elif not known:
            self.host.tell("There are no bookmarks here: m puts one on a line.")
        else:
            self.host.tell(f"No bookmark or remark {'above' if is_back else 'below'}.")

    # Remarks

    def place_in_log(self, line: Line, number: int) -> str:
        """Return the place of a line that remarks are kept by."""
        name = f"{self.names[line.source]}:" if self.entity().startswith("endpoint:") else ""
        return f"{self.entity()}#log:{name}{number}"

    def show_remarks(self, snapshot: Snapshot) -> None:
        """Show what was said about lines of this log."""
        entity = self.entity()
        found: dict[tuple[int, int], list[str]] = {}
        for one in snapshot.remarks if entity else ():
            whole, _sign, place = one["subject"].partition("#log:")
            name, _colon, number = place.rpartition(":")
            if whole != entity or not number.isdigit() or (name and name not in self.names):
                continue
            source = self.names.index(name) if name else 0
            said = f"{clean(one['by'])} {clock(one['at'])} — {clean(one['text'])}"
            found.setdefault((source, int(number)), []).append(said)
        if found != self._remarks and self.names:
            self._remarks = found
            self.reader.locate([*found])

    def take_places(self, news: Places) -> None:
        """Show remarks where their lines are."""
        self.view.look.remarks = {
            (source, news.offsets[source, n]): said
            for (source, n), said in self._remarks.items()
            if (source, n) in news.offsets
        }
        self.view.changed()

    def why_not(self, action: Action) -> str:
        """Return why an action is off here; remarks are on what has an id."""
        if action.id in {"app.annotate", "app.edit", "logs.ask"} and not self.entity():
            if len(self.sources) > 1:
                return "several logs are open; remarks are on lines of one; m puts a bookmark here"
            return "remarks are on logs of runs and endpoints; m puts a bookmark here"
        return super().why_not(action)

    def action_annotate(self) -> None:
        """Write a remark on the line."""
        self._with_place("annotate")

    def action_ask(self) -> None:
        """Begin a thread about the line."""
        self._with_place("ask")

    def _with_place(self, what: str) -> None:
        line = self.view.line
        desk = self.reader.desk
        if line is None or desk is None:
            self.host.tell("There is no line here.")
            return
        log = desk.merged.logs[line.source]
        self.fetch(what, lambda: self.place_in_log(line, log.number_at(line.offset) + 1))

    def say(self, what: str, place: str) -> None:
        """Ask for what to say about a place."""
        if what == "annotate":
            dialog = RemarkDialog(f"Annotate {place}", can_begin=True)
            self.app.push_screen(dialog, lambda made: self._annotated(place, made))
            return

        def begin(text: str | None) -> None:
            if text and text.strip():
                self.host.perform(
                    lambda: self.workspace.threads.start(place, text.strip()),
                    f"Began a thread about {place}.",
                    command=f"modeldeck thread start {place} {text!r}",
                )

        self.app.push_screen(AskScreen(f"What is open about {place}? @name asks somebody"), begin)
