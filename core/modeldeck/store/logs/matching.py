"""Looking for words in bytes, many lines at a time, without decoding them.

Texts are found by ``bytes.find``. Regular expressions are RE2's: it takes a time that grows with
the text alone, whatever the expression, and lets other threads run meanwhile; in return it has
neither look-around nor references to groups. RE2 is loaded with the first expression.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Protocol

from modeldeck.domain.logs.comparing import candidates
from modeldeck.domain.logs.fields import of_line
from modeldeck.domain.logs.heads import Head
from modeldeck.domain.logs.query import Query, Words
from modeldeck.errors import InvalidInputError

Span = tuple[int, int]
Buffer = bytes | bytearray

_META = frozenset("\\.^$*+?{}[]|()")
_MAX_MEMORY = 16 << 20
_HIDDEN = re.compile(rb"\\u00[0-7]")
"""A letter of ASCII within JSON, where a name could be written with it."""


class Finder(Protocol):
    """Finds one thing in a block of whole lines."""

    is_all: bool
    """Whether it is found in every line."""

    def at(self, block: Buffer, start: int) -> int:
        """Return where it is found at or after a place; -1 for nowhere."""

    def spans(self, line: bytes) -> Iterator[Span]:
        """Yield where it is in one line."""


class _Literal:
    is_all = False

    def __init__(self, text: bytes) -> None:
        self._text = text

    def at(self, block: Buffer, start: int) -> int:
        return block.find(self._text, start)

    def spans(self, line: bytes) -> Iterator[Span]:
        at = line.find(self._text)
        while at >= 0:
            yield at, at + len(self._text)
            at = line.find(self._text, at + len(self._text))


class _Expression:
    def __init__(self, expression: str, *, has_case: bool) -> None:
        self._compiled = compiled(expression, has_case=has_case)
        self._search = self._compiled.search
        self._is_of_lines = any(one in expression for one in ("$", "^", "\\A", "\\z", "\\Z"))
        self.is_all = not self._is_of_lines and self._search(b"") is not None
        is_simple = not any(one in expression for one in ("\\A", "\\z", "\\Z"))
        self._in_blocks = compiled(f"(?m){expression}", has_case=has_case) if is_simple else None
        self._block: Buffer = b""
        self._has_returns = False

    def at(self, block: Buffer, start: int) -> int:
        search = self._search
        if self._is_of_lines:
            if self._in_blocks is None or self._is_of_returns(block):
                return self._by_line(block, start)
            search = self._in_blocks.search
        found = search(block, start)
        if found is None or (found.start() == len(block) and block.endswith(b"\n")):
            return -1
        return int(found.start())

    def _is_of_returns(self, block: Buffer) -> bool:
        """Say whether lines of a block may end in a carriage return, which is no part of them."""
        if block is not self._block:
            self._block, self._has_returns = block, b"\r" in block
        return self._has_returns

    def _by_line(self, block: Buffer, start: int) -> int:
        """Look line by line, as an expression asks for a line's beginning or end."""
        search = self._search
        while start < len(block):
            stop = block.find(b"\n", start)
            stop = len(block) if stop < 0 else stop
            line = block[start:stop]
            if search(line.removesuffix(b"\r")) is not None:
                return start
            start = stop + 1
        return -1

    def spans(self, line: bytes) -> Iterator[Span]:
        for found in self._compiled.finditer(line.removesuffix(b"\r")):
            if found.end() > found.start():
                yield found.start(), found.end()


class _Compared:
    """Finds lines whose field may pass a comparison; their fields then decide."""

    is_all = False

    def __init__(self, expression: bytes) -> None:
        self._search = compiled(expression, is_of_blocks=True).search
        self._block: Buffer = b""
        self._is_hidden = False

    def at(self, block: Buffer, start: int) -> int:
        if block is not self._block:
            self._block = block
            # one byte is looked for ten times as fast as two
            is_escaped = b"\\" in block and _HIDDEN.search(block) is not None
            self._is_hidden = is_escaped or (b"\0" in block and b"{\0" in block)
        if self._is_hidden:  # names may be written in another way: each line is looked at
            return start
        found = self._search(block, start)
        return -1 if found is None else int(found.start())

    def spans(self, line: bytes) -> Iterator[Span]:  # noqa: ARG002 -- as the others
        yield from ()


def compiled(expression: str | bytes, *, has_case: bool = True, is_of_blocks: bool = False) -> Any:  # noqa: ANN401 -- RE2's own
    """Compile a regular expression with RE2, for one line or for a block of lines.

    Raises
    ------
    InvalidInputError
        It is none, or one that RE2 does not have.
    """
    import re2

    data = expression.encode() if isinstance(expression, str) else expression
    options = re2.Options()
    options.never_nl = not is_of_blocks
    options.log_errors = False
    options.max_mem = _MAX_MEMORY
    options.case_sensitive = has_case
    if data.isascii():  # then a dot is any byte, also one that is no UTF-8
        options.encoding = re2.Options.Encoding.LATIN1
    try:
        return re2.compile(data, options)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        msg = f"{data.decode(errors='replace')[:80]!r} is no regular expression: {text[:120]}."
        hint = "A backslash takes a sign for itself; look-around and references are not to be had."
        raise InvalidInputError(msg, hint) from None


