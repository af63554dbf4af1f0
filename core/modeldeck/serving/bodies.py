"""Reading the JSON of a request's body: within limits, and meaning one thing only."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from modeldeck.serving.replies import HttpError, Receive, Scope

MAX_BODY = 8 << 20
BODY_TIMEOUT_S = 30.0
MAX_DISCARDED = 64 << 20
DISCARD_TIMEOUT_S = 5.0
"""How much, and how long, is read of a body that is too large, so that its sender gets to read."""

_PLAIN = frozenset({int, float, bool, type(None)})


async def document(scope: Scope, receive: Receive) -> dict[str, Any]:
    """Return the JSON object of a request's body.

    A page in a browser can send other content types to another origin without asking first, so
    only JSON that says so is taken.

    Raises
    ------
    HttpError
        408, 413, 415; 400 for no JSON, 422 for an object with a name that stands twice.
    """
    kind = header(scope, b"content-type")
    if kind != b"application/json" and not _is_json(kind):
        msg = "The body has to be JSON: send the header Content-Type: application/json."
        raise HttpError(415, msg)
    body = await _read(scope, receive)
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        value = _lenient(body)
    else:
        n_quotes = body.count(b'"')
        if n_quotes != 2 * _n_names(value) and n_quotes != 2 * n_texts(value):
            value = _lenient(body)
    if not isinstance(value, dict):
        msg = "The body has to be a JSON object."
        raise HttpError(400, msg)
    return value


def header(scope: Scope, name: bytes) -> bytes:
    """Return a request's first header of a name, in lower case; empty without one."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return b""


def _is_json(kind: bytes) -> bool:
    return kind.partition(b";")[0].strip().lower() == b"application/json"


def _n_names(value: object) -> int:
    """Count the names in a request of rows that hold no text, which most are; 0 in others."""
    rows = value.get("rows") if isinstance(value, dict) and len(value) == 1 else None
    if not isinstance(rows, list) or not {dict}.issuperset(map(type, rows)):
        return 0
    return 1 + sum(map(len, rows))


def n_texts(value: object) -> int:
    """Count the names and texts in JSON that was read; each has two quotes in its source.

    More quotes than that mean a name that stood twice, of which the reader kept one, or a quote
    inside a text: only then is it worth reading again with care.

    Examples
    --------
    >>> n_texts({"rows": [{"age": 1.0, "town": "Bern"}]})
    4
    """
    count = 0
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, str):
            count += 1
            continue
        inner: Sequence[object] = ()
        if isinstance(one, dict):
            count += len(one)
            inner = list(one.values())
        elif isinstance(one, list):
            inner = one
        if not _PLAIN.issuperset(map(type, inner)):
            stack.extend(inner)
    return count


def _lenient(body: bytes) -> object:
    """Read JSON with NaN and infinities, so that the error can name the column that has one."""
    try:
        return json.loads(body, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        text = str(error) if isinstance(error, json.JSONDecodeError) else "it nests too deeply"
        msg = f"The body is no JSON: {text}."
        raise HttpError(400, msg) from None


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            msg = f"The name {name!r:.80} stands twice in one object; say it once."
            raise HttpError(422, msg)
        found[name] = value
    return found


async def _read(scope: Scope, receive: Receive) -> bytes:
    announced = header(scope, b"content-length")
    if announced.isdigit() and (len(announced) > 12 or int(announced) > MAX_BODY):
        raise _too_large()
    parts: list[bytes] = []
    length = 0
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            while True:
                message = await _next(receive)
                parts.append(message.get("body", b""))
                length += len(parts[-1])
                if length > MAX_BODY:
                    raise _too_large()
                if not message.get("more_body", False):
                    return b"".join(parts)
    except TimeoutError:
        msg = f"The body did not arrive within {BODY_TIMEOUT_S:.0f} seconds."
        raise HttpError(408, msg) from None


async def _next(receive: Receive) -> Mapping[str, Any]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ConnectionError
    return message


def _too_large() -> HttpError:
    return HttpError(413, f"The body has more than {MAX_BODY >> 20} MiB. Send several requests.")


async def discard(receive: Receive) -> None:
    """Read the rest of a body without keeping it, up to a limit.

    A client that sends all before it reads would otherwise lose the answer to a connection that is
    reset (RFC 9112, section 9.6).
    """
    length = 0
    with contextlib.suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(DISCARD_TIMEOUT_S):
            while length <= MAX_DISCARDED:
                message = await _next(receive)
                length += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return
