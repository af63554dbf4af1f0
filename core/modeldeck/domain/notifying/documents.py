"""The documents of notifications that commands and ``--json`` show."""

from __future__ import annotations

from typing import TypedDict


class ReceiverDocument(TypedDict):
    """A receiver; ``problem`` says why this account cannot contact it, if so.

    ``address`` is what the settings say, never a secret. ``events`` and ``people`` are empty where
    it is told of all.
    """

    name: str
    kind: str
    address: str
    signed: bool
    events: list[str]
    people: list[str]
    timeout_s: int
    problem: str


class WaitingDocument(TypedDict):
    """A delivery that is still to be made; ``next_at`` is when it is tried (again)."""

    id: str
    receiver: str
    event: str
    subject: str
    title: str
    tries: int
    since: str
    next_at: str
    problem: str


class DeliveryDocument(TypedDict):
    """A try to deliver, as the log has it: ``outcome`` is delivered, failed or given up."""

    id: str
    at: str
    receiver: str
    event: str
    title: str
    tries: int
    outcome: str
    detail: str
    took_s: float


class NotifyDocument(TypedDict):
    """What this account delivers: settings, what waits, what was tried, the newest last.

    ``sends`` is whether this member sends at all, ``why_not`` why not. ``position`` is the last
    entry that was looked at, -1 before the first. ``busy`` says that a process delivers just now.
    """

    member: str
    sender: str
    sends: bool
    why_not: str
    position: int
    busy: bool
    receivers: list[ReceiverDocument]
    waiting: list[WaitingDocument]
    log: list[DeliveryDocument]


class TestDocument(TypedDict):
    """What became of a test event that was sent to a receiver."""

    receiver: str
    id: str
    delivered: bool
    detail: str
    took_s: float
