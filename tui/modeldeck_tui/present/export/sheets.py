"""Tables for spreadsheets: CSV that no spreadsheet takes for formulas."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence

from modeldeck_tui.clean import clean
from modeldeck_tui.output import harmless


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    r"""Return rows as CSV (RFC 4180): lines end in CR LF, cells are quoted where that is needed.

    Nothing is an empty cell, numbers have all their digits, and those that JSON lacks are ``NaN``,
    ``Infinity`` and ``-Infinity``. Characters that a terminal would obey are made visible.

    >>> csv_text([("a", "b"), (0.1, None), ('say "x", y', float("-inf")), ("=1+1", True)])
    'a,b\r\n0.1,\r\n"say ""x"", y",-Infinity\r\n\'=1+1,true\r\n'
    """
    cells = io.StringIO()
    csv.writer(cells).writerows([_cell(one) for one in row] for row in rows)
    return cells.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, int | float):
        return repr(value)
    return harmless(clean(str(value)))
