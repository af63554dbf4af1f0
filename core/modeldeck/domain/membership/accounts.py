"""How many persons stand behind names, where Unix accounts are what tells people apart.

Under *owner* an entry is believed because of whose file it is: two names with one user id are one
person there, unless they sign with keys of their own. Under *signed* keys tell people apart, and
under *claimed* nothing does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from modeldeck.domain.levels import Level
from modeldeck.domain.membership.member import Member


def distinct(
    levels: Mapping[str, Level], members: Mapping[str, Member], *, needed: Level
) -> list[str]:
    """Return the names that surely are different persons, of several the first.

    Parameters
    ----------
    levels : Mapping of str to Level
        The level at which each one spoke, in order.
    members : Mapping of str to Member
        Their user ids.
    needed : Level
        What is asked for there; only under *owner* do accounts say anything.
    """
    if needed is not Level.OWNER:
        return list(levels)
    taken = {members[name].uid for name, level in levels.items() if level is Level.SIGNED}
    found = []
    for name, level in levels.items():
        if level is not Level.SIGNED:
            if members[name].uid in taken:
                continue
            taken.add(members[name].uid)
        found.append(name)
    return found


def namesake(
    member: Member, others: Iterable[Member], *, level: Level, needed: Level
) -> Member | None:
    """Return the one among others that may be the same person as a member who speaks unsigned."""
    if needed is not Level.OWNER or level is Level.SIGNED or member.uid < 0:
        return None
    return next((one for one in others if one.uid == member.uid and one.name != member.name), None)


def makers(
    named: str, *, uid: int, members: Mapping[str, Member], needed: Level
) -> tuple[str, ...]:
    """Return who made something that names somebody, and lies there as a Unix account's file.

    Parameters
    ----------
    named : str
        Who made it as it says itself: a member's name, or that of a Unix account.
    uid : int
        The account that its file belongs to.
    members : Mapping of str to Member
        Those there are, with the accounts recorded for them.
    needed : Level
        The strictest level that the policy asks for.

    Returns
    -------
    tuple of str
        The name, and the people of that account where the name is no member's, is a member's of
        another account, or says nothing because accounts tell people apart. Where they do not and
        several share the account, nobody knows which of them it was.
    """
    known = members.get(named)
    if known is not None and known.is_active:
        is_clear = known.uid == uid if known.uid >= 0 else needed is not Level.OWNER
    else:
        is_clear = False
    others = [
        one.name
        for one in members.values()
        if one.is_active and one.kind == "person" and one.uid == uid and one.name != named
    ]
    if is_clear or (len(others) > 1 and needed is not Level.OWNER):
        return (named,)
    return (named, *others)
