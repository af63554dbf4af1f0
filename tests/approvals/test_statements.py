"""What can be wrong with a vote: each is void with its reason, and moves nothing."""

from __future__ import annotations

import random
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from modeldeck import clock
from modeldeck.domain.entry import Intent, Json, entry_bytes, signed_bytes
from modeldeck.domain.state import Activity
from modeldeck.store.ledger import entry_path
from modeldeck.store.verifying import verifier
from tests.approvals.keys import KINDS, make
from tests.approvals.signed import Signed

FORGED = "does not verify under a key of its author"
OTHER = "e" * 64
SHARED = "/dev/shm" if Path("/dev/shm").is_dir() else None

Case = Callable[[Signed, str], Activity]


@pytest.fixture(scope="module", params=KINDS)
def court(request: pytest.FixtureRequest) -> Iterator[Signed]:
    """Return a workspace where carol and dave vote with keys of one kind."""
    with tempfile.TemporaryDirectory(dir=SHARED) as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(verifier, "FEW", 0)
        world = Signed(Path(folder, "ws"))
        for name in ("carol", "dave", "eve"):
            world.keys[name] = make(str(request.param))
        world.start()
        world.member("eve")
        yield world


def edited(changes: dict[str, Json], by: str = "carol") -> Case:
    """Return a vote, signed by its author, that says something else than the release."""
    return lambda world, release: world.fold(world.ballot(release, by, **changes))


def forged(change: Callable[[Signed, Intent], Intent]) -> Case:
    """Return carol's vote with something done to it."""
    return lambda world, release: world.write(change(world, world.ballot(release, "carol")))


def _signed_then(**changes: str) -> Case:
    return forged(lambda world, vote: replace(world.signed(vote), **changes))  # type: ignore[arg-type]


def voted_by(name: str) -> Case:
    """Return somebody's vote on what eve made and bob asked for."""

    def case(world: Signed, _: str) -> Activity:
        version = world.register(by="eve")
        world.gate(version, "production")
        release = world.request(version, by="bob")
        return world.fold(world.ballot(release, name))

    return case


def _other_namespace(world: Signed, vote: Intent) -> Intent:
    return replace(vote, signature=world.key("carol").sign(signed_bytes(vote), b"file"))


def _edited_after(world: Signed, vote: Intent) -> Intent:
    return replace(world.signed(vote), body={**vote.body, "reason": "looks good"})


def _again(world: Signed, release: str) -> Activity:
    vote = world.signed(world.ballot(release, "carol"))
    assert not world.write(vote).is_void
    return world.write(vote)


def _on_another_release(world: Signed, release: str) -> Activity:
    vote = world.signed(world.ballot(world.waiting(), "carol"))
    return world.write(replace(vote, subject=f"release:{release}", id=f"again-{vote.id}"))


def _of_another_release(world: Signed, release: str) -> Activity:
    body = world.ballot(world.waiting(), "carol").body
    return world.fold(world.intent("carol", "release.vote", f"release:{release}", body))


def _second_key(world: Signed, release: str) -> Activity:
    name = f"twin-{release}"
    other = make("ed25519")
    body = world.joining(name)
    body["keys"] = [world.key(name).public, other.public]
    world.act("ann", "member.add", f"member:{name}", body)
    fresh = world.waiting()
    assert not world.fold(world.ballot(fresh, name)).is_void
    return world.write(world.signed(world.ballot(fresh, name), other))


def _after_expiry(world: Signed, release: str) -> Activity:
    late = clock.from_text(world.state.releases[release].expires) + timedelta(seconds=1)
    span = {"issued": clock.to_text(late), "expires": clock.to_text(late + timedelta(hours=1))}
    return world.fold(world.ballot(release, "carol", **span))


def _backdated(world: Signed, release: str) -> Activity:
    early = clock.from_text(world.state.releases[release].issued) - timedelta(minutes=6)
    return world.fold(world.ballot(release, "carol", issued=clock.to_text(early)))


def _revoked(world: Signed, release: str) -> Activity:
    name = f"gone-{release}"
    world.member(name, ("risk",))
    fresh = world.waiting()
    vote = world.ballot(fresh, name)
    world.act("ann", "member.revoke", f"member:{name}", {"reason": "key stolen"})
    return world.fold(vote)


def _old_key(world: Signed, release: str) -> Activity:
    name = f"back-{release}"
    world.member(name)
    stolen = world.key(name)
    world.act("ann", "member.revoke", f"member:{name}", {"reason": "key stolen"})
    world.keys[name] = make("ed25519")
    world.member(name)
    return world.write(world.signed(world.ballot(world.waiting(), name), stolen))


