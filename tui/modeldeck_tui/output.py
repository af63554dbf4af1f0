"""What the command line prints: tables or JSON on stdout, narration on stderr.

Text is data: control sequences are made visible before anything reaches the terminal. A reader
that closes the pipe ends the printing, not the command. Colours appear only on a terminal.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import select
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TextIO

from modeldeck.errors import ModelDeckError, UnavailableError

_CODES = {"good": "32", "bad": "31", "warn": "33", "dim": "2", "bold": "1"}
_GAP = "  "
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_ROWS_AT_ONCE = 500
_LEAST_LONG = 1000
_MOST_LONG = 16 * 1024
_PLAIN = bytes(range(0x20, 0x7F)) + b"\n"
MOST_POINTED = 200
"""Characters of a line in which a caret shows where something is."""

_LEAST = 6


class Cell(NamedTuple):
    """A text with a style: good, bad, warn, dim, bold or none."""

    text: str
    style: str = ""


Row = Sequence[str | Cell]


class Printer:
    """Writes for one command; ``clean`` makes foreign text harmless."""

    def __init__(self, clean: Callable[[str], str]) -> None:
        self.is_json = False
        self.has_document = False
        self.is_closed = False
        self._clean = clean
        for stream in (sys.stdout, sys.stderr):
            if stream is not None and hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")

    @property
    def is_terminal(self) -> bool:
        """Whether stdout is a terminal."""
        return is_terminal(sys.stdout)

    def document(self, value: object) -> None:
        """Print the one JSON document of this command."""
        self.has_document = True
        self._write(sys.stdout, to_json(value, indent=2 if self.is_terminal else None))

    def record(self, value: object) -> None:
        """Print one of many JSON documents, each on a line of its own."""
        self.has_document = True
        self._write(sys.stdout, to_json(value))

    def line(self, *cells: str | Cell) -> None:
        """Print one line, put together from cells."""
        self._write(sys.stdout, "".join(self._styled(cell, sys.stdout) for cell in cells))

    def lines(self, rows: Iterable[Sequence[str | Cell]]) -> None:
        """Print many lines at once, each put together from cells."""
        if has_colours(sys.stdout):
            texts = [
                "".join([paint(self._cleaned(cell), has_colours=True) for cell in row])
                for row in rows
            ]
        else:
            cells = [[_text(cell) for cell in row] for row in rows]
            texts = ["".join(row) for row in cells]
            if not _are_plain(texts):
                texts = ["".join([self._cleaned_text(cell) for cell in row]) for row in cells]
        if texts:
            self._write(sys.stdout, "\n".join(texts))

    def data(self, data: bytes) -> None:
        """Print bytes as they are: into a file or a pipe, never to a terminal."""
        if sys.stdout is None or self.is_closed or self.is_terminal:
            return
        try:
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            self.is_closed = True
            _forget(sys.stdout)

    def table(
        self,
        headers: Sequence[str],
        rows: Iterable[Row] = (),
        *,
        columns: Sequence[Sequence[str | Cell]] = (),
        indent: str = "",
        empty: str = "",
    ) -> None:
        """Print rows, or columns, under headers, cut to a terminal's width, whole into a pipe.

        Without a row, ``empty`` is told in place of the table: what it is that is not there yet,
        and how it comes about.
        """
        given = columns or [*zip(*rows, strict=True)] or [()] * len(headers)
        if empty and not given[0]:
            self.say(empty)
            return
        columns = [[Cell(one, "dim"), *cells] for one, cells in zip(headers, given, strict=True)]
        texts = [self._cleaned_all(_texts(column)) for column in columns]
        widths = [_widest(column) for column in texts]
        if self.is_terminal:
            widths = fit(widths, shutil.get_terminal_size().columns - len(indent))
        if has_colours(sys.stdout):
            aligned = [
                [
                    _painted(Cell(text, _style(cell)), width)
                    for text, cell in zip(*both, strict=True)
                ]
                for both, width in zip(zip(texts, columns, strict=True), widths, strict=True)
            ]
        else:
            aligned = [*map(_aligned, texts, widths)]
        lines = [indent + _GAP.join(row).rstrip() for row in zip(*aligned, strict=True)]
        for at in range(0, len(lines), _ROWS_AT_ONCE):
            self._write(sys.stdout, "\n".join(lines[at : at + _ROWS_AT_ONCE]))

    def raw(self, text: str) -> None:
        """Print text that was made harmless already, as it is."""
        self._write(sys.stdout, text, end="")

    def fields(self, pairs: Iterable[tuple[str, str | Cell]]) -> None:
        """Print names with their values, leaving out the empty ones."""
        known = [(name, self._cleaned(value)) for name, value in pairs]
        shown = [(name, value) for name, value in known if value.text]
        width = max((len(name) for name, _value in shown), default=0)
        for name, value in shown:
            self.line(Cell(name.ljust(width), "dim"), _GAP, value)

    def title(self, text: str) -> None:
        """Print an empty line and a heading."""
        self.line()
        self.line(Cell(text, "bold"))

    def say(self, *cells: str | Cell) -> None:
        """Tell the person at the terminal something, on stderr."""
        self._write(sys.stderr, "".join(self._styled(cell, sys.stderr) for cell in cells))

    def status(self, text: str) -> None:
        """Show how far something is: on a terminal one line that is written again and again."""
        if is_terminal(sys.stderr):
            width = shutil.get_terminal_size().columns - 1
            self._write(sys.stderr, f"\r{cut(self._clean(text), width)}\x1b[K", end="")
        elif text:
            self.say(text)

    def error(self, error: ModelDeckError) -> int:
        """Report an error on stderr, and as the document when none was printed; give its code."""
        self.say(Cell("Error: ", "bad"), error.message)
        if error.hint:
            self.say(error.hint)
        if self.is_json and not self.has_document:
            self.document({"error": error_document(error)})
        return error.exit_code

    def reader_is_gone(self) -> bool:
        """Say whether nobody reads stdout any more."""
        if not self.is_closed and sys.stdout is not None:
            poll = select.poll()
            poll.register(sys.stdout.fileno(), 0)
            self.is_closed = any(event & select.POLLERR for _fd, event in poll.poll(0))
        return self.is_closed

    def _cleaned(self, cell: str | Cell) -> Cell:
        return Cell(self._cleaned_text(_text(cell)), _style(cell))

    def _cleaned_text(self, text: str) -> str:
        return _cleaned_line(text, self._clean)

    def _cleaned_all(self, texts: list[str]) -> list[str]:
        """Return the texts of a column, which together are nearly always plain."""
        if _are_plain(texts):
            return texts
        return [self._cleaned_text(text) for text in texts]

    def _styled(self, cell: str | Cell, stream: TextIO | None) -> str:
        return paint(self._cleaned(cell), has_colours=has_colours(stream))

    def _write(self, stream: TextIO | None, text: str, *, end: str = "\n") -> None:
        if stream is None or (stream is sys.stdout and self.is_closed):
            return
        try:
            stream.write(text + end)
            stream.flush()
        except BrokenPipeError:
            self.is_closed = self.is_closed or stream is sys.stdout
            _forget(stream)
        except OSError as error:
            _forget(stream)
            msg = f"The output could not be written: {error.strerror}."
            raise UnavailableError(msg, "What the command did stands all the same.") from None


def harmless_lines(data: bytes, clean: Callable[[str], str]) -> str | None:
    r"""Return lines of a file as they can be printed; None where each has to be looked at first.

    Those are bytes that are no UTF-8, carriage returns, and lines of more than 16 KiB.

    >>> harmless_lines(b"one\ntwo\x07", lambda text: text.replace("\x07", "!"))
    'one\ntwo!'
    """
    longest = max(map(len, data.split(b"\n")))
    if longest < _LEAST_LONG and data.isascii() and not data.translate(None, _PLAIN):
        return data.decode("ascii")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    if longest > _MOST_LONG or "\r" in text or "\ufeff" in text:
        return None
    return "\n".join([_cleaned_line(one, clean) for one in text.split("\n")])


def _cleaned_line(text: str, clean: Callable[[str], str]) -> str:
    if text.isascii() and text.isprintable() and len(text) <= _LEAST_LONG:
        return text
    return " ".join(clean(text).splitlines())


def _text(cell: str | Cell) -> str:
    return cell if isinstance(cell, str) else cell.text


def _are_plain(texts: Sequence[str]) -> bool:
    """Say whether no text needs cleaning; of many at once, as that is nearly always so."""
    together = "".join(texts)
    longest = max(map(len, texts), default=0)
    return together.isascii() and together.isprintable() and longest < _LEAST_LONG


def _texts(column: Iterable[str | Cell]) -> list[str]:
    return [cell if type(cell) is str else _text(cell) for cell in column]


def _style(cell: str | Cell) -> str:
    return "" if isinstance(cell, str) else cell.style


def _widest(texts: Sequence[str]) -> int:
    if "".join(texts).isascii():
        return len(max(texts, key=len))
    return max(map(cell_width, texts))


def _aligned(texts: Sequence[str], width: int) -> list[str]:
    """Return the texts of a column, each as wide as the column."""
    if _widest(texts) <= width and "".join(texts).isascii():
        return [*map(str.ljust, texts, itertools.repeat(width))]
    return [_padded(text, width) for text in texts]


def _padded(text: str, width: int) -> str:
    text = cut(text, width)
    return text + " " * (width - cell_width(text))


def _painted(cell: Cell, width: int) -> str:
    text = cut(cell.text, width)
    padding = " " * (width - cell_width(text))
    return paint(Cell(text, cell.style), has_colours=True) + padding


def _forget(stream: TextIO) -> None:
    """Send what is left of a stream nowhere, so that the interpreter's exit is quiet."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def is_terminal(stream: TextIO | None) -> bool:
    """Say whether a stream is a terminal."""
    return stream is not None and not stream.closed and stream.isatty()


