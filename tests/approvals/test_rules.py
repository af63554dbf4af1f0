"""The rules of approvals, each with the history that it stops."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from modeldeck.domain.entry import Json, entry_bytes, read_entry
from modeldeck.domain.history.breaks import open_breaks
from modeldeck.domain.state import Activity
from modeldeck.errors import NotPermittedError, UnavailableError
from modeldeck.services.base import deck
from modeldeck.store import places
from modeldeck.store.ledger import Ledger, entry_path
from modeldeck.store.verifying import Verifier
from modeldeck.workspace import Workspace
from tests.approvals.keys import make
from tests.approvals.signed import Signed, policy_of
from tests.domain.chain import digest

ENDPOINT = "churn@production"


def founded(memory: Path, **production: object) -> Signed:
    """Return a workspace with another policy."""
    world = Signed(memory / "other")
    world.start(policy_of(**production))
    return world


def again(world: Signed) -> Ledger:
    """Read the ledger from its first entry, as somebody who was never here."""
    ledger = Ledger(world.root, Verifier(None))
    ledger.refresh()
    return ledger


def instead(world: Signed, line: Activity, **changes: Json) -> None:
    """Let the author of an old entry write another one in its place, signed anew."""
    path = entry_path(world.root, line.n)
    known = read_entry(path.read_bytes())
    intent = world.intent(known.by, known.action, known.subject, {**known.body, **changes})
    signed = world.signed(replace(intent, id=known.id, head=known.head))
    path.chmod(0o644)
    path.write_bytes(entry_bytes(signed, n=known.n, prev=known.prev, at=known.at, host="h"))


def decided(world: Signed, release: str) -> None:
    """Cast the two votes that decide."""
    for name in ("dave", "carol"):
        assert not world.fold(world.ballot(release, name)).is_void


def live(world: Signed, *, servers: tuple[str, ...] = ("server",)) -> str:
    """Bring a fresh version live on all servers; return it."""
    release = world.waiting()
    decided(world, release)
    for name in servers:
        world.report(ENDPOINT, "ready", by=name)
    assert world.status(release) == "live"
    return world.pointer


def test_author_who_turns_an_own_old_rejection_into_an_approval_changes_nothing(
    memory: Path, fast: None
) -> None:
    """The chain is broken there: what stands there now waits for owners, and never counts."""
    world = founded(memory, reject_blocks=False)
    release = world.waiting()
    no = world.fold(world.ballot(release, "carol", verdict="reject", reason="no"))
    world.fold(world.ballot(release, "dave"))
    assert world.status(release) == "waiting"
    instead(world, no, verdict="approve", reason="")
    state = again(world).state
    assert [one.n for one in open_breaks(state)] == [no.n]
    assert state.releases[release].status == "waiting"
    assert state.activity[no.n - 1].is_void
    body: dict[str, Json] = {
        "n": no.n,
        "digest": state.activity[no.n - 1].digest,
        "reason": "carol says so",
    }
    world.ledger = again(world)
    world.state = world.ledger.state
    world.act("ann", "ledger.acknowledge", f"entry:{no.n}", body)
    assert world.status(release) == "waiting"
    assert "cast again" in world.state.settled[no.n]


def test_author_who_deletes_an_own_old_entry_makes_everything_read_only(world: Signed) -> None:
    """A hole in the numbers: nothing behind it is believed, and nothing more is recorded."""
    release = world.waiting()
    no = world.fold(world.ballot(release, "carol", verdict="reject", reason="no"))
    world.waiting()
    entry_path(world.root, no.n).unlink()
    state = again(world).state
    assert f"Entry {no.n} is missing" in state.stopped
    with Workspace.open(world.root) as workspace:
        found = workspace.ledger_check.run()
        assert (found["ok"], found["problems"][0]["n"]) == (False, no.n)
        assert f"Entry {no.n} is missing" in workspace.read_only_because


def test_votes_on_a_request_that_waited_at_a_break_are_not_revived(world: Signed) -> None:
    """The request counts from the owners' entry on; votes from before it are about nothing."""
    version = world.register()
    world.gate(version, "production")
    tag = world.act("bob", "tag.add", "run:x", {"tag": "a", "value": ""})
    body = {**world.base(version, "production"), **world.span(), "reason": ""}
    request = world.signed(world.intent("bob", "release.request", f"version:{version}", body))
    before = digest("what stood there")
    data = entry_bytes(request, n=tag.n + 1, prev=before, at=world.at(), host="h")
    waits = world.put(data)
    assert waits.is_broken
    base = {**world.base(version, "production"), "request": waits.digest}
    report = world.state.reports[world.state.versions[version].manifest, "production"][-1]
    for name in ("carol", "dave"):
        statement: dict[str, Json] = {
            **base,
            **world.span(),
            "report": report.report,
            "verdict": "approve",
            "reason": "",
            "nonce": name,
        }
        done = world.fold(world.intent(name, "release.vote", "release:churn-1", statement))
        assert done.is_void
    acknowledged: dict[str, Json] = {
        "n": tag.n,
        "digest": world.state.activity[tag.n - 1].digest,
        "reason": "a disk failed",
    }
    world.act("ann", "ledger.acknowledge", f"entry:{tag.n}", acknowledged)
    assert world.status("churn-1") == "waiting"
    assert not world.state.releases["churn-1"].votes
    decided(world, "churn-1")
    assert world.status("churn-1") == "deploying"


