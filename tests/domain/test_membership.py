"""Roles and keys by position: changing members, who came too late, one account as one person."""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping
from dataclasses import replace

import pytest

from modeldeck.domain import fold, quorum
from modeldeck.domain.entry import Json
from modeldeck.domain.levels import Evidence, Level
from modeldeck.domain.membership import accounts, keys
from modeldeck.domain.membership.changing import only_takes
from modeldeck.domain.membership.member import Member
from modeldeck.domain.policy import Check, Environment, Policy
from modeldeck.domain.state import Act, Activity
from modeldeck.errors import (
    ConflictError,
    InvalidInputError,
    ModelDeckError,
    NotFoundError,
    NotPermittedError,
)
from tests.domain.chain import World, digest


def packed(*fields: bytes) -> str:
    """Return fields as the base64 of a key."""
    blob = b"".join(struct.pack(">I", len(one)) + one for one in fields)
    return base64.b64encode(blob).decode()


def key(name: str) -> str:
    """Return a well-formed public key that belongs to a name."""
    return f"ssh-ed25519 {packed(b'ssh-ed25519', digest(name)[:32].encode())}"


SK = f"sk-ssh-ed25519@openssh.com {packed(b'sk-ssh-ed25519@openssh.com', b'k' * 32, b'ssh:')}"
SIGNED = Policy(
    {
        "production": Environment(
            "production", approvals=2, roles={"risk": 1}, trust="signed", gate="plain"
        )
    },
    {"plain": (Check("loads", "loads"),)},
)


def change(world: World, name: str, by: str = "ann", **parts: Json) -> Activity:
    """Change a member as an owner."""
    return said(world, by, "member.change", f"member:{name}", changing(parts))


def changing(parts: Mapping[str, Json]) -> dict[str, Json]:
    """Return the body of a change of which only some parts are said."""
    return {
        **{one: [] for one in ("add_roles", "remove_roles", "add_keys", "revoke_keys")},
        "owner": "",
        "reason": "",
        **parts,
    }


def said(world: World, by: str, action: str, subject: str, body: dict[str, Json]) -> Activity:
    """Decide and fold an entry with the level that its workspace asks for, under the first key."""
    known = world.state.members[by].keys
    level = Level.SIGNED if known else Level.OWNER
    intent = world.intent(by, action, subject, body)
    fold.decide(world.state, intent, level=level, at=world.at(), key=known[0] if known else "")
    evidence = Evidence(
        owner=world.state.members[by].uid, key=world.state.members[by].keys[0] if known else ""
    )
    done = world.fold(intent, evidence)
    assert not done.is_void, done.reason
    return done


@pytest.fixture
def signed() -> World:
    """Return a workspace that asks for signatures: ann and ben own it, carol has risk."""
    world = World()
    world.found(SIGNED, ("ann", "ben"), keys=(key("ann"), key("ben")))
    for name, roles in (("bob", []), ("carol", ["risk"]), ("dave", [])):
        body: dict[str, Json] = {
            "name": name,
            "kind": "person",
            "uid": 7,  # one Unix account for all
            "roles": [*roles],
            "environments": [],
            "keys": [key(name)],
        }
        said(world, "ann", "member.add", f"member:{name}", body)
    return world


def waiting(world: World, model: str = "churn") -> str:
    """Have bob ask for a release of a model; return its id."""
    content: dict[str, Json] = {
        "manifest": digest(f"content {world.state.n}"),
        "run": "",
        "authors": [],
    }
    version = said(world, "bob", "version.register", f"model:{model}", content).entity[8:]
    report = {**world.base(version, "production"), "report": digest("r"), "passed": True}
    said(world, "bob", "gate.report", f"version:{version}", report)
    body = {**world.base(version, "production"), **world.span(), "reason": ""}
    return said(world, "bob", "release.request", f"version:{version}", body).entity[8:]


def vote(world: World, release: str, by: str, verdict: str = "approve") -> Activity:
    """Vote, signed with the first key."""
    body = world.statement(release, verdict, reason="why")
    return said(world, by, "release.vote", f"release:{release}", body)


def test_two_keys_on_one_account_are_two_people_under_signed(signed: World) -> None:
    """Carol and dave share a Unix account; their keys tell them apart."""
    release = waiting(signed)
    vote(signed, release, "carol")
    vote(signed, release, "dave")
    assert signed.status(release) == "deploying"


