"""Style sheets are parsed once for all screens that tests open.

Textual parses some forty sheets when an application starts, and when its theme changes: a third of
the processor time of these tests. What comes out depends on the sheet and the theme's variables
alone, and nobody changes it: nodes copy the rules that fit them. Programs at a pseudo-terminal
parse theirs.
"""

from __future__ import annotations

import functools
from typing import Any

from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet

_KNOWN: dict[object, list[RuleSet]] = {}


@functools.cache
def keep_sheets() -> None:
    """Remember from now on what sheets say."""
    parse = Stylesheet._parse_rules

    def remembered(self: Stylesheet, css: str, **options: Any) -> list[RuleSet]:  # noqa: ANN401 -- what Textual hands over
        key = css, frozenset(options.items()), frozenset(self._variables.items())
        if key not in _KNOWN:
            _KNOWN[key] = parse(self, css, **options)
        return _KNOWN[key]

    Stylesheet._parse_rules = remembered  # type: ignore[method-assign,assignment]
