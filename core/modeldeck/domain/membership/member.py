"""A member, with the entries at which each role and key began and ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Key:
    """A key that a member has or had, ``type base64``, with the entries that recorded it.

    ``until`` is 0 while the key is in force. ``is_revoked`` says that owners revoked just this
    key: it never comes back, while one that ended with its membership may.
    """

    public: str
    since: int
    until: int = 0
    is_revoked: bool = False


@dataclass(frozen=True, slots=True)
class Member:
    """A person, server or CI job; ``uid`` is -1 where no user id was recorded.

    ``since`` is the position at which the membership began: what the same name said before counts
    no more. ``keys`` are those in force, ``held`` all that there ever were; ``role_since`` has the
    position of each role that came later than the membership.
    """

    name: str
    kind: str = "person"
    uid: int = -1
    roles: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    is_owner: bool = False
    is_active: bool = True
    since: int = 0
    until: int = 0
    held: tuple[Key, ...] = ()
    role_since: Mapping[str, int] = field(default_factory=dict)

    def began(self, role: str) -> int:
        """Return the entry since which the member has a role."""
        return self.role_since.get(role, self.since)

    def roles_before(self, n: int) -> tuple[str, ...]:
        """Return the roles that the member has, and had before entry ``n`` already."""
        return tuple(one for one in self.roles if self.began(one) < n)

    def key_since(self, key: str) -> int:
        """Return the entry since which the member has a key."""
        return max((one.since for one in self.held if one.public == key), default=self.since)

    def keys_before(self, n: int) -> tuple[str, ...]:
        """Return the keys that the member has, and had before entry ``n`` already."""
        return tuple(one for one in self.keys if self.key_since(one) < n)