def under_owner() -> World:
    """Return a workspace in which accounts tell people apart; carol and dave share one."""
    policy = replace(SIGNED.environments["production"], trust="owner")
    world = World()
    world.found(Policy({"production": policy}, SIGNED.gates), ("ann", "ben"))
    people = {"bob": 7, "carol": 8, "dave": 8, "eve": 9, "twin": 7}
    for name, uid in people.items():
        body: dict[str, Json] = {
            "name": name,
            "kind": "person",
            "uid": uid,
            "roles": ["risk"],
            "environments": [],
            "keys": [],
        }
        said(world, "ann", "member.add", f"member:{name}", body)
    return world


def test_two_names_on_one_account_are_one_person_under_owner() -> None:
    """The second of them may not approve, in decide and as a forged entry; another account may."""
    world = under_owner()
    release = waiting(world)
    vote(world, release, "carol")
    with pytest.raises(NotPermittedError, match="same Unix account"):
        vote(world, release, "dave")
    body = world.statement(release, "approve")
    intent = world.intent("dave", "release.vote", f"release:{release}", body)
    assert "same Unix account" in world.fold(intent, Evidence(owner=8)).reason
    assert quorum.eligible(world.state, world.state.releases[release]) == ["ann", "ben", "eve"]
    vote(world, release, "eve")
    assert world.status(release) == "deploying"


def test_second_name_of_the_requesters_account_is_excluded_under_owner() -> None:
    """Twin has bob's account: bob could write what twin says."""
    world = under_owner()
    release = waiting(world)
    with pytest.raises(NotPermittedError, match="bob may not vote, and twin acts from the same"):
        vote(world, release, "twin")


def test_owners_on_one_account_are_one_owner_under_owner() -> None:
    """They neither found a workspace that needs two, nor support each other."""
    world = under_owner()
    change(world, "carol", owner="yes")
    change(world, "dave", owner="yes")
    body: dict[str, Json] = {"digest": "0" * 64}
    world.state.threshold = 2
    done = change(world, "eve", by="carol", add_roles=["oncall"])
    proposal = next(iter(world.state.pending))
    body = {"digest": done.digest}
    with pytest.raises(NotPermittedError, match="same Unix account"):
        said(world, "dave", "proposal.support", f"proposal:{proposal}", body)
    said(world, "ann", "proposal.support", f"proposal:{proposal}", body)
    assert world.state.members["eve"].roles == ("risk", "oncall")


def test_who_joined_after_the_request_may_not_vote_on_it(signed: World) -> None:
    """A newcomer is refused, and void when forged; on the next release they vote."""
    release = waiting(signed)
    body: dict[str, Json] = {
        "name": "eve",
        "kind": "person",
        "uid": -1,
        "roles": ["risk"],
        "environments": [],
        "keys": [key("eve")],
    }
    said(signed, "ann", "member.add", "member:eve", body)
    with pytest.raises(NotPermittedError, match="became a member by entry"):
        vote(signed, release, "eve")
    statement = signed.statement(release, "approve")
    intent = signed.intent("eve", "release.vote", f"release:{release}", statement)
    assert "became a member" in signed.fold(intent, Evidence(key=key("eve"))).reason
    again = waiting(signed)
    vote(signed, again, "eve")
    assert signed.state.releases[again].votes[0].by == "eve"


def test_role_gained_after_the_request_counts_not_on_it(signed: World) -> None:
    """Dave may approve, but not for the role that he got meanwhile."""
    release = waiting(signed)
    change(signed, "dave", add_roles=["risk"])
    vote(signed, release, "dave")
    vote(signed, release, "ann")
    assert signed.status(release) == "waiting"
    assert quorum.lacks(signed.state, signed.state.releases[release], issued=signed.at()) == [
        "role risk"
    ]
    vote(signed, release, "carol")
    assert signed.status(release) == "deploying"


def test_role_lost_and_given_again_begins_anew(signed: World) -> None:
    """Carol's role of before the request does not come back for it."""
    release = waiting(signed)
    change(signed, "carol", remove_roles=["risk"])
    change(signed, "carol", add_roles=["risk"])
    vote(signed, release, "carol")
    vote(signed, release, "dave")
    assert signed.status(release) == "waiting"


