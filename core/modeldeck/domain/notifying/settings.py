"""``[notifications]`` in ``modeldeck.toml``: receivers, what each is told, and who sends.

::

    [notifications]
    sender = "ops"  # who sends for all; without one, each member what they did

    [notifications.receivers.audit]
    kind = "webhook"  # webhook | slack | command
    url = "https://hooks.example.org/modeldeck"
    secret = "env:MODELDECK_AUDIT_SECRET"  # or "file:audit"; never the secret itself
    events = ["decided", "deployed", "failed", "rolled-back"]  # without it, all
    people = ["ann"]  # only what concerns them; without it, everything
    timeout = "30s"

The file lies in a folder that several people write, so it holds no secret: it names a variable of
the sender's environment, which begins with ``MODELDECK_`` (else the file could have any secret of
theirs used), or a file of the sender's own. The address of a chat room is such a secret too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from modeldeck import ids
from modeldeck.domain import policy
from modeldeck.domain.entry import Json, canonical, digest_of
from modeldeck.domain.notifying.events import KINDS
from modeldeck.domain.schema import Table

WAYS = ("webhook", "slack", "command")
MOST_RECEIVERS = 50
LONGEST_TIMEOUT_S = 300
_ELSEWHERE = re.compile(r"env:(MODELDECK_[A-Z0-9_]{1,100})|file:([A-Za-z0-9][A-Za-z0-9._-]{0,63})")
_PLACES = "name where it is: env:MODELDECK_…, or file:NAME"


@dataclass(frozen=True, slots=True)
class Receiver:
    """Somebody, or a program, that is told of events.

    ``url`` and ``secret`` may say ``env:NAME`` or ``file:NAME``. No ``events`` or ``people`` means
    all.
    """

    name: str
    kind: str
    url: str = ""
    secret: str = ""
    command: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    timeout_s: int = 30

    @property
    def is_own(self) -> bool:
        """Whether the address comes from the sender's own settings, not from a shared file."""
        return is_elsewhere(self.url)

    @property
    def digest(self) -> str:
        """What somebody agrees to: where to, with which secret, or which program."""
        command: list[Json] = [*self.command]
        asked: dict[str, Json] = {"kind": self.kind, "url": self.url, "command": command}
        return digest_of(canonical({**asked, "secret": self.secret}))

    @property
    def address(self) -> str:
        """Where to, as people read it."""
        return " ".join(self.command) if self.kind == "command" else self.url

    def wants(self, kind: str, people: tuple[str, ...]) -> bool:
        """Say whether it is told of an event of a kind that concerns these people."""
        if self.events and kind not in self.events and kind != "test":
            return False
        return not self.people or bool(set(self.people) & set(people))


@dataclass(frozen=True, slots=True)
class Settings:
    """What ``[notifications]`` says; without receivers nobody is told anything."""

    receivers: tuple[Receiver, ...] = ()
    sender: str = ""

    def receiver(self, name: str) -> Receiver | None:
        """Return a receiver by its name."""
        return next((one for one in self.receivers if one.name == name), None)


def is_elsewhere(text: str) -> bool:
    """Say whether a text names a variable or a file instead of being the value."""
    return _ELSEWHERE.fullmatch(text) is not None


def settings_from_table(table: Table) -> Settings:
    """Read the table ``notifications``.

    Raises
    ------
    InvalidInputError
        Something is missing, unknown or of the wrong kind; the message names file and line.
    """
    found = Settings(
        receivers=tuple(_receiver(name, one) for name, one in table.named("receivers").items()),
        sender=table.take("sender", str, default=""),
    )
    if found.sender and not ids.is_name(found.sender):
        raise table.fail("sender", "expected the name of a member")
    if len(found.receivers) > MOST_RECEIVERS:
        raise table.fail("receivers", f"there are more than {MOST_RECEIVERS}")
    table.finish()
    return found


def _receiver(name: str, table: Table) -> Receiver:
    if not ids.is_name(name):
        raise table.fail("", "a receiver's name has a-z, 0-9, dot, dash and underscore")
    found = Receiver(
        name=name,
        kind=table.choice("kind", WAYS),
        url=table.take("url", str, default=""),
        secret=table.take("secret", str, default=""),
        command=table.texts("command"),
        events=table.texts("events"),
        people=table.texts("people"),
        timeout_s=policy.seconds(table, "timeout", default="30s"),
    )
    strange = next((one for one in found.events if one not in KINDS), "")
    if strange:
        raise table.fail("events", f"{strange!r:.40} is none of {', '.join(KINDS)}")
    if not 1 <= found.timeout_s <= LONGEST_TIMEOUT_S:
        raise table.fail("timeout", f"expected 1s to {LONGEST_TIMEOUT_S}s")
    if found.kind == "command":
        _check_command(found, table)
    else:
        _check_address(found, table)
    table.finish()
    return found


def _check_command(found: Receiver, table: Table) -> None:
    if not found.command or not found.command[0]:
        raise table.fail("command", 'a command is a list of texts, as ["notify-send", "ModelDeck"]')
    if any("\0" in one for one in found.command):
        raise table.fail("command", "it holds a character that no command can have")
    for key in ("url", "secret"):
        if table.has(key):
            raise table.fail(key, "a command has none")


def _check_address(found: Receiver, table: Table) -> None:
    if found.command:
        raise table.fail("command", f"a {found.kind} has none")
    if found.secret and not is_elsewhere(found.secret):
        raise table.fail("secret", f"a secret does not belong into this file; {_PLACES}")
    if is_elsewhere(found.url):
        return
    if found.kind == "slack":
        raise table.fail("url", f"the address of a chat room is a secret; {_PLACES}")
    problem = address_problem(found.url)
    if problem:
        raise table.fail("url", problem)


def address_problem(url: str) -> str:
    """Return why an address is none that a notification can be sent to; empty when it is one.

    >>> address_problem("https://hooks.example.org/a"), address_problem("ftp://x")
    ('', 'expected http:// or https:// with a host')
    """
    wrong = "expected http:// or https:// with a host"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return wrong
    is_web = parts.scheme in {"http", "https"} and bool(parts.hostname) and port != 0
    if not is_web or not url.isascii() or not url.isprintable() or " " in url:
        return wrong
    if parts.username is not None or parts.password is not None:
        return f"an address holds no name and no password; {_PLACES}"
    return ""
