"""The filter language of lists: one line of text becomes a test of documents.

::

    word                 anywhere in what is known of the thing, as a part
    field:glob           a field is, or holds, that: status:failed, exp:tumour*, has:notes
    field>0.9            a number: > >= < <= = !=        acc>=0.9, depth=8
    re:acc.*9            a regular expression, anywhere in what is known of the thing
    since:7d until:1h    by age: s m h d w
    !word  not word      the contrary
    a b   a and b        both
    a or b   a | b       one of them
    (a or b) c           grouped

Field names are not case-sensitive. ``me`` stands for the person who asks, in fields of people.
A field that a document does not have fits nothing, and its contrary fits.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache, reduce
from typing import Any, NoReturn

from modeldeck import clock
from modeldeck.errors import InvalidInputError

Test = Callable[[Any], bool]
Field = Callable[[Any], object]

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<mark>[()|])
      | (?P<name>!?[\w.-]+)\s*(?P<sign>>=|<=|!=|=|>|<)\s*(?P<value>"[^"]*"|[^\s()|]+)
      | (?P<field>!?[A-Za-z_][\w.-]*):(?P<glob>"[^"]*"|[^\s()|]+)
      | (?P<word>!?"[^"]*"|[^\s()|]+)
    )""",
    re.VERBOSE,
)
_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "!=": operator.ne,
}
_UNFINISHED = re.compile(r"!?[\w.-]+(:|[<>=!]+)")
_AGE = re.compile(r"(\d+)([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
MAX_QUERY = 1000
_MAX_DEPTH = 32
_REMEMBERED = 1024


@dataclass(frozen=True, slots=True)
class Fields:
    """What a kind of document can be asked for.

    Parameters
    ----------
    text : callable
        Everything that a bare word is looked for in, in lower case.
    at : callable
        The time, as documents write it, that ``since:`` and ``until:`` compare.
    named : Mapping of str to callable
        Fields by name; each returns a text, a number, or texts of which one may fit.
    other : callable
        Returns what reads any other field, by its name; that gives None without it.
    people : frozenset of str
        Fields in which ``me`` stands for the person who asks.
    """

    text: Callable[[Any], str]
    at: Callable[[Any], str]
    named: Mapping[str, Field]
    other: Callable[[str], Field] = lambda _name: lambda _document: None
    people: frozenset[str] = frozenset()


def parse(query: str, fields: Fields, *, now: str, me: str = "") -> Test:
    """Return the test that a line of the filter language describes.

    Parameters
    ----------
    query : str
        The line; an empty one fits everything.
    fields : Fields
        What the documents can be asked for.
    now : str
        The time that ages count back from.
    me : str
        The person who asks.

    Raises
    ------
    InvalidInputError
        The line is not understood; ``position`` is the column of the error, from 0.

    Examples
    --------
    >>> some = Fields(lambda d: d["name"], lambda d: "", {"acc": lambda d: d["acc"]})
    >>> test = parse("tum acc>=0.9 or !tum", some, now="")
    >>> [test({"name": name, "acc": acc}) for name, acc in (("tum", 0.95), ("tum", 0.1), ("x", 0))]
    [True, False, True]
    """
    if len(query) > MAX_QUERY:
        _refuse(f"It is longer than {MAX_QUERY} characters.", MAX_QUERY)
    reader = _Reader(query, fields, now=now, me=me)
    test = reader.either()
    if reader.token is not None:
        _refuse("There is a ) without its (.", reader.position)
    return test


def _refuse(problem: str, position: int) -> NoReturn:
    msg = f"The filter is not understood. {problem}"
    hint = "As in: status:failed acc>0.9 exp:tumour* since:7d !forest (a or b)"
    raise InvalidInputError(msg, hint, position=position)


class _Reader:
    """Reads tokens from left to right: either := both (or both)*, both := one+."""

    def __init__(self, query: str, fields: Fields, *, now: str, me: str) -> None:
        self._query, self._fields = query, fields
        self._now, self._me = now, me
        self._end = 0
        self._depth = 0
        self.position = 0
        self.token: re.Match[str] | None = None
        self._next()

    def _next(self) -> None:
        rest = self._query[self._end :]
        if not rest.strip():
            self.token, self.position = None, len(self._query)
            return
        self.token = _TOKEN.match(self._query, self._end)
        if self.token is None:  # a lone quote
            _refuse("A quote is not closed.", self._end)
        self.position = self._end + len(rest) - len(rest.lstrip())
        self._end = self.token.end()

    def _is(self, *words: str) -> bool:
        return self.token is not None and self.token[0].strip().lower() in words

    def either(self) -> Test:
        tests = [self._both()]
        while self._is("or", "|"):
            self._next()
            if self.token is None or self._is("or", "|", ")"):
                _refuse("Something has to stand after 'or'.", self.position)
            tests.append(self._both())
        return reduce(_one_of, tests)

    def _both(self) -> Test:
        tests: list[Test] = []
        while self.token is not None and not self._is("or", "|", ")"):
            if self._is("and"):
                self._next()
                continue
            tests.append(self._one())
        return reduce(_both_of, tests) if tests else lambda _one: True

    def _one(self) -> Test:
        token = self.token
        if token is None:
            _refuse("Something has to stand after 'not'.", self.position)
        if self._is("not"):
            self._next()
            return _contrary(self._one())
        if self._is("("):
            return self._group()
        is_contrary, test = self._simple(token)
        self._next()
        return _contrary(test) if is_contrary else test

    def _group(self) -> Test:
        opened = self.position
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            _refuse("It is nested too deeply.", opened)
        self._next()
        test = self.either()
        if not self._is(")"):
            _refuse("A ( is not closed.", opened)
        self._depth -= 1
        self._next()
        return test

    def _simple(self, token: re.Match[str]) -> tuple[bool, Test]:
        if token["name"]:
            name = token["name"].removeprefix("!")
            value = token["value"].strip('"')
            test = self._compared(name, token["sign"], value=value)
            return token["name"].startswith("!"), test
        if token["field"]:
            name = token["field"].removeprefix("!")
            test = self._named(name.lower(), token["glob"].strip('"'))
            return token["field"].startswith("!"), test
        word = token["word"]
        unfinished = _UNFINISHED.fullmatch(word)
        if unfinished:
            _refuse(f"A value has to stand after {unfinished[1]!r}.", self._end)
        wanted = word.removeprefix("!").strip('"').lower()
        text = self._fields.text
        return word.startswith("!") and word != "!", lambda one: wanted in text(one)

    def _value_of(self, name: str) -> Field:
        known = self._fields.named.get(name.lower())
        if known is not None:
            return known
        return self._fields.other(name)

    def _compared(self, name: str, sign: str, *, value: str) -> Test:
        compare, field = _SIGNS[sign], self._value_of(name)
        try:
            number = float(value)
        except ValueError:
            if sign not in {"=", "!="}:
                _refuse(f"{value[:40]!r} is no number.", self.position)
            wanted = value.lower()
            return lambda one: compare(str(field(one)).lower(), wanted)

        def test(one: object) -> bool:
            found = field(one)
            if isinstance(found, float):
                return compare(found, number)
            return type(found) is int and compare(found, number)

        return test

    def _named(self, name: str, glob: str) -> Test:
        if name in {"since", "until"}:
            return self._aged(name, glob)
        if name == "re":
            return self._matched(glob)
        if glob.lower() == "me" and name in self._fields.people:
            glob = self._me
        pattern = re.compile(glob_to_regex(glob), re.IGNORECASE)
        field = self._value_of(name)

        @lru_cache(maxsize=_REMEMBERED)  # experiments, people and states recur in long lists
        def matches(text: str) -> bool:
            return pattern.fullmatch(text) is not None

        def test(one: object) -> bool:
            found = field(one)
            if isinstance(found, str):
                return matches(found)
            if found is None:
                return False
            values: Iterable[object] = (
                found if isinstance(found, list | tuple | set | dict) else (found,)
            )
            return any(matches(str(value)) for value in values)

        return test

    def _matched(self, expression: str) -> Test:
        text = self._fields.text
        try:
            search = re.compile(expression, re.IGNORECASE).search
        except (re.error, OverflowError) as error:
            _refuse(f"{expression[:40]!r} is no regular expression: {error}.", self.position)
        return lambda one: search(text(one)) is not None

    def _aged(self, name: str, value: str) -> Test:
        found = _AGE.fullmatch(value.lower())
        at = self._fields.at
        if found is None and not re.match(r"\d{4}-\d\d", value):
            problem = f"{value[:40]!r} is no age (such as 30m, 7d) and no date."
            _refuse(problem, self.position)
        limit = value
        if found is not None and self._now:
            try:
                age = timedelta(**{_UNITS[found[2]]: int(found[1])})
                limit = clock.to_text(clock.from_text(self._now) - age)
            except OverflowError:
                _refuse(f"{value[:40]!r} is too long ago.", self.position)
        if name == "since":
            return lambda one: at(one) >= limit
        return lambda one: at(one) < limit


def _contrary(test: Test) -> Test:
    return lambda one: not test(one)


def _both_of(first: Test, second: Test) -> Test:
    return lambda one: first(one) and second(one)


def _one_of(first: Test, second: Test) -> Test:
    return lambda one: first(one) or second(one)


def glob_to_regex(glob: str) -> str:
    r"""Return the regular expression of a glob: ``*`` any text, ``?`` one character.

    >>> glob_to_regex("tum*.1")
    'tum.*\\.1'
    """
    return "".join(".*" if one == "*" else "." if one == "?" else re.escape(one) for one in glob)