def test_key_gained_after_the_request_signs_no_vote_on_it(signed: World) -> None:
    """The new key is refused and void; the old one of the same person still votes."""
    release = waiting(signed)
    change(signed, "carol", add_keys=[key("new")])
    body = signed.statement(release, "approve")
    intent = signed.intent("carol", "release.vote", f"release:{release}", body)
    with pytest.raises(NotPermittedError, match=r"That key of carol was recorded by entry \d+"):
        fold.decide(signed.state, intent, level=Level.SIGNED, at=signed.at(), key=key("new"))
    assert "after churn-1 was asked for" in signed.fold(intent, Evidence(key=key("new"))).reason
    vote(signed, release, "carol")
    assert len(signed.state.releases[release].votes) == 1


def test_member_whose_only_key_is_new_is_told_so(signed: World) -> None:
    """After a rotation nobody can vote on what was asked for before."""
    release = waiting(signed)
    change(signed, "carol", add_keys=[key("new")], revoke_keys=[key("carol")])
    known = signed.state.releases[release]
    with pytest.raises(NotPermittedError, match="The key of carol was recorded by entry"):
        quorum.may_vote(signed.state, known, person="carol")
    assert "carol" not in quorum.eligible(signed.state, known)


def test_approval_by_a_key_that_was_revoked_since_decides_nothing(signed: World) -> None:
    """What it decided before stays; what is undecided needs a vote by a key in force."""
    first = waiting(signed)
    vote(signed, first, "carol")
    vote(signed, first, "dave")
    second = waiting(signed)
    vote(signed, second, "carol")
    change(signed, "carol", add_keys=[key("new")], revoke_keys=[key("carol")])
    vote(signed, second, "dave")
    assert (signed.status(first), signed.status(second)) == ("deploying", "waiting")
    known = signed.state.releases[second].votes[0]
    assert "revoked since" in quorum.lapsed_because(signed.state, known)


def test_rejection_by_a_key_that_was_revoked_since_still_blocks(signed: World) -> None:
    """What restricts counts all the same."""
    release = waiting(signed)
    vote(signed, release, "carol", "reject")
    change(signed, "carol", add_keys=[key("new")], revoke_keys=[key("carol")])
    assert signed.status(release) == "rejected"


def test_revoked_key_never_comes_back(signed: World) -> None:
    """Neither for its member, also under a new membership, nor for another one."""
    change(signed, "carol", add_keys=[key("new")], revoke_keys=[key("carol")])
    member = signed.state.members["carol"]
    assert member.keys == (key("new"),)
    assert [(one.public, one.until > 0) for one in member.held] == [
        (key("carol"), True),
        (key("new"), False),
    ]
    with pytest.raises(ConflictError, match="revoked by entry"):
        change(signed, "carol", add_keys=[key("carol")])
    with pytest.raises(ConflictError, match="belongs to carol"):
        change(signed, "dave", add_keys=[key("carol")])
    said(signed, "ann", "member.revoke", "member:carol", {"reason": "left"})
    body: dict[str, Json] = {
        "name": "carol",
        "kind": "person",
        "uid": -1,
        "roles": [],
        "environments": [],
        "keys": [key("carol")],
    }
    with pytest.raises(ConflictError, match="revoked by entry"):
        said(signed, "ann", "member.add", "member:carol", body)


def test_workspace_founded_without_keys_adopts_signed_once_its_owner_has_one() -> None:
    """An owner records a key by position, then the policy may ask for signatures."""
    world = under_owner()
    stricter = {"policy": SIGNED.to_json()}
    with pytest.raises(NotPermittedError, match="level signed") as caught:
        said(world, "ann", "policy.adopt", "policy", {**stricter})
    assert "rotate-key" in caught.value.hint
    change(world, "ann", add_keys=[key("ann")])
    said(world, "ann", "policy.adopt", "policy", {**stricter})
    assert world.state.policy.strictest is Level.SIGNED


def test_change_that_locks_the_owners_out_is_refused(signed: World) -> None:
    """As many owners with keys as the threshold asks for stay."""
    signed.state.threshold = 2
    with pytest.raises(NotPermittedError, match="threshold"):
        change(signed, "ann", revoke_keys=[key("ann")])
    with pytest.raises(NotPermittedError, match="Without ben"):
        change(signed, "ben", owner="no")
    change(signed, "ann", revoke_keys=[key("ann")], add_keys=[key("ann 2")])
    assert signed.state.pending


