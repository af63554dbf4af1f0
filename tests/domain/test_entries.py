"""Entries: the fast reader and writer agree with the careful ones, whatever the bytes hold."""

from __future__ import annotations

import json
import random

import pytest

from modeldeck.domain import entry
from modeldeck.domain.entry import Intent, canonical, entry_bytes, read_entry
from modeldeck.errors import DamageError, InvalidInputError

ODD = (
    "",
    "a",
    "é",
    "\x01",
    "\x1f",
    "\x7f",
    "\u2028",
    "\ud800",
    "𝄞",
    '"',
    "\\",
    "/",
    "[1.5",
    ":null",
)
NUMBERS = (0, -1, 7, 2**53 - 1, 2**53, -(2**53), 2**64, 1.5, 1e300, True, False, None)
PLAIN = entry_bytes(
    Intent("i", "ann", "tag.add", "run:x", {"tag": "t", "value": "v"}, "0" * 64, "0" * 64),
    n=2,
    prev="1" * 64,
    at="2026-11-23T07:10:11.123456Z",
    host="h",
)


def value(rng: random.Random, depth: int = 0) -> object:
    """Return a value of any shape, allowed or not."""
    kind = rng.randrange(4 if depth < 4 else 2)
    if kind == 0:
        return "".join(rng.choices(ODD, k=rng.randrange(3)))
    if kind == 1:
        return rng.choice(NUMBERS)
    inner = [value(rng, depth + 1) for _ in range(rng.randrange(4))]
    if kind == 2:
        return inner
    return {rng.choice((*ODD, "b", "c")): one for one in inner}


def careful(given: object) -> bytes | None:
    """Return the canonical form by the standard library's JSON; None where it is refused."""
    try:
        entry._check(given, 0)
        return entry._ENCODER.encode(given).encode()
    except (InvalidInputError, ValueError):
        return None


def test_canonical_form_is_that_of_the_careful_writer(rng: random.Random) -> None:
    """Of a value the one writes what the other does, and refuses what the other does."""
    refused = 0
    for _ in range(3000):
        given = value(rng)
        wanted = careful(given)
        try:
            found = canonical(given)  # type: ignore[arg-type]  # anything
        except (InvalidInputError, ValueError):
            found = None
        refused += found is None
        assert found == wanted
    assert 0 < refused < 3000


def test_entry_is_read_as_the_careful_reader_does(
    rng: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes of any body, and bytes changed at any place, are the same entry or no entry."""
    sound = json.loads(PLAIN)
    cases = [PLAIN]
    for _ in range(700):
        body = {"tag": value(rng), "value": value(rng)}
        text = json.dumps({**sound, "body": body}, sort_keys=True, separators=(",", ":"))
        cases.append(text.encode() + b"\n")
        changed = bytearray(PLAIN)
        changed[rng.randrange(len(changed))] = rng.choice(b'0 1.e-"{}[],:n\x7f\xff\n\\u')
        cases.append(bytes(changed))
    fast = [outcome(data) for data in cases]
    monkeypatch.setattr(entry, "_plain_value", lambda _data: None)
    assert [outcome(data) for data in cases] == fast
    assert any(isinstance(one, entry.Entry) for one in fast[1:])


def outcome(data: bytes) -> object:
    """Return the entry that bytes are; or that they are none."""
    try:
        return read_entry(data)
    except DamageError:
        return "damage"
