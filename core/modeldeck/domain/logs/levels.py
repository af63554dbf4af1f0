"""Levels: five names for the many words that programs use."""

from __future__ import annotations

LEVELS = ("DEBUG", "INFO", "WARN", "ERROR", "CRITICAL")
"""From the least to the gravest."""

RANKS = {name: rank for rank, name in enumerate(LEVELS)}
"""How grave a level is."""

UNKNOWN_RANK = RANKS["INFO"]
"""A line that tells no level is asked for like one of this rank."""

WORDS = {
    **dict.fromkeys(("TRACE", "VERBOSE", "FINE", "FINER", "FINEST", "DEBUG", "DBG"), "DEBUG"),
    **dict.fromkeys(("INFO", "INF", "NOTICE", "CONFIG", "INFORMATION", "LOG"), "INFO"),
    **dict.fromkeys(("WARN", "WARNING", "WRN"), "WARN"),
    **dict.fromkeys(("ERROR", "ERR", "SEVERE", "FAILURE"), "ERROR"),
    **dict.fromkeys(
        ("FATAL", "CRITICAL", "CRIT", "PANIC", "ALERT", "EMERG", "EMERGENCY", "DPANIC"), "CRITICAL"
    ),
}
"""What programs write, in capitals."""

SEVERITIES = ("CRITICAL", "CRITICAL", "CRITICAL", "ERROR", "WARN", "INFO", "INFO", "DEBUG")
"""The numbers of syslog (RFC 5424, 6.2.1), from 0."""


def level_of(word: str) -> str:
    """Return the level that a word stands for; empty when it is none.

    >>> level_of("warning"), level_of("Notice"), level_of("loud")
    ('WARN', 'INFO', '')
    """
    return WORDS.get(word.upper(), "") if word.isascii() else ""