def test_last_owner_stays_an_owner_and_only_people_become_owners(signed: World) -> None:
    """Ownership is given and taken by the same rule."""
    change(signed, "carol", owner="yes")
    change(signed, "ben", owner="no")
    change(signed, "ann", by="carol", owner="no")
    with pytest.raises(NotPermittedError, match="threshold"):
        change(signed, "carol", by="carol", owner="no")
    with pytest.raises(NotPermittedError, match="for owners"):
        change(signed, "dave", by="ben", add_roles=["risk"])


@pytest.mark.parametrize(
    ("parts", "error"),
    [
        ({}, InvalidInputError),
        ({"add_roles": ["Risk!"]}, InvalidInputError),
        ({"add_roles": ["risk"]}, ConflictError),
        ({"add_roles": ["a", "a"]}, InvalidInputError),
        ({"add_roles": [1]}, InvalidInputError),
        ({"remove_roles": ["oncall"]}, NotFoundError),
        ({"add_keys": [key("carol")]}, ConflictError),
        ({"add_keys": [key("ann")]}, ConflictError),
        ({"add_keys": [f"{key('x')} comment"]}, InvalidInputError),
        ({"add_keys": ["ssh-ed25519 AAAA"]}, InvalidInputError),
        ({"revoke_keys": [key("ann")]}, NotFoundError),
        ({"owner": "perhaps"}, InvalidInputError),
        ({"owner": "no"}, ConflictError),
    ],
)
def test_change_that_makes_no_sense_is_refused_and_void(
    signed: World, parts: dict[str, Json], error: type[ModelDeckError]
) -> None:
    """Every part is checked, by readers as by writers."""
    with pytest.raises(error):
        said(signed, "ann", "member.change", "member:carol", changing(parts))
    before = signed.state.members["carol"]
    intent = signed.intent("ann", "member.change", "member:carol", changing(parts))
    assert signed.fold(intent, Evidence(key=key("ann"))).is_void
    assert signed.state.members["carol"] == before


def test_unknown_authors_leave_the_registrar_as_the_author(signed: World) -> None:
    """A version that was imported names nobody: who registered it may not approve it."""
    release = waiting(signed)
    version = signed.state.versions[signed.state.releases[release].version]
    assert (version.authors, version.by) == ((), "bob")
    assert quorum.excluded_of(signed.state, version, requester="carol", level=Level.SIGNED) == {
        "carol": "asked for the release",
        "bob": "registered the version",
    }


def test_revocation_of_a_key_counts_at_a_broken_place_and_a_new_key_does_not() -> None:
    """Signed entries that only take something away are believed there."""

    def act(**parts: Json) -> Act:
        body = changing(parts)
        return Act(9, "", "id", "", "ann", "", "member.change", "member:carol", body, Level.SIGNED)

    assert only_takes(act(revoke_keys=[key("carol")], owner="no"))
    assert not only_takes(act(revoke_keys=[key("carol")], add_keys=[key("new")]))
    assert not only_takes(act(owner="yes"))


RSA = packed(b"ssh-rsa", b"\1\0\1", b"\0" + b"\xff" * 256)
GOOD = (
    key("ann"),
    SK,
    f"ssh-rsa {RSA}",
    f"ecdsa-sha2-nistp256 {packed(b'ecdsa-sha2-nistp256', b'nistp256', b'p' * 65)}",
    "sk-ecdsa-sha2-nistp256@openssh.com "
    + packed(b"sk-ecdsa-sha2-nistp256@openssh.com", b"nistp256", b"p" * 65, b"ssh:"),
)


@pytest.mark.parametrize("line", GOOD)
def test_public_keys_of_the_known_types_are_taken_without_comment(line: str) -> None:
    """Also those of hardware tokens."""
    assert keys.parse(f"{line} ann@laptop, *@team\n") == line
    assert keys.is_hardware(line) == line.startswith("sk-")