class Pattern:
    """A person's own expression for the beginning of a line, with named groups."""

    def __init__(self, expression: bytes) -> None:
        made = compiled(expression)
        self.match = made.match
        self.groupindex = {name.decode(): number for name, number in made.groupindex.items()}


def finder(words: Words) -> Finder:
    r"""Return what finds words.

    Raises
    ------
    InvalidInputError
        They are no regular expression.

    Examples
    --------
    >>> finder(Words("slow")).at(b"quick\nSlow\n", 0)
    6
    """
    text = words.text
    is_plain = not words.is_regex or not _META & set(text)
    is_exact = words.is_exact or text.lower() == text.upper()
    if is_plain and is_exact:
        return _Literal(text.encode(errors="surrogateescape"))
    if not is_plain:
        return _Expression(text, has_case=is_exact)
    import re2

    return _Expression(re2.escape(text), has_case=is_exact)


class Matcher:
    """A query, ready to be asked of many lines.

    Parameters
    ----------
    query : Query
        What is asked.

    Attributes
    ----------
    asks_of_text : bool
        Whether texts or fields decide.

    Raises
    ------
    InvalidInputError
        A regular expression in it is none.
    """

    def __init__(self, query: Query) -> None:
        self.query = query
        keep = [finder(one) for one in query.keep]
        self._keep = [one for one in keep if not one.is_all]
        self._hide = [finder(one) for one in query.hide]
        leads = [*sorted(self._keep, key=lambda one: isinstance(one, _Expression))]
        found = [candidates(one) for one in query.fields]
        leads += [_Compared(one) for one in found if one is not None]
        self._lead = leads[0] if leads else None
        self._in_blocks: dict[bytes, Any] = {}
        self.asks_of_text = bool(query.keep or query.hide or query.fields)
        self._is_one = (
            self._lead is not None and len(self._keep) == 1 and not (self._hide or query.fields)
        )

    @property
    def has_lead(self) -> bool:
        """Whether some bytes must be in a line, so that most of a file is passed over quickly."""
        return self._lead is not None

    def lines(self, block: Buffer) -> Iterator[Span]:
        """Yield where lines are whose text passes, one or several, in a block of whole lines."""
        if self._lead is None and len(self._hide) == 1 and not self.query.fields:
            yield from self._between(block)
            return
        if self._lead is None:
            every = self.spans(block)
            yield from (one for one in every if self.passes(bytes(block[one[0] : one[1]])))
            return
        at = self._lead.at
        found = at(block, 0)
        while found >= 0:
            start = block.rfind(b"\n", 0, found) + 1
            stop = block.find(b"\n", found)
            stop = len(block) if stop < 0 else stop
            if self._is_one or self.passes(bytes(block[start:stop])):
                yield start, stop
            found = at(block, stop + 1) if stop + 1 < len(block) else -1

    def _between(self, block: Buffer) -> Iterator[Span]:
        """Yield what is between the lines that are hidden: any number of lines together."""
        hidden = self._hide[0]
        at, end = 0, len(block) - block.endswith(b"\n")
        while at <= end and at < len(block):
            found = at if hidden.is_all else hidden.at(block, at)
            start = block.rfind(b"\n", at, found) + 1 if found >= 0 else end + 1
            start = max(at, start)
            if start > at:
                yield at, start - 1
            if found < 0:
                return
            stop = block.find(b"\n", max(found, start))
            at = stop + 1 if stop >= 0 else len(block)

    @staticmethod
    def spans(block: Buffer) -> Iterator[Span]:
        """Yield where every line of a block is."""
        start = 0
        while start < len(block):
            stop = block.find(b"\n", start)
            stop = len(block) if stop < 0 else stop
            yield start, stop
            start = stop + 1

    def passes(self, line: bytes) -> bool:
        """Say whether the text and the fields of one line pass."""
        if any(one.at(line, 0) < 0 for one in self._keep):
            return False
        if any(one.is_all or one.at(line, 0) >= 0 for one in self._hide):
            return False
        if not self.query.fields:
            return True
        fields = of_line(line)
        return all(test.holds(fields) for test in self.query.fields)

    def in_blocks(self, expression: bytes) -> Any:  # noqa: ANN401 -- RE2's own
        """Return an expression for blocks of lines, which is compiled once."""
        if expression not in self._in_blocks:
            self._in_blocks[expression] = compiled(expression, is_of_blocks=True)
        return self._in_blocks[expression]

    def fits(self, line: bytes, head: Head) -> bool:
        """Say whether a line passes, its level and time with it."""
        return self.query.fits(head) and self.passes(line)

    def marks(self, line: bytes) -> list[Span]:
        """Return where in a line the words are, to highlight them; sorted."""
        return sorted(span for one in self._keep for span in one.spans(line))
