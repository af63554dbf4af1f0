"""Reading the part of YAML that MLflow writes: maps and lists of scalars, one below the other.

MLflow's ``meta.yaml`` and ``MLmodel`` files are made by PyYAML's ``safe_dump`` in block style. That
needs no library: scalars are plain, in single or in double quotes, over several lines, or blocks
after ``|`` or ``>`` (YAML 1.1, chapters 7.3 and 8.1). Anchors, tags and flow collections other than
``[]`` and ``{}`` are never written by it, and are refused.
"""

from __future__ import annotations

import json
import re

from modeldeck.errors import InvalidInputError

MAX_DEPTH = 16
MAX_BYTES = 256 << 10
MAX_LINES = 50_000
MAX_QUOTED_LINES = 1000
_KEY = re.compile(
    r"""(?P<key>'(?:[^']|'')*'(?!')|"(?:[^"\\]|\\.)*"|[^\s'"#\[\]{}&*!|>%@`-][^#]*?|-[^\s#][^#]*?):(?:\s+|$)"""
)
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})", re.ASCII)
_ESCAPES = {
    "0": "\0",
    "a": "\a",
    "b": "\b",
    "t": "\t",
    "n": "\n",
    "v": "\v",
    "f": "\f",
    "r": "\r",
    "e": "\x1b",
    " ": " ",
    '"': '"',
    "/": "/",
    "\\": "\\",
    "N": "\x85",
    "_": "\xa0",
    "L": "\u2028",
    "P": "\u2029",
    "\t": "\t",
}
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}
_CODES = {"x": 2, "u": 4, "U": 8}


def read(data: bytes) -> dict[str, object]:
    r"""Read a document that is a map.

    Raises
    ------
    InvalidInputError
        It is none, or uses what MLflow never writes.

    Examples
    --------
    >>> read(b"name: it''s\nid: '7'\nn: 7\ntags: []\na:\n  b: 'x\n\n    y'\n")
    {'name': "it''s", 'id': '7', 'n': 7, 'tags': [], 'a': {'b': 'x\ny'}}
    """
    if len(data) > MAX_BYTES:
        msg = f"it is larger than {MAX_BYTES >> 10} KiB"
        raise InvalidInputError(msg)
    try:
        lines = data.decode().split("\n")
    except UnicodeDecodeError:
        msg = "it is not UTF-8"
        raise InvalidInputError(msg) from None
    if len(lines) > MAX_LINES:
        msg = f"it has more than {MAX_LINES:,} lines"
        raise InvalidInputError(msg)
    reader = _Reader(lines)
    found = reader.block(0, depth=0)
    if not isinstance(found, dict) or reader.peek() is not None:
        msg = f"line {reader.at + 1} is not the YAML that MLflow writes"
        raise InvalidInputError(msg)
    return found


