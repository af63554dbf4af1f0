"""One ledger entry: its bytes, its strict reading, and the bytes that a signature covers.

The file of entry ``n`` is ``.modeldeck/ledger/<n, ten digits>.json``: one JSON object in compact
form with sorted keys, in UTF-8, ending in a newline::

    {"action":"release.vote","at":"2026-11-23T07:10:11.123456Z","body":{…},"by":"alice",
     "head":"<digest of the entry that the author saw last>","host":"gpu01","id":"<unique>","n":42,
     "prev":"<digest of entry 41>","signature":"<SSH signature, or empty>",
     "subject":"release:churn-12","v":1,"workspace":"<digest of entry 1>"}

- A *digest* is the SHA-256 of stored bytes, in hex; nothing is ever serialised again to get one.
- ``n`` counts from 1. ``prev`` of entry 1 is 64 zeros; its ``workspace`` and ``head`` are empty.
- Values are texts, whole numbers within ±(2^53-1), true, false, lists and objects; numbers with a
  fraction are written as texts ("0.95"). Duplicate keys, U+007F, lone surrogates and other
  numbers are refused, so that ``jq -cjS`` prints the signed bytes of an entry exactly.
- A *signature* covers ``{action, body, by, head, id, subject, workspace}``, not n, prev and at: who
  lost a race for a number does not have to sign again.
- An entry of more than 64 KiB is void.
- ``v`` is the version of the rules that the entry follows: 1, until a ``workspace.upgrade`` entry
  of the owners raises it. An entry of any other version than that in force is void.
- Bytes that hold the same values in another form (another encoding, a byte order mark, spaces,
  keys in another order) are no entry.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from modeldeck.clock import is_instant
from modeldeck.errors import DamageError, InvalidInputError

VERSION = 1
MAX_BYTES = 1 << 16
NO_PREV = "0" * 64
_MAX_INT = 2**53 - 1
_MAX_DEPTH = 32
_TEXTS = ("action", "at", "by", "head", "host", "id", "prev", "signature", "subject", "workspace")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
_NO_NUMBERS = frozenset({str, bool})
_FORBIDDEN = re.compile("[\x7f\ud800-\udfff]")
_COMPACT = orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE

Json = str | int | bool | list["Json"] | dict[str, "Json"]
"""What an entry's body may hold."""


class Entry(NamedTuple):
    """One entry as it was read, its fields in the order of the file.

    ``digest`` is of its stored bytes, ``size`` their number.
    """

    action: str
    at: str
    body: Mapping[str, Json]
    by: str
    head: str
    host: str
    id: str
    n: int
    prev: str
    signature: str
    subject: str
    v: int
    workspace: str
    digest: str
    size: int


_ORDER = Entry._fields[:-2]
_KINDS = tuple({"body": dict, "n": int, "v": int}.get(name, str) for name in _ORDER)
_FIELDS = frozenset(_ORDER)


@dataclass(frozen=True, slots=True)
class Intent:
    """What somebody wants recorded, before it has a number: exactly what a signature covers."""

    id: str
    by: str
    action: str
    subject: str
    body: Mapping[str, Json]
    workspace: str
    head: str
    signature: str = ""


def digest_of(data: bytes) -> str:
    """Return the SHA-256 of bytes in hex."""
    return hashlib.sha256(data).hexdigest()


def is_digest(text: object) -> bool:
    """Say whether a value is a SHA-256 in hex."""
    return isinstance(text, str) and _DIGEST.fullmatch(text) is not None


def is_time(text: str) -> bool:
    """Say whether a text names a real time in the one form that entries hold, in ASCII digits."""
    return text.isascii() and is_instant(text)


def canonical(value: Json) -> bytes:
    """Write a value as ``jq -cjS`` does: compact, keys sorted, UTF-8, no newline at the end.

    Raises
    ------
    InvalidInputError
        The value holds something that an entry may not hold.

    Examples
    --------
    >>> canonical({"b": 1, "a": ["é", True]}).decode()
    '{"a":["é",true],"b":1}'
    """
    if _is_plain(value, 0):
        with contextlib.suppress(TypeError):  # of half a character, or a key that is no text
            data = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
            if b"\x7f" not in data:
                return data
    _check(value, 0)
    return _ENCODER.encode(value).encode()


def signed_bytes(entry: Entry | Intent) -> bytes:
    """Return the bytes that the signature of an entry covers."""
    return canonical(
        {
            "action": entry.action,
            "body": dict(entry.body),
            "by": entry.by,
            "head": entry.head,
            "id": entry.id,
            "subject": entry.subject,
            "workspace": entry.workspace,
        }
    )


