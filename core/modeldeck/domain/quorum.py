"""Counting votes: distinct people, and each named role at least so often.

One person is one vote, also with several roles; roles are counted to the best assignment, found
by augmenting paths (H. W. Kuhn, "The Hungarian method for the assignment problem", 1955).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from modeldeck.domain.policy import Environment


def open_roles(environment: Environment, voters: Mapping[str, tuple[str, ...]]) -> Counter[str]:
    """Return which named roles are still missing, and how often.

    Parameters
    ----------
    environment : Environment
        Whose ``roles`` are asked for.
    voters : Mapping of str to tuple of str
        The people whose approvals count, with their roles.

    Examples
    --------
    >>> one = Environment("production", roles={"risk": 1, "ml-lead": 1})
    >>> open_roles(one, {"ann": ("risk", "ml-lead"), "bob": ("risk",)})
    Counter()
    >>> open_roles(one, {"ann": ("risk", "ml-lead")})
    Counter({'ml-lead': 1})
    """
    slots = [role for role, count in environment.roles.items() for _ in range(count)]
    taken: dict[str, int] = {}
    missing: Counter[str] = Counter()
    for slot, role in enumerate(slots):
        if not _seat(slot, slots, voters=voters, taken=taken, tried=set()):
            missing[role] += 1
    return missing


def _seat(
    slot: int,
    slots: list[str],
    *,
    voters: Mapping[str, tuple[str, ...]],
    taken: dict[str, int],
    tried: set[str],
) -> bool:
    for person, roles in voters.items():
        if slots[slot] in roles and person not in tried:
            tried.add(person)
            if person not in taken or _seat(
                taken[person], slots, voters=voters, taken=taken, tried=tried
            ):
                taken[person] = slot
                return True
    return False


def missing(environment: Environment, voters: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return what a release still lacks, as short texts; empty when it is complete."""
    found = [
        f"role {role}" + (f" ({count} times)" if count > 1 else "")
        for role, count in open_roles(environment, voters).items()
    ]
    short = environment.approvals - len(voters)
    if short > 0:
        found.append("1 more approval" if short == 1 else f"{short} more approvals")
    return found