def has_colours(stream: TextIO | None) -> bool:
    """Say whether a stream shows colours; https://no-color.org says how people decline them."""
    declined = os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") == "dumb"
    return is_terminal(stream) and not declined


def paint(cell: Cell, *, has_colours: bool) -> str:
    """Return a cell's text in its style's colour."""
    code = _CODES.get(cell.style, "")
    return f"\x1b[{code}m{cell.text}\x1b[0m" if code and has_colours and cell.text else cell.text


def cell_width(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def cut(text: str, width: int) -> str:
    """Return a text of at most so many columns, ending in … where something was cut."""
    if cell_width(text) <= width:
        return text
    kept = text[: max(0, width - 1)]
    while kept and cell_width(kept) > width - 1:
        kept = kept[:-1]
    return kept + "…"


def fit(widths: Sequence[int], room: int) -> list[int]:
    """Narrow the widest columns until a table fits into so many columns of the terminal.

    >>> fit([4, 60, 20], 50)
    [4, 22, 20]
    """
    found = list(widths)
    free = room - len(_GAP) * (len(found) - 1)
    while sum(found) > free and max(found) > _LEAST:
        at = found.index(max(found))
        others = sorted(found)[-2] if len(found) > 1 else 0
        found[at] = max(_LEAST, min(found[at] - 1, max(others, found[at] - sum(found) + free)))
    return found


def to_json(value: object, *, indent: int | None = None) -> str:
    r"""Return JSON in printable ASCII: every control character is an escape.

    >>> to_json({"name": "\x7fé", "loss": float("nan")})
    '{"name": "\\u007f\\u00e9", "loss": "NaN"}'
    """
    try:
        text = json.dumps(value, indent=indent, allow_nan=False)
    except ValueError:  # a number that JSON does not have
        text = json.dumps(_finite(value), indent=indent, allow_nan=False)
    return text.replace("\x7f", "\\u007f")


def _finite(value: object) -> object:
    """Return a value without the numbers that JSON does not have."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return value


def harmless(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula: such a text gets a quote before it.

    >>> harmless("=cmd()"), harmless("-0.5"), harmless("wine")
    ("'=cmd()", '-0.5', 'wine')
    """
    if len(text) < 2 or not text.startswith(_FORMULA):
        return text
    try:
        float(text)
    except ValueError:
        return f"'{text}"
    return text


def error_document(error: ModelDeckError) -> dict[str, object]:
    """Return an error as programs read it, with the things that it names."""
    return {
        "type": type(error).__name__,
        "message": error.message,
        "hint": error.hint,
        "exit_code": error.exit_code,
        **{name: value for name, value in error.data.items() if isinstance(value, str)},
    }


def number(value: object) -> str:
    """Return a number of a metric as people read it; empty without one.

    >>> number(0.98245614), number(3), number("NaN"), number(None)
    ('0.9825', '3', 'NaN', '')
    """
    if isinstance(value, bool) or not isinstance(value, float):
        return "" if value is None else str(value)
    return f"{value:.4g}"


def counted(count: int, what: str) -> str:
    """Return how many there are of something.

    >>> counted(1, "line"), counted(2000, "line")
    ('1 line', '2,000 lines')
    """
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def moment(at: str) -> str:
    """Return a time of a document as people read it, in UTC.

    >>> moment("2026-11-23T07:10:11.123456Z")
    '2026-11-23 07:10:11'
    """
    return at[:19].replace("T", " ")


def duration(seconds: float) -> str:
    """Return a duration as people read it.

    >>> duration(0.25), duration(75.0), duration(7260.0)
    ('0.2 s', '1 min 15 s', '2 h 01 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def size(n_bytes: float) -> str:
    """Return a size as people read it.

    >>> size(812), size(15_000), size(3_200_000)
    ('812 B', '15.0 kB', '3.2 MB')
    """
    for unit in ("B", "kB", "MB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} B" if unit == "B" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.1f} GB"


def write_bug_report(error: BaseException) -> Path:
    """Write a traceback into a file of the user's and return its path."""
    named = os.environ.get("XDG_STATE_HOME", "")
    base = Path(named) if named.startswith("/") else Path.home() / ".local" / "state"
    text = "".join(traceback.format_exception(error)).encode(errors="backslashreplace")
    name = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{os.getpid()}.txt"
    for folder in (base / "modeldeck" / "bugs", Path(tempfile.gettempdir())):
        path = folder / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        except OSError:
            continue
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
        return path
    return Path(os.devnull)
