"""How the screen looks: themes, also a person's own, and a person's own keys."""

from __future__ import annotations

from pathlib import Path

from textual.app import App

from modeldeck_tui import keymap
from modeldeck_tui.clean import clean
from modeldeck_tui.keymap import own
from modeldeck_tui.screens.framed import Framed
from modeldeck_tui.widgets import styles

LOOK_EVERY_S = 1.0


class Looks(App[None]):
    """An app with our themes instead of Textual's."""

    def dress(self, wanted: str) -> None:
        """Register the themes and take one, before the app runs: a change would style all anew."""
        for name in list(self._registered_themes):
            if name not in styles.COLOURS and not name.startswith("textual-"):
                self.unregister_theme(name)
        self._colours: dict[str, dict[str, str]] = {}
        self._own_seen: object = None
        self._look_problems: list[str] = []
        for name, colours in styles.COLOURS.items():
            self._put_theme(name, colours)
        self._read_own_themes()
        taken = wanted if wanted in self._colours else styles.DEFAULT
        if wanted and wanted != taken:
            known = ", ".join(sorted(self._colours))
            self._look_problems.append(f"There is no theme {wanted[:40]!r}; there are {known}.")
        self.set_reactive(App.theme, taken)
        styles.use(taken, self._colours[taken])
        is_dark = self.current_theme.dark
        looks = {f"-theme-{taken}": True, "-dark-mode": is_dark, "-light-mode": not is_dark}
        self.update_classes(looks, update=False)
        self._refresh_truecolor_filter(self.ansi_theme)
        self.stylesheet.set_variables(self.get_css_variables())

    def start_looks(self) -> None:
        """Say what is wrong with themes, and look for changed files from now on."""
        self._say_look_problems()
        self.set_interval(LOOK_EVERY_S, self._follow_own_themes)

    def _follow_own_themes(self) -> None:
        self._read_own_themes()
        self._say_look_problems()

    def _say_look_problems(self) -> None:
        while self._look_problems:
            text = clean(self._look_problems.pop(0))
            self.notify(text, severity="warning", timeout=8, markup=False)

    @property
    def theme_names(self) -> list[str]:
        """The names of our themes, and of the person's own."""
        return sorted(self._colours)

    def _put_theme(self, name: str, colours: dict[str, str]) -> None:
        self._colours[name] = colours
        self.register_theme(styles.theme(name, colours))

    def _watch_theme(self, theme_name: str) -> None:
        """Take the styles of a theme before it is drawn."""
        if theme_name in self._colours:
            styles.use(theme_name, self._colours[theme_name])
        super()._watch_theme(theme_name)
        for screen in self.screen_stack if self.is_running else ():
            if isinstance(screen, Framed):
                screen.show_frame()

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return the variable that our style sheets use, for Textual's own first theme."""
        return {"faint": "ansi_bright_black"}

    def _read_own_themes(self) -> None:
        """Read the person's own themes when one of their files changed; show it at once."""
        folder = own.config_folder() / "themes"
        seen = _state(folder)
        if seen == self._own_seen:
            return
        is_first, self._own_seen = self._own_seen is None, seen
        found, problems = styles.read_own(folder)
        self._look_problems += problems
        for name, colours in found.items():
            if self._colours.get(name) != colours:
                self._put_theme(name, colours)
                if self.theme == name and not is_first:
                    self._watch_theme(name)

    def start_keys(self) -> None:
        """Take the person's own keys, and say what is wrong with the file."""
        found = own.read()
        for problem in found.problems:
            self.notify(clean(problem), severity="warning", timeout=12, markup=False)
        keymap.use(found.keys)
        if found.keys:
            self.set_keymap({name: ",".join(keys) for name, keys in found.keys.items()})


def _state(folder: Path) -> list[tuple[str, int]]:
    try:
        return sorted((one.name, one.stat().st_mtime_ns) for one in folder.glob("*.toml"))
    except OSError:
        return []
