"""What the palette finds: the actions of a page, those that are on first, themes, and things."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple, Protocol, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.types import IgnoreReturnCallbackType

from modeldeck_tui import keymap
from modeldeck_tui.clean import clean
from modeldeck_tui.keymap import Action
from modeldeck_tui.present.snapshot import Snapshot
from modeldeck_tui.screens import filters
from modeldeck_tui.screens.base import Page

MOST_RUNS = 2_000
"""Runs that the palette looks through, newest first."""


class Choice(NamedTuple):
    """A line of the palette: its name, a word about it, what it does, its other names."""

    name: str
    about: str
    run: IgnoreReturnCallbackType
    also: str = ""


class Finder(Protocol):
    """What the palette asks of the app."""

    snapshot: Snapshot | None

    @property
    def theme_names(self) -> list[str]:
        """The names of the themes."""

    def carry_out(self, action: Action) -> object:
        """Do an action."""

    def choose_theme(self, name: str) -> None:
        """Change how it looks."""

    def open(self, entity: str) -> None:
        """Open the page of a thing."""

    def listed(self, page: str, text: str) -> None:
        """Open a numbered page with a filter."""


class _Choices(Provider):
    """Offers choices that fit what is typed."""

    @property
    def finder(self) -> Finder:
        """The app."""
        return cast("Finder", self.app)

    def choices(self) -> Iterator[Choice]:
        """Return what there is."""
        yield from ()

    async def search(self, query: str) -> Hits:
        """Offer what fits."""
        matcher = self.matcher(query)
        for one in self.choices():
            score = matcher.match(one.name)
            shown = matcher.highlight(one.name)
            if not score and one.also:
                score, shown = matcher.match(one.also), Content(one.name)
            if score > 0:
                yield Hit(score, shown, one.run, text=one.name, help=one.about)


class Actions(_Choices):
    """The actions of the page below, and the themes."""

    def choices(self) -> Iterator[Choice]:
        """Return the actions, those that are on first; what is off says why."""
        page = self.screen
        if isinstance(page, Page):
            rows = [self._choice(page, one) for one in keymap.of_page(page.NAME) if _is_named(one)]
            yield from sorted(rows, key=lambda one: one.about.startswith("off:"))
        for name in self.finder.theme_names:
            yield Choice(
                f"Theme: {name}", f":theme {name}", partial(self.finder.choose_theme, name)
            )

    def _choice(self, page: Page, one: Action) -> Choice:
        because = clean(page.why_not(one))
        key = keymap.shown(one)
        name = f"{one.help} ({key})" if key else one.help
        about = f"off: {because}" if because else one.command or f":{one.colon}"
        also = f"{one.colon} {one.command}"
        return Choice(name, about, partial(self.finder.carry_out, one), also)

    async def discover(self) -> Hits:
        """Offer everything before anything is typed."""
        for one in self.choices():
            name = Content(one.name)
            yield DiscoveryHit(name, one.run, text=one.name, help=one.about)


class Things(_Choices):
    """Runs, versions, releases, endpoints and versions of datasets."""

    def choices(self) -> Iterator[Choice]:
        """Return them, by what people know of them."""
        snapshot, go = self.finder.snapshot, self.finder.open
        if snapshot is None:
            return
        for page in filters.LISTS.values():
            for kept, text in filters.kept(page).items():
                name = f"{page.capitalize()} @{kept}"
                yield Choice(
                    clean(name), clean(f"/{text}"), partial(self.finder.listed, page, text)
                )
        for release in snapshot.releases:
            name = f"{release['id']} {release['version']} → {release['environment']}"
            yield Choice(name, release["status"], partial(go, f"release:{release['id']}"))
        for version in snapshot.versions:
            yield Choice(version["id"], "version", partial(go, f"version:{version['id']}"))
        for data in snapshot.datasets:
            yield Choice(data["id"], "data version", partial(go, f"dataset:{data['id']}"))
        for endpoint, _traffic in snapshot.live:
            about = f"serves {endpoint['version'] or 'nothing'}"
            yield Choice(endpoint["id"], about, partial(go, f"endpoint:{endpoint['id']}"))
        for run in snapshot.runs[:MOST_RUNS]:
            name = clean(f"{run['id'].rsplit('-', 1)[-1]} {run['experiment']} {run['name']}")
            yield Choice(name, f"run, {run['status']}", partial(go, f"run:{run['id']}"))


def _is_named(one: Action) -> bool:
    """Say whether an action is one to look for by name: not a movement in a pane."""
    return not (one.is_direct and one.scope in {"list", "text"})
