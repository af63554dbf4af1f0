"""Commands that people type after a colon."""

from __future__ import annotations

import os.path
import shlex
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from modeldeck_tui import keymap
from modeldeck_tui.hosting.looks import Looks
from modeldeck_tui.hosting.navigation import Navigation
from modeldeck_tui.hosting.pages import page_of
from modeldeck_tui.keymap import Action
from modeldeck_tui.present.upkeep import report
from modeldeck_tui.screens import filters
from modeldeck_tui.screens.base import Page
from modeldeck_tui.screens.listing import ListingPage
from modeldeck_tui.screens.overlays.colon import CommandScreen
from modeldeck_tui.screens.reader import ReadingScreen

_TEXT = 76
"""Columns of a text that is broken into lines."""


class Commands(Navigation, Looks):
    """An app that takes commands."""

    def action_command(self) -> None:
        """Ask for a command."""
        page = self.screen
        if isinstance(page, Page):
            actions = {one.colon: one.help for one in keymap.of_page(page.NAME) if not _moves(one)}
            self.push_screen(CommandScreen(actions, self._complete), self._command)

    def action_doctor(self) -> None:
        """Look at the whole folder, and show what was found."""

        def read() -> report.Lines:
            return report.lines(self.workspace.upkeep.doctor(), width=_TEXT)

        self.push_screen(ReadingScreen("Doctor", read, place=self.current_mode))

    def _complete(self, word: str) -> Sequence[str]:
        """Return what could stand after a word."""
        snapshot = self.snapshot
        if word == "theme":
            return self.theme_names
        if word in {"save", "forget", "filter"} and isinstance(self.screen, CommandScreen):
            page = self.screen_stack[-2]
            names = filters.kept(page.NAME) if isinstance(page, ListingPage) else ()
            return [f"@{one}" for one in names] if word == "filter" else [*names]
        if word in filters.LISTS:
            return [f"@{one}" for one in filters.kept(filters.LISTS[word])]
        if snapshot is None:
            return ()
        endpoints = [one["id"] for one, _traffic in snapshot.live]
        runs = [one["id"].rsplit("-", 1)[-1] for one in snapshot.runs[:1000]]
        if word == "logs":
            return [*endpoints, *runs]
        if word == "rel":
            return [one["id"] for one in snapshot.releases]
        if word == "open":
            return [
                *(f"release:{one['id']}" for one in snapshot.releases),
                *(f"version:{one['id']}" for one in snapshot.versions),
                *(f"endpoint:{one}" for one in endpoints),
                *(f"dataset:{one['id']}" for one in snapshot.datasets),
                *(f"run:{one}" for one in runs),
            ]
        return ()

    async def _command(self, text: str | None) -> None:
        word, _space, rest = (text or "").partition(" ")
        rest = rest.strip()
        page = self.screen
        if not word or (isinstance(page, Page) and page.take_typed(f"{word} {rest}".strip())):
            return
        known = self._words(rest).get(word)
        if known is not None:
            known()
            return
        name = page.NAME if isinstance(page, Page) else ""
        known_here = [one for one in keymap.of_page(name) if not _moves(one)]
        action = next((one for one in known_here if one.colon == word), None)
        if action is None:
            self.tell(f"There is no command {word[:40]!r} here; tab shows those there are.")
        elif rest:
            self.tell(f":{word} takes nothing after it; {rest[:40]!r} was not understood.")
        else:
            await self.carry_out(action)

    def _words(self, rest: str) -> Mapping[str, Callable[[], object]]:
        """Return what commands do that take more than a key can."""
        page = self.screen

        def annotate() -> None:
            if isinstance(page, Page) and page.entity() and rest:
                page.annotate(page.entity(), rest)
            else:
                self.tell("As in :annotate TEXT, with the cursor on something.")

        def narrow() -> None:
            if isinstance(page, ListingPage):
                page.set_filter(rest)
            else:
                self.tell("This page has no filter.")

        words: dict[str, Callable[[], object]] = {
            word: partial(self.listed, place, rest) for word, place in filters.LISTS.items()
        }
        words |= {
            "rel": lambda: self.open_typed(f"release:{rest}"),
            "open": lambda: self.open_typed(rest),
            "logs": partial(self._logs_of, rest),
            "filter": narrow,
            "save": partial(self._keep_filter, rest),
            "forget": partial(self._keep_filter, rest, is_forgotten=True),
            "annotate": annotate,
            "as-of": lambda: self.action_travel(rest),
            "at": lambda: self.action_travel(rest),
            "verify": self.verify,
            "now": self.action_now,
            "theme": lambda: self.choose_theme(rest),
            "messages": self.action_done,
            "q": self.exit,
        }
        return words

    def _keep_filter(self, name: str, *, is_forgotten: bool = False) -> None:
        """Keep the filter of this page by a name, or forget the one of that name."""
        page = self.screen
        if not isinstance(page, ListingPage):
            self.tell("This page has no filter.")
        elif not filters.NAME.fullmatch(name):
            self.tell("As in :save best: a name of letters, digits, - _ and dots.")
        elif is_forgotten and name not in filters.kept(page.NAME):
            self.tell(f"No filter of this page is kept as {name}.")
        elif not (is_forgotten or page.query_text):
            self.tell("There is no filter here to keep: / asks for one.")
        else:
            text = "" if is_forgotten else page.query_text
            try:
                filters.keep(page.NAME, name, text=text)
            except OSError as error:
                self.tell(f"It was not kept: {error.strerror}.", severity="error")
                return
            self.tell(f"Forgotten: {name}" if is_forgotten else f"Kept: @{name} is /{text}")

    def _logs_of(self, typed: str) -> None:
        try:
            sources = shlex.split(typed)
        except ValueError as error:
            self.tell(f"Names with quotation marks or backslashes: {error}.")
            return
        if any(not one.startswith("@") for one in sources):
            self.push_screen(page_of("log", *(os.path.expanduser(one) for one in sources)))  # noqa: PTH111 -- a glob may be in it
        else:
            self.action_page("sources")

    def open_typed(self, typed: str) -> None:
        """Open what somebody typed: an entity, or any unique ending of a run's id."""
        try:
            self.open(self.workspace.annotations.entity(typed))
        except Exception as error:  # noqa: BLE001 -- told
            self.tell(str(error), severity="warning")

    def choose_theme(self, name: str) -> None:
        """Change how it looks."""
        if name in self.available_themes:
            self.theme = name
        else:
            known = ", ".join(self.theme_names)
            self.tell(f"There is no theme {name[:40]!r}; there are {known}.")


def _moves(action: Action) -> bool:
    return action.is_direct and action.scope in {"list", "text"}
