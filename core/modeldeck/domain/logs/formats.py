r"""Formats of lines: a table, to which people add their own.

A format is a regular expression for the beginning of a line. Its named groups say what is where:

========================= ==========================================================
``at``                    the whole time as it is written; what is shown
``year month day``        numbers; a year of two digits is one of 1970 to 2069
``mon``                   a month by its English name's first three letters
``hour minute second``    numbers
``fraction``, ``millis``  digits behind the second's point; a number of milliseconds
``zone``                  ``Z``, ``UTC``, ``GMT`` or an offset; without it local time
``epoch``                 seconds since 1970, in the whole or with a fraction
``level``                 a word, or one of the format's own ``levels``
``severity``              the number of syslog: facility times 8, plus severity
========================= ==========================================================

``%iso%``, ``%date%``, ``%clock%``, ``%mon%``, ``%zone%``, ``%level%`` stand for expressions that
many formats share. A person's own formats stand in ``log-formats.toml`` in the folder of settings
and are tried before those that are built in::

    [formats.ours]
    pattern = '(?P<at>%iso%) \w+ <%level%>'
    levels = { gossip = "DEBUG" }          # optional: words of one's own
    sample = '2026-11-23 07:10:11 gpu01 <gossip> all well'   # optional: it must fit
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from modeldeck.domain.logs.levels import WORDS

GROUPS = frozenset(
    (
        *("at", "year", "month", "mon", "day", "hour", "minute", "second", "fraction", "millis"),
        *("zone", "epoch", "level", "severity"),
    )
)
Compile = Callable[[bytes], Any]
"""Makes something with ``match`` and ``groupindex`` from a regular expression."""

_WORDS = "|".join(sorted(WORDS, key=len, reverse=True))
_DATE = r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)"
_HMS = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
_CLOCK = rf"{_HMS}(?:[.,](?P<fraction>\d{{1,9}}))?"
_ZONE = r"(?: ?(?P<zone>Z|[+-]\d\d:?\d\d|UTC|GMT))?"
_MACROS = {
    "%date%": _DATE,
    "%clock%": _CLOCK,
    "%zone%": _ZONE,
    "%iso%": rf"{_DATE}[T ]{_CLOCK}{_ZONE}",
    "%mon%": "(?P<mon>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)",
    "%level%": rf"(?P<level>(?i:{_WORDS}))",
}
# Where a level has no place of its own, a word counts as one in capitals, or where a bracket, a
# colon or a column closes it: "error while connecting" begins a message. Words that are headings
# as often as levels ("Config:") do not count there.
HEADINGS = {
    "ALERT",
    "CONFIG",
    "EMERGENCY",
    "FAILURE",
    "FINE",
    "FINER",
    "FINEST",
    "INFORMATION",
    "LOG",
}
_CAPITALS = "|".join(one for one in sorted(WORDS, key=len, reverse=True) if one not in HEADINGS)
FREE = rf"(?P<level>(?:{_CAPITALS})(?![\w=.'-])|(?i:{_CAPITALS})(?=[\]>):|\t]|  ))"
BETWEEN = (
    r"(?:[ \t|:,-]*(?:\[[^\]\n]{0,120}\]|\(\d{1,10}\)|<[^>\n]{0,60}>|\d{1,10}(?=[ \t])"
    r"|[\w.$/][\w.$/-]{0,119}(?= - ))){0,3}?"
)


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes
    ----------
    name : str
        Short, unique.
    pattern : str
        The regular expression, see the module; it is matched at a line's beginning.
    starts : str
        Only lines that begin with one of these characters are tried; empty tries all.
    levels : Mapping
        Words that stand for levels besides the common ones; or instead, where they clash.
    is_own : bool
        Whether a person added it.
    """

    name: str
    pattern: str
    starts: str = ""
    levels: Mapping[str, str] = field(default_factory=dict)
    is_own: bool = False

    @property
    def is_general(self) -> bool:
        """Whether it fits lines of many programs: one that fits better is looked for each time."""
        return self.pattern.endswith(")?") or "(?P<at>" not in self.pattern

    def expression(self) -> bytes:
        """Return the regular expression with what its shorthands stand for."""
        text = self.pattern
        for short, long in _MACROS.items():
            text = text.replace(short, long)
        return text.encode()


_LETTERS = {"V": "DEBUG", "D": "DEBUG", "I": "INFO", "W": "WARN", "E": "ERROR"}
_LETTERS |= {"F": "CRITICAL", "A": "CRITICAL", "C": "CRITICAL"}
_DIGITS = "0123456789"
_CAPS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MONTHS = "JFMASOND"

