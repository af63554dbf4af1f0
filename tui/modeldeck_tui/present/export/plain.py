"""Symbols, borders and curves in ASCII, for terminals that show nothing else."""

from __future__ import annotations

from modeldeck_tui.output import cell_width

_ASCII = str.maketrans(
    {
        "✔": "v", "✖": "x", "⚠": "!", "●": "*", "○": "o", "◌": ".", "▲": "+", "▼": "-",
        "›": ">", "…": "~", "→": ">", "·": "-", "–": "-", "—": "-", "✎": "#", "§": "#",
        "•": "*", "‖": "=", "▶": ">", "≥": ">", "≤": "<", "Δ": "d", "±": "~", "↑": "^", "↓": "v",
        "≈": "~", "⇧": "s", "←": "<", "╭": "+", "╮": "+", "╰": "+", "╯": "+", "─": "-", "│": "|",
        "┤": "|", "┐": "+", "└": "+", "┌": "+", "┘": "+", "├": "+", "━": "=", "▔": "-",
        "▁": "_", "▂": "_", "▃": ".", "▄": "-", "▅": "=", "▆": "*", "▇": "#", "█": "#",
        "▓": "#", "▒": "+", "░": ".", "▊": "|", "▎": "|", "▌": "|", "▐": "|", "×": "x",
    }
)  # fmt: skip


def to_ascii(text: str) -> str:
    """Return a text with its symbols in ASCII, each as wide as before.

    >>> to_ascii("✔ live › ⠉⠒ é")
    'v live > ** ?'
    """
    text = text.translate(_ASCII)
    if text.isascii():
        return text
    return "".join(_plain(one) for one in text)


def _plain(letter: str) -> str:
    if letter.isascii():
        return letter
    if "\u2801" <= letter <= "\u28ff":
        return "*"
    if letter == "\u2800":
        return " "
    return "?" * cell_width(letter)
