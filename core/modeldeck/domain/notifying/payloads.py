r"""The bytes that receivers get, and how they are signed.

A webhook gets the shape that receivers of MLflow's webhooks know: the body
``{"entity", "action", "timestamp", "data"}`` and the headers ``X-MLflow-Delivery-Id``,
``X-MLflow-Timestamp`` and ``X-MLflow-Signature``, which is ``v1,`` and the base64 of the
HMAC-SHA256 under the secret of ``{id}.{timestamp}.{body}`` (MLflow's documentation, "Webhooks").
The id stays the same when a delivery is tried again, and when another member sends the same event;
the timestamp, in seconds since 1970, is that of the try.

A chat room gets ``{"text", "mrkdwn": false}``: Slack's incoming webhooks and those that follow
them. There ``&``, ``<`` and ``>`` are escaped, so that no name can call a whole channel.

All text is ASCII with JSON's escapes: no control character leaves as it is.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping

MOST_TITLE = 300


def delivery_id(workspace: str, key: str, *, receiver: str) -> str:
    """Return the id of the delivery of an event to a receiver, whoever sends it.

    >>> delivery_id("w", "k", receiver="a") == delivery_id("w", "k", receiver="a")
    True
    """
    digest = hashlib.sha256(f"{workspace}\n{key}\n{receiver}".encode()).digest()
    return str(uuid.UUID(bytes=digest[:16]))


def webhook_body(event: Mapping[str, object], *, workspace: str, name: str) -> bytes:
    """Return the body that a webhook, or a command on its standard input, gets.

    Parameters
    ----------
    event : Mapping of str to object
        As :meth:`modeldeck.domain.notifying.events.Event.document` has it.
    workspace, name : str
        The workspace's id and name.
    """
    entity = str(event.get("subject", "")).partition(":")[0] or "workspace"
    return _json(
        {
            "entity": entity,
            "action": str(event.get("kind", "")),
            "timestamp": str(event.get("at", "")),
            "data": {**event, "workspace": workspace, "workspace_name": name},
        }
    )


def chat_body(event: Mapping[str, object], *, name: str) -> bytes:
    """Return the body that a chat room gets."""
    title, text = plain(str(event.get("title", "")))[:MOST_TITLE], plain(str(event.get("text", "")))
    lines = [f"[{name}] {title}", *([text] if text.strip() else [])]
    return _json({"text": _escaped("\n".join(lines)), "mrkdwn": False})


def signature(secret: bytes, body: bytes, *, identifier: str, timestamp: str) -> str:
    """Return the signature of a delivery.

    >>> signature(b"key", b"{}", identifier="a", timestamp="1")
    'v1,bL1jQXV9xdvhtjVTxMVmcec+7wicDeM5+UJZVhyrJw0='
    """
    signed = f"{identifier}.{timestamp}.".encode() + body
    digest = hmac.new(secret, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def headers(body: bytes, *, identifier: str, timestamp: str, secret: bytes) -> dict[str, str]:
    """Return the headers of a delivery; without a secret it is not signed."""
    found = {
        "Content-Type": "application/json",
        "User-Agent": "modeldeck",
        "X-MLflow-Delivery-Id": identifier,
        "X-MLflow-Timestamp": timestamp,
    }
    if secret:
        signed = signature(secret, body, identifier=identifier, timestamp=timestamp)
        found["X-MLflow-Signature"] = signed
    return found


def plain(text: str) -> str:
    r"""Return a text in which only letters, signs and line ends are left.

    >>> plain("a\x1b[31m\u202eb\nc")
    'a\ufffd[31m\ufffdb\nc'
    """
    return "".join(one if one.isprintable() or one == "\n" else "\ufffd" for one in text)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _json(value: object) -> bytes:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.replace("\x7f", "\\u007f").encode()
