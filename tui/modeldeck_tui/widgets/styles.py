"""The looks: themes, and the style of each kind of text in the theme that is on.

State is never told by colour alone: every status has a symbol and a word. The default theme is the
terminal's own sixteen colours, which follow its palette, dark or light, and cost few bytes.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.color import Color, ColorParseError
from textual.theme import Theme

DEFAULT = "ansi"
NAMES = ("foreground", "background", "accent", "good", "bad", "warn", "dim")
"""What a theme's file names."""

_ANSI = {
    "foreground": "ansi_default",
    "background": "ansi_default",
    "accent": "ansi_cyan",
    "good": "ansi_green",
    "bad": "ansi_red",
    "warn": "ansi_yellow",
    "dim": "ansi_bright_black",
}
_RICH_ANSI = {"good": "green", "bad": "red", "warn": "yellow", "dim": "bright_black"}
_ANSI_CURVES = ("cyan", "yellow", "magenta", "green", "blue", "red")
COLOURS: dict[str, dict[str, str]] = {
    "ansi": _ANSI,
    "dark": {
        "foreground": "#d7dce2",
        "background": "#14181f",
        "accent": "#6cb6ff",
        "good": "#7ec87e",
        "bad": "#f2777a",
        "warn": "#ffcc66",
        "dim": "#8b949e",
    },
    "light": {
        "foreground": "#22272e",
        "background": "#fbfbf8",
        "accent": "#0550ae",
        "good": "#1a7f37",
        "bad": "#cf222e",
        "warn": "#8a5c00",
        "dim": "#626a73",
    },
    "high-contrast": {
        "foreground": "#ffffff",
        "background": "#000000",
        "accent": "#00e5ff",
        "good": "#00ff66",
        "bad": "#ff8080",
        "warn": "#ffee00",
        "dim": "#d0d0d0",
    },
    # M. Okabe and K. Ito, "Color Universal Design" (2008): blue against orange, not green and red
    "colour-blind": {
        "foreground": "#e6e6e6",
        "background": "#101418",
        "accent": "#cc79a7",
        "good": "#56b4e9",
        "bad": "#ff9640",
        "warn": "#f0e442",
        "dim": "#98a0a8",
    },
}
"""The themes that come with the program; colour-blind has blue and orange for good and bad."""

_CURVES = ("#56b4e9", "#e69f00", "#cc79a7", "#009e73", "#f0e442", "#d55e00")
_CURVES_ON_LIGHT = ("#0072b2", "#a85100", "#9c3f73", "#00664b", "#6b6300", "#8f2d00")
"""The same hues, dark enough for a light background."""
STYLES: dict[str, Style] = {}
"""The style of each kind of text in the theme that is on; changed in place by :func:`use`."""

CURVES: list[Style] = []
"""The styles of a chart's curves."""


def use(name: str, colours: Mapping[str, str]) -> None:
    """Take the styles of a theme from now on."""
    is_ansi = name == "ansi"
    known = _RICH_ANSI if is_ansi else colours
    STYLES.update(
        {
            "": Style.null(),
            "bold": Style(bold=True),
            **{one: Style(color=known[one]) for one in ("good", "bad", "warn", "dim")},
            "accent": Style(color="cyan" if is_ansi else colours["accent"]),
        }
    )
    curves = _CURVES if is_ansi or _is_dark(colours) else _CURVES_ON_LIGHT
    CURVES[:] = [Style(color=one) for one in (_ANSI_CURVES if is_ansi else curves)]


def _is_dark(colours: Mapping[str, str]) -> bool:
    return Color.parse(colours["background"]).brightness < 0.5


def styled(parts: Sequence[tuple[str, str]]) -> Text:
    """Return pieces of text in their styles."""
    return Text.assemble(*((text, STYLES[style]) for text, style in parts))


def theme(name: str, colours: Mapping[str, str]) -> Theme:
    """Return Textual's theme for some colours."""
    is_ansi = name == "ansi"
    accent = colours["accent"]
    ink = "ansi_black" if is_ansi else colours["background"]
    paper = "ansi_white" if is_ansi else colours["foreground"]
    background = colours["background"]
    return Theme(
        name=name,
        ansi=is_ansi,
        dark=is_ansi or _is_dark(colours),
        primary=accent,
        secondary=accent,
        accent=accent,
        success=colours["good"],
        warning=colours["warn"],
        error=colours["bad"],
        foreground=colours["foreground"],
        background=background,
        surface=background,
        panel=background,
        boost=background,
        variables={
            "faint": colours["dim"],
            "block-cursor-foreground": ink,
            "block-cursor-background": paper,
            "input-cursor-foreground": ink,
            "input-cursor-background": paper,
            "input-cursor-text-style": "none",
            **({"ansi-background": ink, "ansi-foreground": paper} if is_ansi else {}),
        },
    )


def read_own(folder: Path) -> tuple[dict[str, dict[str, str]], list[str]]:
    """Return a person's own themes, and what is wrong with their files.

    A file ``NAME.toml`` names some of :data:`NAMES`, as ``good = "#00ff00"``; what it leaves out
    is that of the theme named by ``like``, dark by default.
    """
    found: dict[str, dict[str, str]] = {}
    problems = []
    for path in sorted(folder.glob("*.toml")):
        try:
            written = tomllib.loads(path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            problems.append(f"{path}: {error}")
            continue
        like = written.pop("like", "dark")
        problem = _problem(path.stem, str(like), written=written)
        if problem:
            problems.append(f"{path}: {problem}")
        else:
            found[path.stem] = {**COLOURS[str(like)], **{k: str(v) for k, v in written.items()}}
    return found, problems


def _problem(name: str, like: str, *, written: Mapping[str, object]) -> str:
    if name in COLOURS:
        return f"{name} is the name of a theme that comes with ModelDeck; take another."
    if like not in COLOURS or like == "ansi":
        return f"like names no theme to start from: {like[:40]!r}; use dark or light."
    for key, value in written.items():
        if key not in NAMES:
            return f"there is no colour {key[:40]!r}; there are {', '.join(NAMES)}."
        try:
            Color.parse(str(value))
        except ColorParseError:
            return f"{key} is no colour: {str(value)[:40]!r}; write it as #rrggbb."
    return ""


use(DEFAULT, _ANSI)


_MARK = Style(bold=True, underline=True)


def marked(segment: Segment, pattern: str) -> list[Segment]:
    """Return a segment in parts: the first match of a small-lettered pattern is marked.

    >>> [part.text for part in marked(Segment("An ERROR came"), "error")]
    ['An ', 'ERROR', ' came']
    """
    text, style = segment.text, segment.style or Style.null()
    at = text.lower().find(pattern) if pattern else -1
    if at < 0:
        return [segment]
    end = at + len(pattern)
    return [
        Segment(text[:at], style),
        Segment(text[at:end], style + _MARK),
        Segment(text[end:], style),
    ]