FORMATS: tuple[Format, ...] = (
    Format("syslog 5424", r"<(?P<severity>\d{1,3})>1 (?:(?P<at>%iso%)|-) ", "<"),
    Format(
        "syslog 3164", r"<(?P<severity>\d{1,3})>(?P<at>%mon% [ 0]?(?P<day>\d{1,2}) %clock%)", "<"
    ),
    Format("syslog", r"(?P<at>%mon% [ 0]?(?P<day>\d{1,2}) %clock%) [\w.:@-]+ ", _MONTHS),
    Format(
        "apache error",
        r"\[(?P<at>\w{3} %mon% (?P<day>\d\d) %clock% (?P<year>\d{4}))\] "
        r"\[(?:[\w-]*:)?(?P<level>[a-z]+)\d?\]",
        "[",
    ),
    Format(
        "nginx error",
        r"(?P<at>(?P<year>\d{4})/(?P<month>\d\d)/(?P<day>\d\d) %clock%) "
        r"\[(?P<level>[a-z]+)\] \d+#\d+",
        _DIGITS,
    ),
    Format(
        "access",
        r"[\w.:-]+ \S+ \S+ "
        r"\[(?P<at>(?P<day>\d\d)/%mon%/(?P<year>\d{4}):%clock% (?P<zone>[+-]\d{4}))\] \"",
    ),
    Format(
        "glog",
        r"(?P<level>[IWEF])(?P<at>(?P<year>\d{4})?(?P<month>\d\d)(?P<day>\d\d) %clock%)"
        r"\s+\d+ [^\s\]]+:\d+\]",
        "IWEF",
        _LETTERS,
    ),
    Format(
        "torch",
        r"\[(?:rank\d+:)?(?P<level>[IWEF])(?P<at>(?P<month>\d\d)(?P<day>\d\d) %clock%)"
        r"(?: \d+)? [^\s\]]+:\d+\]",
        "[",
        _LETTERS,
    ),
    Format(
        "android",
        r"(?P<at>(?:(?P<year>\d{4})-)?(?P<month>\d\d)-(?P<day>\d\d) %clock%)%zone%"
        r"\s+\d+\s+\d+ (?P<level>[VDIWEFA]) ",
        _DIGITS,
        _LETTERS,
    ),
    Format(
        "android time",
        r"(?P<at>(?P<month>\d\d)-(?P<day>\d\d) %clock%)%zone% "
        r"(?P<level>[VDIWEFA])/[^\n(]{1,80}\(\s*\d+\): ",
        _DIGITS,
        _LETTERS,
    ),
    Format(
        "postgres",
        r"(?P<at>%date% %clock% (?P<zone>UTC|GMT)) \[\d+\](?: \S+)? (?P<level>[A-Z]+):  ",
        _DIGITS,
    ),
    Format("android brief", r"(?P<level>[VDIWEFA])/[^\n(]{1,80}\(\s*\d+\): ", "VDIWEFA", _LETTERS),
    Format(
        "spark",
        r"(?P<at>(?P<year>\d\d)/(?P<month>\d\d)/(?P<day>\d\d) %clock%) (?P<level>[A-Z]+) ",
        _DIGITS,
    ),
    Format(
        "hdfs",
        r"(?P<at>(?P<year>\d\d)(?P<month>\d\d)(?P<day>\d\d) "
        r"(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)) \d+ (?P<level>[A-Z]+) ",
        _DIGITS,
    ),
    Format(
        "openstack",
        r"(?:[\w-]+\.log\S* )?(?P<at>%iso%) \d+ (?P<level>[A-Z]+) [\w.]+ \[",
    ),
    Format("windows cbs", r"(?P<at>%date% %clock%), (?P<level>[A-Z][a-z]+) {2,}", _DIGITS),
    Format("tensorflow", r"(?P<at>%iso%): (?P<level>[IWEF]) [\w./-]+:\d+\]", _DIGITS, _LETTERS),
    Format("java", rf"(?P<at>%iso%)(?: - |[ \t]+)(?:\[[^\]\n]{{0,120}}\] )?{FREE}", _DIGITS),
    Format("python", r"(?P<at>%iso%) - [\w.-]{1,120} - (?P<level>[A-Z]+) - ", _DIGITS),
    Format("gunicorn", r"\[(?P<at>%iso%)\] \[\d+\] \[(?P<level>[A-Z]+)\] ", "["),
    Format("java clock", rf"(?P<at>%clock%) \[[^\]\n]{{0,120}}\] {FREE}", _DIGITS),
    Format(
        "slashes",
        r"\[?(?P<at>(?P<year>\d{4})/(?P<month>\d\d)/(?P<day>\d\d) %clock%)\]?"
        rf"(?:{BETWEEN}[ \t:|,-]*[\[(<]?{FREE})?",
        _DIGITS + "[",
    ),
    Format(
        "healthapp",
        r"(?P<at>(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)-(?P<hour>\d{1,2}):(?P<minute>\d{1,2}):"
        r"(?P<second>\d{1,2}):(?P<millis>\d{1,3}))\|",
        _DIGITS,
    ),
    Format(
        "compact iso",
        r"(?P<at>(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)T(?P<hour>\d\d)(?P<minute>\d\d)"
        rf"(?P<second>\d\d)(?:[.,](?P<fraction>\d{{1,9}}))?%zone%)(?:[ \t:|,-]+[\[(<]?{FREE})?",
        _DIGITS,
    ),
    Format(
        "redis",
        r"\d+:[A-Z] (?P<at>(?P<day>\d\d) %mon% (?P<year>\d{4}) %clock%) (?P<level>[.*#-])",
        _DIGITS,
        {".": "DEBUG", "-": "INFO", "*": "INFO", "#": "WARN"},
    ),
    Format(
        "iso",
        rf"[\[(< ]{{0,2}}(?P<at>%iso%)\]?(?:{BETWEEN}[ \t:|,-]*[\[(<]?{FREE})?",
        _DIGITS + "[(< ",
    ),
    Format(
        "dotted",
        r"(?P<at>(?P<day>\d\d)\.(?P<month>\d\d)\.(?P<year>\d{4}),? %clock%)"
        rf"(?:{BETWEEN}[ \t:|,-]*[\[(<]?{FREE})?",
        _DIGITS,
    ),
    Format(  # which of the numbers is the month cannot be told
        "slashed date",
        r"\d\d/\d\d/\d{4},? \d\d:\d\d:\d\d(?:[.,]\d{1,9})?"
        rf"(?:{BETWEEN}[ \t:|,-]*[\[(<]?{FREE})",
        _DIGITS,
    ),
    Format("clock", rf"\[?(?P<at>%clock%)\]?(?:{BETWEEN}[ \t:|,-]*[\[(<]?{FREE})?", _DIGITS + "["),
    Format("transformers", r"\[(?P<level>[A-Z]+)\|[^\]\n]{1,120}\] (?P<at>%iso%)", "["),
    Format(
        "absl",
        r"(?P<level>[IWEF])0000 00:00:(?P<epoch>(?P<at>1\d{9}\.\d{1,9})) +\d+ [\w./-]+:\d+\]",
        "IWEF",
        _LETTERS,
    ),
    Format("django", r"\[(?P<at>(?P<day>\d\d)/%mon%/(?P<year>\d{4}) %clock%)\] \"", "["),
    Format(
        "asctime",
        r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) "
        rf"(?P<at>%mon% [ 0]?(?P<day>\d{{1,2}}) %clock% (?P<year>\d{{4}}))(?:[ \t:|,-]*{FREE})?",
        "MTWFS",
    ),
    Format(
        "prefixed",  # by docker compose, by Ray
        r"(?:[\w.-]{1,60} +\||\((?:[\w.:]{1,60} )?pid=\d+(?:, ip=[\d.]+)?\)) "
        rf"\[?(?P<at>%iso%)\]?(?:{BETWEEN}[ \t:|,-]*[\[(<]?{FREE})?",
    ),
    Format("rich", rf"\[\d\d/\d\d/\d\d \d\d:\d\d:\d\d\] {FREE}", "["),
    Format("rich, same time", r" {20}(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL) ", " "),
    Format("wandb", rf"wandb: {FREE}", "w"),
    Format("level first", rf"{FREE}[ \t:|]{{1,3}}[\[(]?(?P<at>%iso%)", _CAPS),
    Format(
        "vllm",
        rf"{FREE} (?P<at>(?P<month>\d\d)-(?P<day>\d\d) %clock%) ",
        _CAPS,
    ),
    Format(
        "epoch",
        r"\[?(?P<epoch>(?P<at>1\d{9}(?:\.\d{1,9})?))\]?(?=[\s:,|])"
        rf"(?:{BETWEEN}[ \t:|,-]*[\[(<]?{FREE})?",
        "1[",
    ),
    Format("lightgbm", r"\[LightGBM\] \[(?P<level>[A-Z][a-z]+)\]", "["),
    Format("level", rf"[\[(<]?{FREE}", _CAPS + _CAPS.lower() + "[(<"),
)
"""What is built in, the particular before the general; JSON and logfmt are read by fields."""


def compile_own(expression: bytes) -> re.Pattern[bytes]:
    """Compile what is built in, which takes no longer than the line is long."""
    return re.compile(expression)
