"""Commands that people type after a colon."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from modeldeck_tui import keymap
from modeldeck_tui.hosting.looks import Looks
from modeldeck_tui.hosting.navigation import Navigation
from modeldeck_tui.hosting.pages import page_of
from modeldeck_tui.keymap import Action
from modeldeck_tui.screens.base import Page
from modeldeck_tui.screens.listing import ListingPage
from modeldeck_tui.screens.overlays.colon import CommandScreen


class Commands(Navigation, Looks):
    """An app that takes commands."""

    def action_command(self) -> None:
        """Ask for a command."""
        page = self.screen
        if isinstance(page, Page):
            actions = {one.colon: one.help for one in keymap.of_page(page.NAME) if not _moves(one)}
            self.push_screen(CommandScreen(actions, self._complete), self._command)

    def _complete(self, word: str) -> Sequence[str]:
        """Return what could stand after a word."""
        snapshot = self.snapshot
        if word == "theme":
            return self.theme_names
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
                *(f"run:{one}" for one in runs),
            ]
        return ()

    async def _command(self, text: str | None) -> None:
        word, _space, rest = (text or "").partition(" ")
        rest = rest.strip()
        if not word:
            return
        known = self._words(rest).get(word)
        if known is not None:
            known()
            return
        page = self.screen
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
        lists = {"runs": "runs", "models": "models", "releases": "releases",
                 "deploys": "deployments", "activity": "activity"}  # fmt: skip

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
            word: partial(self.listed, place, rest) for word, place in lists.items()
        }
        words |= {
            "rel": lambda: self.open_typed(f"release:{rest}"),
            "open": lambda: self.open_typed(rest),
            "logs": partial(self._logs_of, rest),
            "filter": narrow,
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

    def _logs_of(self, source: str) -> None:
        if source:
            self.push_screen(page_of("log", source))
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