def _rejected(world: Signed, release: str) -> Activity:
    assert not world.fold(world.ballot(release, "dave", verdict="reject", reason="no")).is_void
    return world.fold(world.ballot(release, "carol"))


def _moved(world: Signed, release: str) -> Activity:
    vote = world.ballot(release, "carol")
    ship(world)
    return world.fold(vote)


def _same_nonce(world: Signed, release: str) -> Activity:
    assert not world.fold(world.ballot(release, "carol", nonce="once")).is_void
    return world.fold(world.ballot(release, "dave", nonce="once"))


def _without(world: Signed, release: str) -> Activity:
    vote = world.ballot(release, "carol")
    body = {name: value for name, value in vote.body.items() if name != "replaces"}
    return world.fold(replace(vote, body=body))


def _unsigned(world: Signed, release: str) -> Activity:
    return world.write(world.ballot(release, "carol"))


def _stranger(world: Signed, release: str) -> Activity:
    return world.fold(world.ballot(release, "mallory"))


def _server(world: Signed, release: str) -> Activity:
    return world.fold(world.ballot(release, "server"))


CASES: dict[str, tuple[Case, str]] = {
    "self approval": (edited({}, by="bob"), "the version and may not vote"),
    "author of the version": (voted_by("eve"), "the version and may not vote"),
    "who asked for it": (voted_by("bob"), "asked for the release"),
    "server": (_server, "is not a person"),
    "stranger": (_stranger, FORGED),
    "second key of one person": (_second_key, "voted approve on .* already"),
    "unknown key": (forged(lambda world, vote: world.signed(vote, make("ed25519"))), FORGED),
    "another's key": (forged(lambda world, vote: world.signed(vote, world.key("dave"))), FORGED),
    "no signature": (_unsigned, "needs the level signed"),
    "other namespace": (forged(_other_namespace), FORGED),
    "edited after signing": (forged(_edited_after), FORGED),
    "other author": (_signed_then(by="dave"), FORGED),
    "other action": (_signed_then(action="release.withdraw"), FORGED),
    "other id": (_signed_then(id="made-up"), FORGED),
    "the same again": (_again, "its id was used by entry"),
    "replayed on another release": (_on_another_release, FORGED),
    "statement of another release": (_of_another_release, "about another request"),
    "other request": (edited({"request": OTHER}), "about another request"),
    "other content": (edited({"manifest": OTHER}), "about another manifest"),
    "other report": (edited({"report": OTHER}), "about another report"),
    "other policy": (edited({"policy": OTHER}), "about another policy"),
    "other environment": (edited({"environment": "staging"}), "about another environment"),
    "other live version": (edited({"replaces": OTHER}), "about another replaces"),
    "other generation": (edited({"generation": 99}), "about another generation"),
    "generation that is no number": (edited({"generation": "0"}), "not of the right kind"),
    "generation that is a truth": (edited({"generation": False}), "not of the right kind"),
    "field too many": (edited({"note": "x"}), "right fields: note"),
    "field too few": (_without, "right fields: replaces"),
    "verdict that is none": (edited({"verdict": "yes"}), "is no verdict"),
    "rejection without a reason": (edited({"verdict": "reject", "reason": " "}), "say why"),
    "statement used before": (_same_nonce, "used already"),
    "expired before issued": (
        edited({"expires": "2026-11-23T07:00:00.000000Z"}),
        "expires before it was issued",
    ),
    "without end": (edited({"expires": "2999-01-01T00:00:00.000000Z"}), "later than the policy"),
    "after the request expired": (_after_expiry, "expired at"),
    "backdated": (_backdated, "dated before an earlier statement"),
    "no time": (edited({"issued": "now"}), "is no time"),
    "revoked, and backdated": (_revoked, "not a member"),
    "key from before the revocation": (_old_key, FORGED),
    "after a rejection": (_rejected, "is rejected"),
    "base that moved": (_moved, "is outdated.*deployed meanwhile"),
    "other workspace": (
        forged(lambda world, vote: world.signed(replace(vote, workspace=OTHER))),
        "of another workspace",
    ),
    "head of another chain": (
        forged(lambda world, vote: world.signed(replace(vote, head=OTHER))),
        "is not of this chain",
    ),
}


def ship(world: Signed) -> str:
    """Take a version through both votes; return what production serves then."""
    release = world.waiting()
    for name in ("dave", "carol"):
        assert not world.fold(world.ballot(release, name)).is_void
    assert world.status(release) == "deploying"
    return world.pointer


