"""The filter language of lists: one line of text becomes a test of documents.

::

    word                 anywhere in what is known of the thing, as a part
    field:glob           a field is, or holds, that: status:failed, exp:tumour*, has:notes
    field>0.9            a number: > >= < <= = !=        acc>=0.9, depth=8, duration>5m
    field=text           a text, whole: status=failed, kernel!=rbf, user=me
    re:acc.*9            a regular expression, anywhere in what is known of the thing
    since:7d until:1h    by age: s m h d w; also age<7d
    !word  not word      the contrary
    a b   a and b        both
    a or b   a | b       one of them
    (a or b) c           grouped; "and" binds closer than "or"

Names of fields are not case-sensitive, those of metrics, parameters and tags are. Names and values
with spaces stand in quotes. ``me`` stands for the person who asks, in fields of people. A field
that a document does not have fits nothing, and its contrary fits. A number that is NaN fits no
comparison but ``=NaN``.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache, reduce
from typing import Any, NoReturn

from modeldeck import clock
from modeldeck.errors import InvalidInputError

Test = Callable[[Any], bool]
Field = Callable[[Any], object]

_QUOTED = r"""(?:"[^"]*"|'[^']*'(?=[\s()|]|$))"""
_TOKEN = re.compile(
    rf"""\s*(?:
        (?P<mark>[()]|\|\|?|&&?(?=\s))
      | (?P<name>!?(?:[\w.@/-]|"[^"]+")+)\s*(?P<sign>>=|<=|!=|==?|>|<)\s*
        (?P<value>{_QUOTED}|[^\s()|]+)
      | (?P<field>!?[A-Za-z_](?:[\w./-]|"[^"]+")*):(?P<glob>{_QUOTED}|[^\s()|]+)
      | (?P<word>!?{_QUOTED}|[^\s()|]+)
    )""",
    re.VERBOSE,
)
_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
}
_EQUALITY = frozenset({"=", "==", "!="})
_OR, _AND = ("or", "|", "||"), ("and", "&", "&&")
_UNFINISHED = re.compile(r"!?[\w./@-]*(:|[<>=!]+)")
_AGE = re.compile(r"(\d+)([smhdw])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_NON_FINITE = {"Infinity": math.inf, "-Infinity": -math.inf}
_OWN = ("age", "re", "since", "until")
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
    other : callable or None
        Returns what reads any other field, by its name; that gives None without it. With None there
        are no other fields.
    people : frozenset of str
        Fields in which ``me`` stands for the person who asks.
    spans : frozenset of str
        Fields of seconds, whose values may be written as ``5m``.
    times : frozenset of str
        Fields of times, whose values are dates or times.
    prefixes : frozenset of str
        What may stand before the name of another field, as in ``metrics.acc``.
    """

    text: Callable[[Any], str]
    at: Callable[[Any], str]
    named: Mapping[str, Field]
    other: Callable[[str], Field] | None = None
    people: frozenset[str] = frozenset()
    spans: frozenset[str] = frozenset()
    times: frozenset[str] = frozenset()
    prefixes: frozenset[str] = frozenset()


def parse(
    query: str, fields: Fields, *, now: str, me: str = "", known: Collection[str] = ()
) -> Test:
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
    known : collection of str
        The names of other fields that there are: a name that is none of them is refused, unless
        one of the prefixes stands before it, or there are none.

    Raises
    ------
    InvalidInputError
        The line is not understood; ``position`` is the column of the error, from 0, and ``nearest``
        the field that may have been meant, empty for none.

    Examples
    --------
    >>> some = Fields(lambda d: d["name"], lambda d: "", {"acc": lambda d: d["acc"]})
    >>> test = parse("tum acc>=0.9 or !tum", some, now="")
    >>> [test({"name": name, "acc": acc}) for name, acc in (("tum", 0.95), ("tum", 0.1), ("x", 0))]
    [True, False, True]
    """
    if len(query) > MAX_QUERY:
        _refuse(f"It is longer than {MAX_QUERY} characters.", MAX_QUERY)
    reader = _Reader(query, fields, now=now, me=me, known=known)
    test = reader.either()
    if reader.token is not None:
        _refuse("There is a ) without its (.", reader.position)
    return test


def asked(query: str, field: str) -> frozenset[str]:
    """Return the values that a line asks a field for, as far as it can be read.

    >>> sorted(asked("acc>0.9 and not is:archived or is=deleted 'is:x'", "is"))
    ['archived', 'deleted']
    """
    tokens = list(_TOKEN.finditer(query[:MAX_QUERY]))
    globs = {one["glob"] for one in tokens if (one["field"] or "").lstrip("!").lower() == field}
    values = {one["value"] for one in tokens if (one["name"] or "").lstrip("!").lower() == field}
    return frozenset(_unquoted(one).lower() for one in globs | values)


def names(query: str) -> list[str]:
    """Return the names of fields in a line, as far as it can be read.

    >>> names("metrics.acc>0.9 or not status:failed word")
    ['metrics.acc', 'status']
    """
    tokens = _TOKEN.finditer(query[:MAX_QUERY])
    found = (one["name"] or one["field"] or "" for one in tokens)
    return [one.removeprefix("!").replace('"', "") for one in found if one]


def _refuse(problem: str, position: int, *, nearest: str = "") -> NoReturn:
    msg = f"The filter is not understood. {problem} (column {position + 1})"
    hint = "As in: status:failed acc>0.9 exp:tumour* since:7d !forest (a or b)"
    raise InvalidInputError(msg, hint, position=position, nearest=nearest)


def nearest(name: str, names: Iterable[str]) -> str:
    """Return the one of some names that somebody may have meant; empty for none.

    >>> nearest("metrics.acu", ["metrics.auc", "status"]), nearest("STATUS", ["status"])
    ('metrics.auc', 'status')
    """
    from difflib import get_close_matches

    by_letters = {one.lower(): one for one in names}
    found = get_close_matches(name.lower(), by_letters, n=1, cutoff=0.5)
    return by_letters[found[0]] if found else ""


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    return text


class _Reader:
    """Reads tokens from left to right: either := both (or both)*, both := one+."""

    def __init__(
        self, query: str, fields: Fields, *, now: str, me: str, known: Collection[str]
    ) -> None:
        self._query, self._fields = query, fields
        self._now, self._me, self._known = now, me, known
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

    def _need_more(self, word: str) -> None:
        if self.token is None or self._is(*_OR, *_AND, ")"):
            _refuse(f"Something has to stand after {word!r}.", self.position)

    def either(self) -> Test:
        if self._is(*_OR):
            _refuse("Something has to stand before 'or'.", self.position)
        tests = [self._both()]
        while self._is(*_OR):
            self._next()
            self._need_more("or")
            tests.append(self._both())
        return reduce(_one_of, tests)

    def _both(self) -> Test:
        tests: list[Test] = []
        while self.token is not None and not self._is(*_OR, ")"):
            if self._is(*_AND):
                if not tests:
                    _refuse("Something has to stand before 'and'.", self.position)
                self._next()
                self._need_more("and")
                continue
            tests.append(self._one())
        return reduce(_both_of, tests) if tests else lambda _one: True

    def _one(self) -> Test:
        token = self.token
        if token is None or self._is(*_OR, *_AND, ")"):
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
        if self._is(")"):
            _refuse("Something has to stand between ( and ).", self.position)
        test = self.either()
        if not self._is(")"):
            _refuse("A ( is not closed.", opened)
        self._depth -= 1
        self._next()
        return test

    def _simple(self, token: re.Match[str]) -> tuple[bool, Test]:
        if token["name"]:
            name = token["name"].removeprefix("!").replace('"', "")
            test = self._compared(name, token["sign"], value=_unquoted(token["value"]))
            return token["name"].startswith("!"), test
        if token["field"]:
            name = token["field"].removeprefix("!").replace('"', "")
            test = self._named(name, _unquoted(token["glob"]))
            return token["field"].startswith("!"), test
        word = token["word"]
        unfinished = _UNFINISHED.fullmatch(word)
        if unfinished and word != unfinished[1]:
            _refuse(f"A value has to stand after {unfinished[1]!r}.", self._end)
        if unfinished and word != "!":
            _refuse(f"A name has to stand before {word[:9]!r}, a value after it.", self.position)
        wanted = _unquoted(word.removeprefix("!")).strip('"').lower()
        text = self._fields.text
        return word.startswith("!") and word != "!", lambda one: wanted in text(one)

    def _value_of(self, name: str) -> Field:
        fields = self._fields
        named = fields.named.get(name.lower())
        if named is not None:
            return named
        prefix, dot, rest = name.partition(".")
        names = self._known if fields.other is not None else ()
        if fields.other is not None:
            if dot and rest and prefix.lower() in fields.prefixes:
                return fields.other(f"{prefix.lower()}.{rest}")
            if not names or name in names:
                return fields.other(name)
        likely = nearest(name, [*fields.named, *_OWN, *self._spelled(names, has_dot=bool(dot))])
        meant = f"; {likely} is the nearest" if likely else ""
        _refuse(f"There is no field {name[:40]!r}{meant}.", self.position, nearest=likely)

    def _spelled(self, names: Collection[str], *, has_dot: bool) -> list[str]:
        """Return names as they may be typed: with their kind before them where a dot was typed."""
        kinds = ("metrics", "params", "tags") if has_dot else ()
        return [*names, *(f"{kind}.{one}" for kind in kinds for one in names)]

    def _compared(self, name: str, sign: str, *, value: str) -> Test:
        plain = name.lower()
        if plain == "age":
            return self._younger(sign, value)
        field = self._value_of(name)
        if plain in self._fields.times:
            return self._timed(field, sign, value=value)
        if plain in self._fields.people and value.lower() == "me":
            value = self._me
        age = _AGE.fullmatch(value.lower()) if plain in self._fields.spans else None
        try:
            number = _seconds(age) if age is not None else float(value)
        except ValueError:
            number = math.nan
        if math.isnan(number):
            if sign not in _EQUALITY:
                _refuse(f"{value[:40]!r} is no number.", self.position)
            return _texts_compared(field, sign, wanted=value.lower())
        return _numbers_compared(field, sign, number=number, text=value.lower())

    def _younger(self, sign: str, value: str) -> Test:
        age = _AGE.fullmatch(value.lower())
        if age is None or sign in _EQUALITY:
            _refuse("An age is compared as in age<7d, age>=30m.", self.position)
        limit, at = self._before(age, value), self._fields.at
        compare = _SIGNS[sign.translate(str.maketrans("<>", "><"))]
        return lambda one: bool(at(one)) and compare(at(one), limit)

    def _timed(self, field: Field, sign: str, *, value: str) -> Test:
        if not re.match(r"\d{4}-\d\d", value):
            _refuse(f"{value[:40]!r} is no date, such as 2026-11-23.", self.position)
        if sign in _EQUALITY:
            is_it = sign != "!="
            return lambda one: bool(field(one)) and str(field(one)).startswith(value) is is_it
        compare = _SIGNS[sign]
        return lambda one: bool(field(one)) and compare(str(field(one)), value)

    def _before(self, age: re.Match[str], value: str) -> str:
        try:
            return clock.to_text(clock.from_text(self._now) - timedelta(seconds=_seconds(age)))
        except OverflowError:
            _refuse(f"{value[:40]!r} is too long ago.", self.position)

    def _named(self, name: str, glob: str) -> Test:
        plain = name.lower()
        if plain in {"since", "until"}:
            return self._aged(plain, glob)
        if plain == "re":
            return self._matched(glob)
        if plain == "age":
            _refuse("An age is compared as in age<7d, age>=30m.", self.position)
        if glob.lower() == "me" and plain in self._fields.people:
            glob = self._me
        pattern = re.compile(glob_to_regex(glob), re.IGNORECASE | re.DOTALL)
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
            limit = self._before(found, value)
        if name == "since":
            return lambda one: at(one) >= limit
        return lambda one: at(one) < limit


def _seconds(age: re.Match[str]) -> float:
    try:
        return float(int(age[1]) * _UNITS[age[2]])
    except OverflowError:
        return math.inf


def _numbers_compared(field: Field, sign: str, *, number: float, text: str) -> Test:
    """Compare with a number; a text is equal to it only letter by letter, NaN fits nothing."""
    compare, is_equality = _SIGNS[sign], sign in _EQUALITY
    as_texts = _texts_compared(field, sign, wanted=text)

    def test(one: object) -> bool:
        found = field(one)
        if type(found) is float or type(found) is int:
            return compare(found, number)
        if type(found) is str:
            if found in _NON_FINITE:
                return compare(_NON_FINITE[found], number)
            return is_equality and found != "NaN" and compare(found.lower(), text)
        return is_equality and isinstance(found, list) and as_texts(one)

    return test


def _texts_compared(field: Field, sign: str, *, wanted: str) -> Test:
    """Compare whole texts; of several one has to be equal, or none when it may not be."""
    is_wanted = sign != "!="

    def test(one: object) -> bool:
        found = field(one)
        if isinstance(found, list):
            return any(str(each).lower() == wanted for each in found) is is_wanted
        return found is not None and (str(found).lower() == wanted) is is_wanted

    return test


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