def test_vote_does_not_fit_again_after_a_failed_deployment(world: Signed) -> None:
    """The pointer is back where it was, and the generation is not."""
    first = live(world)
    held = world.waiting()
    kept = {name: world.ballot(held, name) for name in ("carol", "dave")}
    other = world.waiting()
    decided(world, other)
    world.report(ENDPOINT, "failed", reason="does not load")
    assert (world.pointer, world.status(other), world.status(held)) == (first, "failed", "outdated")
    for intent in kept.values():
        assert world.fold(intent).is_void
    fresh = world.request(world.state.releases[held].version, by="bob")
    assert world.status(fresh) == "checking"  # the report was about another generation too
    world.gate(world.state.releases[held].version, "production")
    for name, intent in kept.items():
        moved = replace(world.ballot(fresh, name), body=intent.body)
        assert "about another request" in world.fold(moved).reason
    decided(world, fresh)
    assert world.status(fresh) == "deploying"


def test_first_deployment_that_failed_leaves_no_votes_for_the_next(world: Signed) -> None:
    """Without a live version a release replaces nothing, and says so with its generation."""
    release = world.waiting()
    assert world.state.releases[release].replaces == "none"
    assert world.fold(world.ballot(release, "carol", replaces="a" * 64)).is_void
    votes = [world.ballot(release, name) for name in ("carol", "dave")]
    decided(world, release)
    world.report(ENDPOINT, "failed", reason="does not load")
    assert (world.pointer, world.status(release)) == ("", "failed")
    fresh = world.waiting()
    known = world.state.releases[fresh]
    assert (known.replaces, known.generation) == ("none", 2)
    for intent in votes:
        moved = world.intent(intent.by, intent.action, f"release:{fresh}", intent.body)
        assert world.fold(moved).is_void


def test_statement_from_the_future_is_refused_by_who_would_vote_after_it(
    world: Signed, tmp_path: Path
) -> None:
    """Clients do not sign times that they know to be wrong."""
    world.now += timedelta(hours=10)
    release = world.waiting()
    now = world.now

    def clock(ahead: timedelta) -> datetime:
        return now + ahead

    path = world.key_file("carol", tmp_path)
    behind = Workspace.open(world.root, key=path, now=lambda: clock(timedelta(minutes=-6)))
    with behind, pytest.raises(UnavailableError, match="clock is behind"):
        behind.releases.approve(release)
    assert timedelta(minutes=5) == deck.MAX_CLOCK_BEHIND
    near = Workspace.open(world.root, key=path, now=lambda: clock(timedelta(minutes=-4)))
    with near:
        assert near.releases.approve(release)["approvals"][0]["level"] == "signed"


def test_author_whose_content_a_friend_registers_again_is_its_author_all_the_same(
    world: Signed,
) -> None:
    """Neither another model's name nor another registrar makes an author a judge."""
    world.member("eve")
    version = world.register(by="dave")
    manifest = world.state.versions[version].manifest
    body: dict[str, Json] = {"manifest": manifest, "run": "", "authors": []}
    clean = world.act("eve", "version.register", "model:clean", body).entity[8:]
    world.gate(clean, "production")
    release = world.request(clean, by="bob")
    for name in ("eve", "dave", "bob"):
        done = world.fold(world.ballot(release, name))
        assert "may not vote" in done.reason, name


