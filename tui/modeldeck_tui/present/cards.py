"""A model card, which is Markdown, as lines to read: bold titles, lists with dots, tables."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence

from modeldeck_tui.clean import clean_lines
from modeldeck_tui.output import cell_width

Styled = tuple[str, str]

_ITEM = re.compile(r"^( *)[-*+] +")
_RULE = re.compile(r"^ *([-*_])( *\1){2,} *$")
_TITLE = re.compile(r"^(#{1,6}) +(.*?)( +#+)? *$")
_QUOTE = re.compile(r"^> ?")
_TABLE_RULE = re.compile(r"^ *\|?( *:?-+:? *\|)+ *(:?-+:?)? *\|? *$")
_EMPHASIS = re.compile(r"(\*\*|__|`)(?=\S)(.+?)(?<=\S)\1")
_LINK = re.compile(r"!?\[([^\]]*)\]\(([^)\s]*)\)")
_FENCE = ("```", "~~~")
_WIDE_RULE = 40
_LEAST_WIDTH = 12


def lines(card: str) -> list[Styled]:
    r"""Return the lines of a card; what is no Markdown that we know stays as it is.

    >>> lines("# churn@1\n- **loss**: 0.1\n")
    [('churn@1', 'bold'), ('• loss: 0.1', '')]
    """
    found: list[Styled] = []
    table: list[str] = []
    is_code = False
    for line in clean_lines(card).rstrip("\n").split("\n"):
        is_row = not is_code and line.lstrip().startswith("|")
        if table and not is_row:
            found += _table(table)
            table = []
        if line.lstrip().startswith(_FENCE):
            is_code = not is_code
        elif is_code:
            found.append((f"  {line}", "dim"))
        elif is_row:
            table.append(line)
        else:
            found.append(_line(line))
    return found + _table(table)


def wrapped(found: Iterable[Styled], width: int) -> list[Styled]:
    """Return lines broken at words where they are longer; items go on under their text.

    >>> wrapped([("• one two three", "")], 12)
    [('• one two', ''), ('  three', '')]
    """
    if width < _LEAST_WIDTH:
        return list(found)
    broken: list[Styled] = []
    for text, style in found:
        indent = len(text) - len(text.lstrip(" •│"))
        parts = textwrap.wrap(text, width, subsequent_indent=" " * indent) or [""]
        broken += [(part, style) for part in (parts if len(text) > width else [text])]
    return broken


def _line(line: str) -> Styled:
    title = _TITLE.match(line)
    if title:
        return plain(title[2]), "bold"
    if _RULE.match(line):
        return "─" * _WIDE_RULE, "dim"
    if _QUOTE.match(line):
        return f"│ {plain(_QUOTE.sub('', line))}", "dim"
    item = _ITEM.match(line)
    if item:
        return f"{item[1]}• {plain(line[item.end() :])}", ""
    return plain(line), ""


def plain(text: str) -> str:
    """Return a text without the marks of emphasis and links.

    >>> plain("**Data**: see [the page](https://x.org), `a_b`")
    'Data: see the page (https://x.org), a_b'
    """
    text = _LINK.sub(lambda found: f"{found[1]} ({found[2]})" if found[2] else found[1], text)
    return _EMPHASIS.sub(r"\2", text)


def _table(rows: Sequence[str]) -> list[Styled]:
    """Return a table with its columns under one another; the line under the titles is a rule."""
    cells = [_cells(row) for row in rows if not _TABLE_RULE.match(row)]
    if not cells:
        return []
    count = max(map(len, cells))
    widths = [
        max(cell_width(row[at]) if at < len(row) else 0 for row in cells) for at in range(count)
    ]
    has_titles = len(rows) > 1 and _TABLE_RULE.match(rows[1]) is not None
    return [
        (_padded(row, widths), "bold" if has_titles and number == 0 else "")
        for number, row in enumerate(cells)
    ]


def _cells(row: str) -> list[str]:
    return [plain(one.strip()) for one in row.strip().strip("|").split("|")]


def _padded(row: Iterable[str], widths: Sequence[int]) -> str:
    padded = (
        one + " " * (width - cell_width(one)) for one, width in zip(row, widths, strict=False)
    )
    return "  ".join(padded).rstrip()
