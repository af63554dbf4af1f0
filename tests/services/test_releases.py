"""Releases through the services: gate, votes, quorum, outdating, deployment, rollback."""

from __future__ import annotations

from pathlib import Path

import pytest

from modeldeck.domain import quorum
from modeldeck.domain.documents import ReleaseDocument
from modeldeck.errors import ConflictError, InvalidInputError, NotPermittedError
from modeldeck.services.base.config import NewMember
from modeldeck.services.gates import Gates
from modeldeck.workspace import Workspace

ENDPOINT = "cancer@production"


def as_(root: Path, user: str) -> Workspace:
    """Open the workspace as somebody."""
    return Workspace.open(root, user=user)


def asked(root: Path, version: str = "cancer@1", *, by: str = "alice") -> ReleaseDocument:
    """Ask for a release to production."""
    return as_(root, by).releases.request(version, "production", reason="please")


def live(root: Path, version: str, *, by: str) -> ReleaseDocument:
    """Bring a version live, as a server would report it."""
    release = asked(root, version, by=by)
    for voter in ("carol", "dave"):
        as_(root, voter).releases.approve(release["id"], "fine")
    endpoint = as_(root, by).deployments.show(ENDPOINT)
    as_(root, "server").deployments.report(
        ENDPOINT,
        generation=endpoint["generation"],
        manifest=endpoint["manifest"],
        outcome="ready",
    )
    return as_(root, by).releases.show(release["id"])


def test_release_is_what_each_person_sees_of_it(root: Path) -> None:
    """The document says for each person whether they can vote, and why not."""
    release = asked(root)
    assert release["status"] == "waiting"
    assert release["gate"] is not None
    assert release["gate"]["passed"]
    seen = {user: as_(root, user).releases.show(release["id"]) for user in ("alice", "carol")}
    assert not seen["alice"]["can_approve"]
    assert "alice" in seen["alice"]["why_not"]
    assert seen["carol"]["can_approve"]
    assert not seen["carol"]["completes_quorum"]
    assert seen["carol"]["basis"] == seen["alice"]["basis"]
    assert {one["by"] for one in release["excluded"]} == {"alice"}


def test_statement_is_what_a_vote_records(root: Path) -> None:
    """What is shown before voting is what stands in the ledger afterwards."""
    release = asked(root)
    shown = as_(root, "carol").releases.statement(release["id"], "approve", reason="fine")
    as_(root, "carol").releases.approve(release["id"], "fine")
    entry = as_(root, "carol").deck.state.activity[-1]
    same = ("request", "manifest", "report", "policy", "environment", "replaces", "verdict")
    assert {key: entry.body[key] for key in same} == {key: shown[key] for key in same}


def test_two_approvals_without_the_role_are_not_enough(root: Path) -> None:
    """Bob and Dave are two, but nobody of the role risk."""
    release = asked(root)
    as_(root, "bob").releases.approve(release["id"])
    found = as_(root, "dave").releases.approve(release["id"])
    assert found["status"] == "waiting"
    assert found["missing"] == ["role risk"]
    assert as_(root, "carol").releases.approve(release["id"])["status"] == "deploying"


def test_rejection_needs_a_reason_and_ends_the_release(root: Path) -> None:
    """Without a reason nothing is recorded; with one it is over."""
    release = asked(root)
    with pytest.raises(InvalidInputError, match="reason"):
        as_(root, "carol").releases.reject(release["id"], "")
    assert as_(root, "carol").releases.reject(release["id"], "no")["status"] == "rejected"
    with pytest.raises((ConflictError, NotPermittedError)):
        as_(root, "bob").releases.approve(release["id"])


def test_release_of_a_version_is_outdated_when_another_goes_live(root: Path) -> None:
    """What is approved is the transition: when its base changes, it needs a new request."""
    waiting = asked(root, "cancer@2", by="bob")
    as_(root, "carol").releases.approve(waiting["id"])
    live(root, "cancer@1", by="alice")
    found = as_(root, "dave").releases.show(waiting["id"])
    assert found["status"] == "outdated"
    assert found["outdated_because"]
    with pytest.raises(ConflictError):
        as_(root, "dave").releases.approve(waiting["id"])


def test_regression_against_the_live_version_is_measured(root: Path) -> None:
    """The second release's gate compares with what is live, and the diff says what changes."""
    live(root, "cancer@1", by="alice")
    second = asked(root, "cancer@2", by="bob")
    assert second["replaces_version"] == "cancer@1"
    assert second["gate"] is not None
    regression = next(one for one in second["gate"]["checks"] if one["kind"] == "no-regression")
    assert regression["value"] is not None
    assert "cancer@1" in regression["reason"]


def test_rollback_goes_to_the_version_before_by_its_role_with_a_reason(root: Path) -> None:
    """Only oncall may; the pointer moves back and a new generation begins."""
    live(root, "cancer@1", by="alice")
    live(root, "cancer@2", by="bob")
    endpoint = as_(root, "dave").deployments.show(ENDPOINT)
    assert endpoint["rollback_to"] == ["cancer@1"]
    with pytest.raises(NotPermittedError):
        as_(root, "carol").deployments.rollback(ENDPOINT, "worse")
    with pytest.raises(InvalidInputError, match="reason"):
        as_(root, "dave").deployments.rollback(ENDPOINT, " ")
    because = as_(root, "carol").deployments.why_no_rollback("production")
    assert because == "carol may not stop or roll back production: it needs the role oncall."
    assert not as_(root, "dave").deployments.why_no_rollback("production")
    back = as_(root, "dave").deployments.rollback(ENDPOINT, "worse")
    assert back["version"] == "cancer@1"
    assert back["generation"] == endpoint["generation"] + 1
    with pytest.raises(ConflictError):
        as_(root, "dave").deployments.rollback(ENDPOINT, "again", to="cancer@2")
    with as_(root, "dave") as workspace:
        last = workspace.deck.state.n
        (now,) = workspace.standing.read()["endpoints"]
    assert (now["version"], now["release"], now["report_by"]) == ("cancer@1", "cancer-1", "alice")
    with Workspace.open(root, user="dave", as_of=str(last - 1)) as before:
        then = before.standing.read()
    assert then["n"] == last - 1
    assert [(one["version"], one["approved_by"]) for one in then["endpoints"]] == [
        ("cancer@2", ["carol", "dave"])
    ]