class _Reader:
    """Lines, and the one that is read next."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.at = 0

    def peek(self) -> tuple[int, str] | None:
        """Return indent and text of the next line that holds something; None at the end."""
        while self.at < len(self.lines):
            line = self.lines[self.at].rstrip("\r")
            text = line.lstrip(" ")
            if text.strip() and not text.startswith("#") and line.strip() not in {"---", "..."}:
                return len(line) - len(text), text
            self.at += 1
        return None

    def fail(self) -> InvalidInputError:
        """Return the error of the line that is read."""
        return InvalidInputError(f"line {self.at + 1} is not the YAML that MLflow writes")

    def block(self, indent: int, *, depth: int) -> object:
        """Read what stands at an indent or deeper: a map, or a list."""
        if depth > MAX_DEPTH:
            msg = "it is nested too deeply"
            raise InvalidInputError(msg)
        first = self.peek()
        if first is None or first[0] < indent:
            return {} if not depth else None
        is_list = first[1] == "-" or first[1].startswith("- ")
        return self._list(first[0], depth=depth) if is_list else self._map(first[0], depth=depth)

    def _map(self, indent: int, *, depth: int) -> dict[str, object]:
        found: dict[str, object] = {}
        while (line := self.peek()) is not None and line[0] == indent:
            match = _KEY.match(line[1])
            if match is None:
                raise self.fail()
            key = self._word(match["key"])
            found[str(key)] = self._value(line[1][match.end() :], indent=indent, depth=depth)
        return found

    def _list(self, indent: int, *, depth: int) -> list[object]:
        found: list[object] = []
        while (line := self.peek()) is not None and line[0] == indent:
            if line[1] != "-" and not line[1].startswith("- "):
                break
            rest = line[1][1:].lstrip(" ")
            if _KEY.match(rest):
                inner = indent + len(line[1]) - len(rest)
                self.lines[self.at] = " " * inner + rest
                found.append(self._map(inner, depth=depth + 1))
            else:
                found.append(self._value(rest, indent=indent, depth=depth))
        return found

    def _value(self, rest: str, *, indent: int, depth: int) -> object:
        """Read the value whose first line ends in ``rest``."""
        rest = rest.strip()
        self.at += 1
        if not rest or rest.startswith("#"):
            following = self.peek()
            is_list = following is not None and following[1].startswith("-")
            return self.block(indent if is_list else indent + 1, depth=depth + 1)
        if rest[0] in "|>":
            return self._literal(rest, indent=indent)
        if rest[0] in "'\"":
            return self._quoted(rest)
        if rest in {"[]", "{}"}:
            return [] if rest == "[]" else {}
        if rest[0] in "[{&*!%@`":
            self.at -= 1
            raise self.fail()
        while self._goes_on(indent):
            rest = _folded(rest, self.lines[self.at])
            self.at += 1
        return self._word(rest.strip())

    def _goes_on(self, indent: int) -> bool:
        """Say whether a plain scalar goes on: deeper lines, or empty ones before such."""
        for at in range(self.at, len(self.lines)):
            text = self.lines[at]
            if text.strip():
                return len(text) - len(text.lstrip(" ")) > indent
        return False

    def _quoted(self, rest: str) -> str:
        """Read a scalar in quotes, which may go over several lines."""
        mark = rest[0]
        ending = re.compile(
            r"'(?:[^']|'')*'(?!')" if mark == "'" else r'"(?:[^"\\]|\\.)*"', re.DOTALL
        )
        last = self.at + MAX_QUOTED_LINES
        while not (match := ending.match(rest)):
            if self.at >= min(len(self.lines), last):
                raise self.fail()
            rest = _folded(rest, self.lines[self.at], is_escaped=mark == '"')
            self.at += 1
        return str(self._word(match[0]))

    def _literal(self, mark: str, *, indent: int) -> str:
        taken: list[str] = []
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if line.strip() and len(line) - len(line.lstrip(" ")) <= indent:
                break
            taken.append(line)
            self.at += 1
        depths = [len(one) - len(one.lstrip(" ")) for one in taken if one.strip()]
        cut = min(depths, default=0)
        kept = [one[cut:] for one in taken]
        while kept and not kept[-1].strip():
            kept.pop()
        text = "\n".join(kept) if mark[0] == "|" else " ".join(kept)
        return text if "-" in mark else f"{text}\n"

    def _word(self, text: str) -> str | int | bool | None:
        if text.startswith("'"):
            return text[1:-1].replace("''", "'")
        if text.startswith('"'):
            return _unescaped(text[1:-1])
        plain = text.partition(" #")[0].rstrip()
        if plain.lower() in _WORDS:
            return _WORDS[plain.lower()]
        return int(plain) if _INTEGER.fullmatch(plain) else plain


def _folded(text: str, line: str, *, is_escaped: bool = False) -> str:
    """Join a line to a scalar: one break is a space, an empty line a break."""
    stripped = line.strip()
    if is_escaped and (len(text) - len(text.rstrip("\\"))) % 2:
        return text[:-1] + stripped
    if not stripped:
        return f"{text.rstrip(' ')}\n"
    return f"{text}{stripped}" if text.endswith("\n") else f"{text.rstrip(' ')} {stripped}"


def _unescaped(text: str) -> str:
    found: list[str] = []
    at = 0
    while at < len(text):
        if text[at] != "\\":
            found.append(text[at])
            at += 1
            continue
        mark = text[at + 1]
        if mark in _CODES:
            digits = text[at + 2 : at + 2 + _CODES[mark]]
            found.append(_character(digits))
            at += 2 + len(digits)
        else:
            found.append(_ESCAPES.get(mark, mark))
            at += 2
    return "".join(found).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _character(digits: str) -> str:
    try:
        return chr(int(digits, 16))
    except (ValueError, OverflowError):
        msg = "an escape names no character"
        raise InvalidInputError(msg) from None


def written(values: dict[str, object]) -> bytes:
    r"""Write a flat map as YAML that every reader of it knows: texts as JSON writes them.

    Examples
    --------
    >>> written({"name": "a: b", "n": 3, "end": None, "tags": []})
    b'name: "a: b"\nn: 3\nend: null\ntags: []\n'
    """
    lines = [f"{key}: {json.dumps(value)}" for key, value in values.items()]
    return "".join(f"{line}\n" for line in lines).encode()