@pytest.mark.parametrize("name", CASES)
def test_vote_that_is_wrong_is_void_and_moves_nothing(court: Signed, name: str) -> None:
    """It stays in the activity with its reason; the release is not decided by it."""
    release = court.waiting()
    before, case, reason = court.pointer, *CASES[name]
    done = case(court, release)
    assert done.is_void
    assert re.search(reason, done.reason), done.reason
    assert court.pointer == (court.pointer if case is _moved else before)
    if court.status(release) == "waiting":
        court.fold(court.ballot(release, "dave"))
        assert court.status(release) != "deploying" or "carol" in _approved(court, release)


def _approved(world: Signed, release: str) -> set[str]:
    return {vote.by for vote in world.state.releases[release].votes if vote.verdict == "approve"}


def test_votes_that_are_right_decide(court: Signed) -> None:
    """With keys of each kind, and nothing wrong, the pointer moves."""
    before = court.pointer
    assert ship(court) != before


def test_approval_that_expired_before_the_last_one_does_not_decide(court: Signed) -> None:
    """Both votes count at their own position, and not together."""
    release = court.waiting()
    early = {**court.span(1)}
    court.fold(court.ballot(release, "carol", **early))
    court.now += timedelta(hours=2)
    done = court.fold(court.ballot(release, "dave"))
    assert not done.is_void
    assert court.status(release) == "waiting"
    assert not court.fold(court.ballot(release, "carol")).is_void
    assert court.status(release) == "deploying"


def test_approval_that_was_signed_before_another_and_recorded_later_counts(court: Signed) -> None:
    """Two people vote at once: who loses the race for the number does not sign again."""
    release = court.waiting()
    slow = court.signed(court.ballot(release, "carol"))
    assert not court.fold(court.ballot(release, "dave")).is_void
    assert not court.write(slow).is_void
    assert court.status(release) == "deploying"


def test_backdated_approval_does_not_bring_an_expired_one_back(court: Signed) -> None:
    """Within the leeway of clocks a release's time stays at its latest statement all the same."""
    release = court.waiting()
    brief = {**court.span(0.05)}
    assert not court.fold(court.ballot(release, "carol", **brief)).is_void
    court.now += timedelta(minutes=4)
    late = court.ballot(release, "dave", verdict="request-changes", reason="wait")
    assert not court.fold(late).is_void
    early: dict[str, Json] = {**court.span(1), "issued": brief["issued"]}
    assert not court.fold(court.ballot(release, "dave", **early)).is_void
    assert court.status(release) == "waiting"


def test_approval_of_whoever_lost_the_role_does_not_decide(court: Signed) -> None:
    """Roles are those at the decision, not those at the vote."""
    court.member("risky", ("risk",))
    release = court.waiting()
    assert not court.fold(court.ballot(release, "risky")).is_void
    court.act("ann", "member.revoke", "member:risky", {"reason": "another team"})
    court.keys["risky"] = make("ed25519")
    court.member("risky")
    court.fold(court.ballot(release, "dave"))
    assert court.status(release) == "waiting"


def _unsigned_places(data: bytes) -> set[int]:
    """Return the places of what a signature does not cover: at, host, n, prev and v."""
    found: set[int] = set()
    for part in re.finditer(rb'"(?:at|host|prev)":"([^"]*)"|"(?:n|v)":(\d+)', data):
        found |= {*range(*part.span(1 if part.group(1) is not None else 2))}
    return found


@pytest.mark.parametrize(
    "n_times", [60, pytest.param(10_000, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])]
)
def test_signed_entry_of_which_any_byte_changed_is_void_or_no_entry(
    world: Signed, rng: random.Random, seed: int, n_times: int
) -> None:
    """Whatever was signed, and the signature itself: void with a reason, or not readable."""
    release = world.waiting()
    for count in range(n_times):
        vote = world.signed(world.ballot(release, "carol"))
        state = world.state
        n = state.n + 1
        at = world.at()
        data = bytearray(entry_bytes(vote, n=n, prev=state.head, at=at, host="h"))
        spared = _unsigned_places(bytes(data))
        place = rng.choice([one for one in range(len(data)) if one not in spared])
        data[place] ^= 1 << rng.randrange(8)
        path = entry_path(world.root, n)
        path.write_bytes(data)
        world.ledger.refresh()
        about = f"seed {seed}, time {count}: {bytes(data[:place][-20:])!r}"
        if state.n == n:
            assert state.activity[-1].is_void, about
            assert state.activity[-1].reason, about
        else:
            assert f"Entry {n} cannot be read" in state.stopped, about
            path.unlink()
            state.stopped = ""
        assert not state.releases[release].votes, about
