r"""One regular expression for the values of a field that may pass a comparison.

Reading the fields of every line of 1 GB takes a minute. Most values are plain numbers, and of
those an expression can tell which are too small or too large: it finds the others, and the fields
of their lines decide. It may find a line in vain, and misses none.
"""

from __future__ import annotations

import math
import re

from modeldeck.domain.logs.query import FieldTest

_MOST = 10**15
_ROUNDED = 15
_END = {"=": rb'(?:[\s,;"\])]|(?m:$))', ":": rb'(?:[\s,;"\])}]|(?m:$))'}
_OTHER = {"=": rb'[\d.]*[^\d.\s,;"\])]', ":": rb'[\d.]*[^\d.\s,;"\])}]'}
_QUOTED_OTHER = rb'"[\d.]*(?:[^\d."\n]|(?m:$))'
_DOTS = rb"(?:\.|\d*\.\d*\.|\d*\.\d{15})"  # so many digits may be rounded to another number
_EMPTY = rb'(?:""|[\s,;\])]|(?m:$))'


def candidates(test: FieldTest) -> bytes | None:
    """Return an expression in RE2's syntax for the places whose lines may pass a comparison.

    None where lines without the field may. In lines of JSON names must stand as they are, without
    escapes.

    Examples
    --------
    >>> import re
    >>> found = candidates(FieldTest("status", ">=", "500"))
    >>> [bool(re.search(found, one)) for one in (b"status=503", b"status=404 x", b"status=no")]
    [True, False, True]
    """
    if not test.name.isascii() or test.sign == "!=":
        return None
    name = re.escape(test.name.rsplit(".", 1)[-1]).encode()
    any_value = name + rb'(?:=|"[ \t]*:)'
    number = _number(test.value)
    if number is None:
        if not (test.sign.startswith("=") and test.value.isascii()):
            return any_value
        text = re.escape(test.value).encode()
        return name + rb'(?:=|"[ \t]*:[ \t]*)(?:"?' + text + rb'|"[^"\n]*\\|[{\[])'
    if not math.isfinite(number) or abs(number) >= _MOST or (test.sign[0] == ">" and number <= 0):
        return any_value
    plain = _numerals(test.sign, number)
    forms = []
    for sign, start in (("=", b"="), (":", rb'"[ \t]*:[ \t]*')):
        ways = [_OTHER[sign], _QUOTED_OTHER, b'"?' + _DOTS, b'""']
        if plain:
            ways += [plain + _END[sign], b'"' + plain + b'"']
        if sign == "=":
            ways.append(_EMPTY)
        forms.append(start + b"(?:" + b"|".join(ways) + b")")
    return name + b"(?:" + b"|".join(forms) + b")"


def _number(value: str) -> float | None:
    try:
        return float(value) if len(value) <= 40 else None
    except ValueError:
        return None


def _numerals(sign: str, number: float) -> bytes:
    """Return which plain numbers may pass; empty for none. All of them are not negative."""
    if number < 0:
        return b""
    whole, rest = int(number), rb"(?:\.\d*)?"
    tenth = int((number - whole) * 10)
    if sign[0] == "=":
        return b"0*%d" % whole + rest
    if sign[0] == ">":
        if whole:
            return _at_least(whole) + rest
        return rb"0*(?:[1-9]\d*%b|%b)" % (rest, _fraction(number, tenth, is_more=True))
    if whole:
        return _at_most(whole) + rest
    return rb"0*(?:%b|\.)?" % _fraction(number, tenth, is_more=False)


def _fraction(number: float, tenth: int, *, is_more: bool) -> bytes:
    """Return which numbers behind a point are at least, or at most, those of one below 1.

    So few digits that two numbers which differ are never rounded to one another.
    """
    digits = repr(number).removeprefix("0.")
    if not digits.isdecimal() or len(digits) >= _ROUNDED:
        low, high = (max(0, tenth - 1), 9) if is_more else (0, min(9, tenth + 1))
        return rb"\.[%d-%d]\d*" % (low, high)
    ways = [digits.encode() + (rb"\d*" if is_more else b"0*")]
    for at, digit in enumerate(digits):
        low, high = (int(digit) + 1, 9) if is_more else (0, int(digit) - 1)
        if low <= high:
            ways.append(rb"%b[%d-%d]\d*" % (digits[:at].encode(), low, high))
        if at and not is_more:
            ways.append(digits[:at].encode())
    return rb"\.(?:" + b"|".join(ways) + b")"


def _at_least(number: int) -> bytes:
    digits = str(number)
    ways = [rb"[1-9]\d{%d,}" % len(digits), digits.encode()]
    for at, digit in enumerate(digits):
        if digit != "9":
            ways.append(_from(digits, at, low=int(digit) + 1, high=9))
    return b"0*(?:" + b"|".join(ways) + b")"


def _at_most(number: int) -> bytes:
    digits = str(number)
    ways = [rb"\d{0,%d}" % (len(digits) - 1), digits.encode()]
    for at, digit in enumerate(digits):
        if digit != "0":
            ways.append(_from(digits, at, low=0, high=int(digit) - 1))
    return b"0*(?:" + b"|".join(ways) + b")"


def _from(digits: str, at: int, *, low: int, high: int) -> bytes:
    return rb"%b[%d-%d]\d{%d}" % (digits[:at].encode(), low, high, len(digits) - at - 1)