def test_failed_report_of_every_server_puts_the_pointer_back(root: Path) -> None:
    """When the new version cannot be served, the old one is the live version again."""
    live(root, "cancer@1", by="alice")
    release = asked(root, "cancer@2", by="bob")
    for voter in ("carol", "dave"):
        as_(root, voter).releases.approve(release["id"])
    endpoint = as_(root, "server").deployments.show(ENDPOINT)
    as_(root, "server").deployments.report(
        ENDPOINT,
        generation=endpoint["generation"],
        manifest=endpoint["manifest"],
        outcome="failed",
        reason="no memory",
    )
    assert as_(root, "bob").deployments.show(ENDPOINT)["version"] == "cancer@1"
    assert as_(root, "bob").releases.show(release["id"])["status"] == "failed"


def test_inbox_holds_what_waits_for_the_person_only(root: Path) -> None:
    """A release waits for those who can approve it, until they did."""
    release = asked(root)
    assert as_(root, "alice").overview.inbox() == []
    (item,) = as_(root, "carol").overview.inbox()
    assert item["subject"] == f"release:{release['id']}"
    as_(root, "carol").releases.approve(release["id"])
    assert as_(root, "carol").overview.inbox() == []


def test_same_content_is_registered_once(root: Path) -> None:
    """The same files of the same run are the same version."""
    run = next(one for one in as_(root, "alice").runs.list() if one["user"] == "alice")
    with pytest.raises(ConflictError, match="cancer@1"):
        as_(root, "alice").models.register(run["id"], "cancer")


@pytest.fixture
def strict(root: Path) -> Path:
    """Return the workspace where gate reports are the duty of the role qa, which quinn has."""
    path = root / "modeldeck.toml"
    text = path.read_text()
    path.write_text(text.replace('gate = "production"', 'gate = "production"\ngate_roles = ["qa"]'))
    with as_(root, "alice") as workspace:
        workspace.policies.adopt()
        workspace.members.add(NewMember("quinn", kind="ci", roles=("qa",)))
    return root


def test_release_whose_report_is_somebody_elses_duty_waits_for_it_and_says_so(strict: Path) -> None:
    """Nothing is measured in vain and nothing is refused: who asks is told who makes it."""
    release = asked(strict)
    assert release["status"] == "checking"
    assert release["missing"][0] == "a gate report by the role qa"
    assert as_(strict, "alice").gates.reporters(release["id"]) == ["quinn"]
    assert release["why_not"] == "it is checking: it lacks a gate report by the role qa"
    (item,) = as_(strict, "quinn").inbox.items(has_runs=False)
    assert (item["kind"], item["subject"]) == ("report", f"release:{release['id']}")
    assert item["next"] == "modeldeck gate run cancer@1 --environment production"
    assert [one["kind"] for one in as_(strict, "carol").inbox.items(has_runs=False)] == []


def test_request_whose_report_nobody_could_make_is_refused(strict: Path) -> None:
    """The one who may make it asks: that would wait for ever; another one may help."""
    with pytest.raises(NotPermittedError, match="quinn asked for the release") as caught:
        asked(strict, by="quinn")
    assert "Let somebody else ask" in caught.value.hint
    assert not as_(strict, "quinn").releases.list()
    with as_(strict, "alice") as workspace:
        workspace.members.add(NewMember("robot", kind="ci", roles=("qa",)))
    release = asked(strict, by="quinn")
    assert release["status"] == "checking"
    assert as_(strict, "quinn").gates.reporters(release["id"]) == ["robot"]


def test_maker_whose_account_has_another_name_is_excluded_all_the_same(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run names the Unix account; its folder says whose account that is: alice's."""
    monkeypatch.setattr(Gates, "run", lambda *_: None)
    (folder,) = (one.parent for one in root.glob("runs/*/*/run.json") if "bob" in one.read_text())
    for name in ("run.json", "end.json"):
        path = folder / name
        path.write_text(path.read_text().replace('"bob"', '"unix-alice"'))
    with as_(root, "carol") as workspace:
        version = workspace.models.register(folder.name, "other")
        assert version["authors"] == ["unix-alice", "alice"]
        release = workspace.releases.request(version["id"], "staging")
        state = workspace.deck.state
    assert {"alice", "carol"} <= {one["by"] for one in release["excluded"]}
    with pytest.raises(NotPermittedError, match="alice made the version"):
        quorum.may_vote(state, state.releases[release["id"]], person="alice")


def test_review_shows_the_roles_that_an_exception_for_the_model_asks_for(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not those of the environment, which are for other models."""
    monkeypatch.setattr(Gates, "run", lambda *_: None)
    path = root / "modeldeck.toml"
    exception = '[environments.production.models."can*"]\nroles = { oncall = 1 }\n[[gates'
    path.write_text(path.read_text().replace("[[gates", exception, 1))
    with as_(root, "alice") as workspace:
        workspace.policies.adopt()
        release = asked(root)
        voters = workspace.reviewing.review(release["id"])["voters"]
    roles = {one["by"]: one["roles"] for one in voters if one["may"]}
    assert roles == {"bob": [], "carol": [], "dave": ["oncall"]}