def test_unsigned_registration_of_the_same_content_excludes_nobody(world: Signed) -> None:
    """Else anybody who can write a file could keep everybody from voting."""
    version = world.register()
    manifest = world.state.versions[version].manifest
    body: dict[str, Json] = {"manifest": manifest, "run": "", "authors": ["carol", "dave"]}
    assert not world.write(world.intent("ci", "version.register", "model:copy", body)).is_void
    world.gate(version, "production")
    release = world.request(version)
    decided(world, release)
    assert world.status(release) == "deploying"


def test_owner_is_excluded_like_everybody(world: Signed) -> None:
    """Whoever asked for it does not approve it, whatever else they may do."""
    release = world.waiting(by="ann")
    assert "may not vote" in world.fold(world.ballot(release, "ann")).reason


def test_home_made_green_report_settles_nothing(memory: Path, fast: None) -> None:
    """Where reports are somebody's duty, others' are refused; an author's own does not count."""
    world = founded(memory, gate_roles=("gatekeeper",))
    world.member("gil", ("gatekeeper",))
    for maker, refused in (("bob", True), ("gil", False)):
        version = world.register(by=maker)
        release = world.request(version, by=maker)
        report: dict[str, Json] = {
            **world.base(version, "production"),
            "report": digest("all green"),
            "passed": True,
        }
        intent = world.intent(maker, "gate.report", f"version:{version}", report)
        assert world.fold(intent).is_void == refused
        assert world.status(release) == "checking"
        world.gate(version, "production", by="ci")
        assert world.status(release) == "waiting"


def test_one_failing_server_of_four_moves_nothing_and_all_four_do(world: Signed) -> None:
    """The pointer goes back only when every server that was ready before has failed."""
    servers = ("server", *(f"server{n}" for n in range(2, 5)))
    for name in servers[1:]:
        world.member(name, kind="server")
    first = live(world, servers=servers)
    release = world.waiting()
    decided(world, release)
    for name in servers[:3]:
        world.report(ENDPOINT, "failed", by=name, reason="out of memory")
        assert world.status(release) == "deploying"
        assert world.pointer != first
    world.report(ENDPOINT, "failed", by=servers[3], reason="out of memory")
    assert (world.status(release), world.pointer) == ("failed", first)


def test_votes_from_a_restored_backup_are_cast_again(world: Signed) -> None:
    """What was open is outdated: among what was lost may have been its rejection."""
    release = world.waiting()
    world.fold(world.ballot(release, "carol"))
    state = world.state
    body: dict[str, Json] = {
        "n": state.n,
        "head": state.head,
        "lost_n": state.n + 2,
        "reason": "the disk",
    }
    world.act("ann", "ledger.restore", f"entry:{state.n}", body)
    assert world.status(release) == "outdated"
    assert world.fold(world.ballot(release, "dave")).is_void
    fresh = world.request(world.state.releases[release].version, by="bob")
    assert not world.state.releases[fresh].votes


def test_vote_from_a_copied_workspace_is_void_in_the_original(
    world: Signed, memory: Path, tmp_path: Path
) -> None:
    """Its author saw a head that was never one of this chain; another founding is another place."""
    release = world.waiting()
    path = world.key_file("carol", tmp_path)
    shutil.copytree(world.root, memory / "copy", symlinks=True)
    with Workspace.open(memory / "copy", key=path, now=lambda: world.now) as workspace:
        workspace.annotations.add(f"release:{release}", "looked at")
        workspace.releases.approve(release)
        n = workspace.deck.state.n
    shutil.copyfile(entry_path(memory / "copy", n), tmp_path / "vote")
    taken = read_entry((tmp_path / "vote").read_bytes())
    state = world.state
    done = world.put(
        entry_bytes(taken, n=state.n + 1, prev=state.head, at=world.at(), host="h")  # type: ignore[arg-type]
    )
    assert "not of this chain" in done.reason
    other = Signed(memory / "second")
    other.keys = world.keys
    other.now += timedelta(hours=1)
    other.start()
    assert other.waiting() == release
    state = other.state
    done = other.put(
        entry_bytes(taken, n=state.n + 1, prev=state.head, at=other.at(), host="h")  # type: ignore[arg-type]
    )
    assert "another workspace" in done.reason


