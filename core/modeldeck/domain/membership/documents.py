"""What is shown about one member, and about signing."""

from __future__ import annotations

from typing import TypedDict


class KeyDocument(TypedDict):
    """One key of a member; ``until_n`` is 0 while it is in force."""

    fingerprint: str
    public: str
    is_hardware: bool
    since_n: int
    since: str
    until_n: int
    until: str
    is_revoked: bool


class RoleDocument(TypedDict):
    """One role of a member, with the entry since which it is theirs."""

    role: str
    since_n: int
    since: str


class MemberDetailDocument(TypedDict):
    """All about one member; ``may`` and ``may_not`` are sentences, the latter with the reason."""

    name: str
    kind: str
    uid: int
    is_owner: bool
    is_active: bool
    since_n: int
    since: str
    until_n: int
    until: str
    roles: list[RoleDocument]
    environments: list[str]
    keys: list[KeyDocument]
    level: str
    may: list[str]
    may_not: list[str]


class SigningDocument(TypedDict):
    """With what the actor would sign: ``source`` is agent, file, or empty when there is no key."""

    member: str
    fingerprint: str
    source: str
    path: str
    is_hardware: bool
    help: str