def entry_bytes(
    intent: Intent, *, n: int, prev: str, at: str, host: str, v: int = VERSION
) -> bytes:
    """Return the bytes of the file that records an intent as entry ``n`` by the rules ``v``.

    Raises
    ------
    InvalidInputError
        The entry would be larger than 64 KiB, or holds what it may not hold.
    """
    data = canonical(
        {
            "v": v,
            "n": n,
            "prev": prev,
            "id": intent.id,
            "at": at,
            "by": intent.by,
            "host": host,
            "workspace": intent.workspace,
            "head": intent.head,
            "action": intent.action,
            "subject": intent.subject,
            "body": dict(intent.body),
            "signature": intent.signature,
        }
    )
    if len(data) >= MAX_BYTES:
        msg = f"This would be an entry of {len(data):,} bytes; at most {MAX_BYTES:,} are allowed."
        raise InvalidInputError(msg, "Write less, or keep the long part in a file.")
    return data + b"\n"


def read_entry(data: bytes) -> Entry:
    """Read the bytes of an entry's file, strictly.

    Raises
    ------
    DamageError
        They are not an entry; the message says what is wrong.
    """
    plain = _plain_value(data)
    if plain is not None:
        return Entry._make((*plain.values(), digest_of(data), len(data)))
    try:
        value = json.loads(data.decode(), object_pairs_hook=_unique, parse_float=_no_float)
        is_compact = canonical(value) + b"\n" == data
    except (ValueError, RecursionError, InvalidInputError) as error:
        msg = f"It is not strict JSON: {error}"
        raise DamageError(msg) from None
    if not isinstance(value, dict) or value.keys() != _FIELDS:
        msg = "Its fields are not those of an entry."
        raise DamageError(msg)
    problem = _field_problem(value)
    if problem:
        raise DamageError(problem)
    if not is_compact:
        msg = "It is not written in the compact form of an entry."
        raise DamageError(msg)
    return Entry(digest=digest_of(data), size=len(data), **value)


def _plain_value(data: bytes) -> dict[str, Any] | None:
    """Return the fields of bytes that surely are an entry; None where that is not sure.

    Nearly all entries are read so, in a tenth of the time: what a fast reader of JSON makes of them
    is written again, sorted, and has to give the same bytes. What that does not tell is looked for;
    where there is such a thing, or might be, the careful reader decides.
    """
    try:
        value = orjson.loads(data)
        is_same = orjson.dumps(value, option=_COMPACT) == data
    except (orjson.JSONDecodeError, TypeError):
        return None
    if not is_same or type(value) is not dict or tuple(value) != _ORDER or b"\x7f" in data:
        return None
    has_kinds = tuple(map(type, value.values())) == _KINDS  # only the body holds other values
    if not has_kinds or not 1 <= value["n"] <= _MAX_INT or not 1 <= value["v"] <= _MAX_INT:
        return None
    is_sound = is_digest(value["prev"]) and is_time(value["at"]) and _is_plain(value["body"], 1)
    return value if is_sound else None


def _is_plain(value: object, depth: int) -> bool:
    """Say whether a value surely holds nothing that an entry may not hold, but for characters."""
    if isinstance(value, dict):
        if depth < _MAX_DEPTH and _NO_NUMBERS.issuperset(map(type, value.values())):
            return True
        return depth < _MAX_DEPTH and all(_is_plain(one, depth + 1) for one in value.values())
    if isinstance(value, list):
        return depth < _MAX_DEPTH and all(_is_plain(one, depth + 1) for one in value)
    return isinstance(value, str) or (isinstance(value, int) and abs(value) <= _MAX_INT)


def _field_problem(value: Mapping[str, object]) -> str:
    for name in _TEXTS:
        if not isinstance(value[name], str):
            return f"Its {name} is not a text."
    for name in ("n", "v"):
        number = value[name]
        if not isinstance(number, int) or isinstance(number, bool):
            return f"Its {name} is not a number."
        if not 1 <= number <= _MAX_INT:
            return f"Its {name} is not a number from 1."
    if not isinstance(value["body"], dict):
        return "Its body is not an object."
    if not is_time(str(value["at"])):
        return "Its time is not a time."
    if not is_digest(value["prev"]):
        return "Its prev is not a digest."
    return ""


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        msg = "a key stands there twice"
        raise ValueError(msg)
    return found


def _no_float(text: str) -> float:
    msg = f"the number {text[:20]} has a fraction"
    raise ValueError(msg)


def _check(value: object, depth: int) -> None:
    if depth > _MAX_DEPTH:
        msg = "It is nested too deeply."
        raise InvalidInputError(msg)
    if isinstance(value, list):
        for inner in value:
            _check(inner, depth + 1)
    elif isinstance(value, dict):
        for key, inner in value.items():
            _check(key, depth + 1)
            _check(inner, depth + 1)
    else:
        _check_plain(value)


def _check_plain(value: object) -> None:
    if isinstance(value, str):
        if _FORBIDDEN.search(value):
            msg = "It holds a character that an entry may not hold (U+007F or a lone surrogate)."
            raise InvalidInputError(msg, "Remove that character.")
    elif not isinstance(value, int):
        msg = f"It holds {value!r:.40}, which an entry may not hold."
        raise InvalidInputError(msg)
    elif abs(value) > _MAX_INT:
        msg = f"The number {value} is beyond 2^53-1."
        raise InvalidInputError(msg)