def test_id_that_a_stranger_used_first_is_not_used_up(world: Signed) -> None:
    """Who cannot sign for a member cannot take the id of the member's vote either."""
    release = world.waiting()
    vote = world.signed(world.ballot(release, "carol"))
    squatter = replace(world.intent("carol", "tag.add", "run:x", {"tag": "a", "value": ""}))
    assert world.write(world.signed(replace(squatter, id=vote.id), make("ed25519"))).is_void
    unsigned = replace(vote, signature="")
    assert world.write(unsigned).is_void
    assert not world.write(vote).is_void
    assert "its id was used" in world.write(vote).reason


def test_owners_who_revoke_each_other_at_once_do_not_both_leave(memory: Path, fast: None) -> None:
    """One entry is first; the other is by somebody who is no member any more."""
    world = Signed(memory / "two")
    world.start(owners=("ann", "ben"), threshold=1)
    revoking = {
        by: world.signed(world.intent(by, "member.revoke", f"member:{whom}", {"reason": "hostile"}))
        for by, whom in (("ann", "ben"), ("ben", "ann"))
    }
    assert not world.write(revoking["ann"]).is_void
    assert "not a member" in world.write(revoking["ben"]).reason
    assert [one.name for one in world.state.owners()] == ["ann"]
    last = world.intent("ann", "member.revoke", "member:ann", {"reason": "tired"})
    assert "fewer owners" in world.fold(last).reason


def test_two_owners_of_a_threshold_of_two_cannot_revoke_each_other(
    memory: Path, fast: None
) -> None:
    """Where both have to agree, neither can be taken away."""
    world = Signed(memory / "two")
    world.start(owners=("ann", "ben"), threshold=2)
    for by, whom in (("ann", "ben"), ("ben", "ann")):
        intent = world.intent(by, "member.revoke", f"member:{whom}", {"reason": "hostile"})
        assert "fewer owners" in world.fold(intent).reason
    assert not world.state.pending


def test_votes_do_not_move_to_a_request_that_is_made_again(world: Signed) -> None:
    """A withdrawn release takes its approvals with it."""
    release = world.waiting()
    vote = world.ballot(release, "carol")
    assert not world.fold(vote).is_void
    world.act("bob", "release.withdraw", f"release:{release}", {"reason": "typo"})
    fresh = world.request(world.state.releases[release].version, by="bob")
    moved = world.intent("carol", "release.vote", f"release:{fresh}", vote.body)
    assert "about another request" in world.fold(moved).reason
    world.fold(world.ballot(fresh, "dave"))
    assert world.status(fresh) == "waiting"


def test_policy_is_changed_by_the_owners_threshold_alone_and_outdates_what_was_open(
    memory: Path, fast: None
) -> None:
    """One owner of two proposes an easier policy; it is in force only when the other agrees."""
    world = Signed(memory / "two")
    world.start(owners=("ann", "ben"), threshold=2)
    easy = policy_of(approvals=0, roles={})
    body: dict[str, Json] = {"policy": easy.to_json()}
    proposal = world.intent("ann", "policy.adopt", "policy", body)
    done = world.fold(proposal)
    assert not done.is_void
    assert world.state.policy_digest != easy.digest
    again_by_ann = world.intent(
        "ann", "proposal.support", f"proposal:{proposal.id}", {"digest": done.digest}
    )
    assert world.fold(again_by_ann).is_void
    assert world.state.policy_digest != easy.digest
    by_ben = world.intent(
        "ben", "proposal.support", f"proposal:{proposal.id}", {"digest": done.digest}
    )
    assert not world.fold(by_ben).is_void
    assert world.state.policy_digest == easy.digest


def test_files_that_people_edit_decide_nothing(world: Signed) -> None:
    """An easier policy in modeldeck.toml changes no release."""
    release = world.waiting()
    easy = (
        '[workspace]\nname = "test"\n[environments.production]\napprovals = 0\ntrust = "claimed"\n'
    )
    (world.root / places.CONFIG).write_text(easy)
    world.fold(world.ballot(release, "dave"))
    assert world.status(release) == "waiting"
    with (
        Workspace.open(world.root, user="carol", now=lambda: world.now) as workspace,
        pytest.raises(NotPermittedError, match="needs the level signed"),
    ):
        workspace.releases.approve(release)