@pytest.mark.parametrize(
    ("line", "because"),
    [
        (f"*@team {key('x')}", "options or names"),
        (f"ann,ben {key('x')}", "options or names"),
        (f'namespaces="git" {key("x")}', "options or names"),
        (f"cert-authority {key('x')}", "options or names"),
        (f"-oProxyCommand=x {key('x')}", "options or names"),
        (f"{key('x')}\n* {key('y')}", "more than one line"),
        (f"{key('x')}\r{key('y')}", "more than one line"),
        (f"{key('x')} a\x1b[2Jb", "control characters"),
        (f"{key('x')[:-4]}", "bytes are not those"),
        (f"{key('x')}====", "base64"),
        (f"{key('x')[:-1]}", "base64"),
        ("ssh-ed25519 AAAA", "bytes are not those"),
        ("ssh-ed25519", "its type is none"),
        ("", "its type is none"),
        (f"ssh-dss {packed(b'ssh-dss', b'x')}", "its type is none"),
        (f"ssh-ed25519,ssh-rsa {packed(b'ssh-ed25519', b'x' * 32)}", "its type is none"),
        (f"ssh-ed25519 {packed(b'ssh-rsa', b'x' * 32)}", "bytes are not those"),
        (f"ssh-rsa {packed(b'ssh-rsa', bytes([1, 0, 1]), b'x' * 128)}", "2048 bits"),
        (
            f"ssh-ed25519-cert-v01@openssh.com {packed(b'ssh-ed25519-cert-v01@openssh.com')}",
            "certificates",
        ),
        (
            f"ecdsa-sha2-nistp256 {packed(b'ecdsa-sha2-nistp256', b'nistp384', b'p')}",
            "curve",
        ),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "private"),
    ],
)
def test_line_that_is_no_plain_public_key_is_refused(line: str, because: str) -> None:
    """Principals, lists, options, authorities and certificates never get into a ledger."""
    with pytest.raises(InvalidInputError, match="not an SSH public key") as caught:
        keys.parse(line)
    assert because in caught.value.message


@pytest.mark.parametrize(
    ("named", "uid", "needed", "makers"),
    [
        ("bob", 7, Level.SIGNED, ("bob",)),
        ("unix-bob", 7, Level.SIGNED, ("unix-bob", "bob")),
        ("unix-bob", 7, Level.CLAIMED, ("unix-bob", "bob")),
        ("carol", 7, Level.SIGNED, ("carol", "bob")),
        ("unix-carol", 8, Level.SIGNED, ("unix-carol",)),
        ("unix-carol", 8, Level.OWNER, ("unix-carol", "carol", "dave")),
        ("nobody", 99, Level.OWNER, ("nobody",)),
        ("zed", 7, Level.SIGNED, ("zed",)),
        ("zed", 7, Level.OWNER, ("zed", "bob")),
        ("server", 7, Level.OWNER, ("server", "bob")),
    ],
)
def test_makers_are_whom_a_run_names_and_whose_account_wrote_it(
    named: str, uid: int, needed: Level, makers: tuple[str, ...]
) -> None:
    """An account that is called otherwise than its member does not hide who that is."""
    members = {
        name: Member(name, kind="server" if name == "server" else "person", uid=account)
        for name, account in {"bob": 7, "carol": 8, "dave": 8, "zed": -1, "server": -1}.items()
    }
    assert accounts.makers(named, uid=uid, members=members, needed=needed) == makers


def with_toys(strict: str, toys: str) -> World:
    """Return a workspace of that trust where toy models need another; carol and dave share one."""
    base = replace(SIGNED.environments["production"], trust=strict, roles={})
    production = replace(base, models={"toy-*": replace(base, trust=toys)})
    world = World()
    policy = Policy({"production": production}, SIGNED.gates)
    world.found(policy, ("ann", "ben"), keys=(key("ann"), key("ben")))
    for name, uid in {"bob": 7, "carol": 8, "dave": 8, "eve": 9}.items():
        body: dict[str, Json] = {
            "name": name,
            "kind": "person",
            "uid": uid,
            "roles": [],
            "environments": [],
            "keys": [],
        }
        said(world, "ann", "member.add", f"member:{name}", body)
    return world


def test_accounts_tell_people_apart_where_an_exception_for_the_model_says_owner() -> None:
    """What the environment asks of other models does not make two people of one account."""
    world = with_toys("signed", "owner")
    release = waiting(world, "toy-1")
    vote(world, release, "carol")
    with pytest.raises(NotPermittedError, match="same Unix account"):
        vote(world, release, "dave")
    forged = world.intent(
        "dave", "release.vote", f"release:{release}", world.statement(release, "approve")
    )
    assert "same Unix account" in world.fold(forged, Evidence(owner=8)).reason
    assert world.status(release) == "waiting"
    vote(world, release, "eve")
    assert world.status(release) == "deploying"
