"""Answers to HTTP requests, and the errors that become one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NamedTuple

import orjson

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

ENDS_CONNECTION = frozenset({408, 413})
"""Statuses after which the rest of the request is not waited for."""

_JSON = (b"content-type", b"application/json")
_AS_SAID = (b"x-content-type-options", b"nosniff")
_CLOSE = (b"connection", b"close")


class Answer(NamedTuple):
    """A response."""

    status: int
    value: object
    kind: str = "application/json"
    retry_after_s: int = 0
    allow: str = ""


class HttpError(Exception):
    """A request that is answered with an error.

    Attributes
    ----------
    key : tuple of str
        Model and version that were asked; both empty where the request reached none.
    is_counted : bool
        Whether counters and logs know about it already.
    """

    def __init__(
        self, status: int, message: str, *, retry_after_s: int = 0, allow: str = ""
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s
        self.allow = allow
        self.key = ("", "")
        self.is_counted = False

    def answer(self) -> Answer:
        """Return it as a response."""
        value = {"error": str(self)}
        return Answer(self.status, value, retry_after_s=self.retry_after_s, allow=self.allow)


def body_of(answer: Answer) -> bytes:
    """Return the bytes of a response's body."""
    if isinstance(answer.value, str):
        return answer.value.encode()
    return orjson.dumps(answer.value, option=orjson.OPT_APPEND_NEWLINE)


async def start(answer: Answer, send: Send, *, length: int) -> None:
    """Send status and headers of a response."""
    kind = _JSON if answer.kind == _JSON[1].decode() else (b"content-type", answer.kind.encode())
    headers = [kind, (b"content-length", b"%d" % length), _AS_SAID]
    if answer.retry_after_s:
        headers.append((b"retry-after", b"%d" % int(answer.retry_after_s)))
    if answer.allow:
        headers.append((b"allow", answer.allow.encode()))
    if answer.status in ENDS_CONNECTION:
        headers.append(_CLOSE)
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
