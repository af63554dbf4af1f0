"""Owners who decide together, keys that are rotated, and what a person without a key is told."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from modeldeck import clock
from modeldeck.domain.entry import Intent, Json, entry_bytes, signed_bytes
from modeldeck.errors import (
    ConflictError,
    InvalidInputError,
    ModelDeckError,
    NotFoundError,
    NotPermittedError,
)
from modeldeck.services import founding
from modeldeck.services.base.config import NewMember
from modeldeck.services.founding import Founder, init
from modeldeck.services.governing.proposals import Proposals
from modeldeck.services.members import Change, Members
from modeldeck.store import files
from modeldeck.store.ledger import entry_path
from modeldeck.store.signing import signer_from_file
from modeldeck.workspace import Workspace
from tests.store.agents import hold, make_key, running_agent

pytestmark = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="ssh-keygen (openssh-client) is not installed"
)

Keys = dict[str, str]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """Return the private keys of people, by name."""
    folder = tmp_path_factory.mktemp("keys")
    return {name: make_key(folder, name) for name in ("ann", "ben", "cat", "new", "ci")}


@pytest.fixture
def shared(tmp_path: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a workspace that ann and ben own together; cat is proposed. No key lies at home."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    root = tmp_path / "shared"
    ben = Founder("ben", 1002, (f"{keys['ben']}.pub",))
    init(root, owner="ann", keys=[keys["ann"]], trust="signed", others=[ben], threshold=2)
    with Workspace.open(root, key=keys["ann"]) as workspace:
        cat = NewMember("cat", roles=("risk",), keys=(f"{keys['cat']}.pub",))
        assert workspace.members.add(cat) is None
    return root


def members(root: Path, key: str) -> Members:
    """Return the members' service, as whoever owns a key."""
    return Workspace.open(root, key=key).members


def proposals(root: Path, key: str) -> Proposals:
    """Return what owners propose, as whoever owns a key."""
    return Workspace.open(root, key=key).proposals


def support(root: Path, key: str) -> bool:
    """Support the one thing that waits."""
    (waiting,) = proposals(root, key).list()
    return proposals(root, key).support(str(waiting["n"]))


def test_two_owners_found_and_decide_together(shared: Path, keys: Keys) -> None:
    """What one proposes waits for the other, who sees it in the inbox; nobody else does."""
    mine = proposals(shared, keys["ann"]).list()
    assert [(one["n"], one["lacks"], one["waits_for"]) for one in mine] == [(2, 1, ["ben"])]
    assert mine[0]["supporters"] == [{"by": "ann", "level": "signed", "counts": True}]
    assert not mine[0]["can_support"]
    with Workspace.open(shared, key=keys["ann"]) as workspace:
        (waits,) = workspace.inbox.read()["mine"]
        assert (waits["kind"], waits["detail"]) == ("proposed", "waits for ben; 1 of 2 owners")
        assert workspace.overview.inbox() == []
    with Workspace.open(shared, key=keys["ben"]) as workspace:
        (item,) = workspace.overview.inbox()
        assert (item["kind"], item["subject"]) == ("support", f"proposal:{mine[0]['id']}")
        assert item["next"] == f"modeldeck member support {mine[0]['id'][:8]}"
        before = workspace.activity.revision
        assert workspace.activity.list(1)[0]["text"].startswith("proposed, waits")
        assert workspace.proposals.support(mine[0]["id"][:6])
        assert workspace.activity.revision != before
        lines = [one["text"] for one in workspace.activity.list(2)]
        assert lines[0] == "supported entry 2 of ann: added cat as a member"
        assert lines[1] == "added cat as a member"
        assert workspace.overview.inbox() == []
        assert workspace.proposals.list() == []
    with pytest.raises(NotFoundError, match="no proposal"):
        proposals(shared, keys["ann"]).support("2")


def test_withdrawn_proposal_waits_no_more_and_says_so(shared: Path, keys: Keys) -> None:
    """Its maker or another owner withdraws it; the activity never says that it was done."""
    with pytest.raises(NotPermittedError):
        proposals(shared, keys["cat"]).withdraw("2")
    (known,) = proposals(shared, keys["ann"]).list()
    assert known["can_withdraw"]
    with Workspace.open(shared, key=keys["ann"]) as workspace:
        shown = workspace.proposals.withdrawing(known["id"])
        assert ("body.reason", "a typo") in shown.fields("a typo")
        made = workspace.proposals.cast(shown, "a typo")
        assert made.level == "signed"
        lines = [one["text"] for one in workspace.activity.list(2)]
        assert lines[0] == "withdrew entry 2 of ann: added cat as a member"
        assert lines[1] == "proposed, ann withdrew it by entry 3: added cat as a member"
        assert workspace.proposals.list() == []
        assert workspace.inbox.read()["mine"] == []
    with pytest.raises(NotFoundError, match="no proposal"):
        proposals(shared, keys["ben"]).support("2")


def test_policy_that_is_only_proposed_is_not_said_to_be_in_force(shared: Path, keys: Keys) -> None:
    """Since when, and by whom, is that of the policy in force: also after a withdrawal."""
    support(shared, keys["ben"])
    config = shared / "modeldeck.toml"
    config.write_text(config.read_text().replace("approvals = 1", "approvals = 2", 1))
    with Workspace.open(shared, key=keys["ann"]) as workspace:
        assert not workspace.policies.adopt()
        assert workspace.policies.show()["since_n"] == 1
        workspace.proposals.withdraw(str(workspace.deck.state.n))
        assert workspace.policies.show()["since_n"] == 1
        assert not workspace.policies.adopt()
    support(shared, keys["ben"])
    with Workspace.open(shared, key=keys["ann"]) as workspace:
        assert workspace.policies.show()["since_n"] == workspace.deck.state.n


def test_support_by_who_proposed_or_is_no_owner_is_refused(shared: Path, keys: Keys) -> None:
    """A second entry of the same owner counts once; a proposal is named without doubt."""
    with pytest.raises(ConflictError, match="already"):
        proposals(shared, keys["ann"]).support("2")
    with pytest.raises(NotFoundError):
        proposals(shared, keys["ben"]).support("")
    support(shared, keys["ben"])
    assert not members(shared, keys["ann"]).revoke("cat", "left")
    with pytest.raises(NotPermittedError, match="for owners"):
        proposals(shared, keys["cat"]).support("4")
    assert support(shared, keys["ben"])
    assert not members(shared, keys["ann"]).show("cat")["is_active"]


def test_rotated_key_acts_and_the_old_one_does_not_but_what_it_signed_stays(
    shared: Path, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By position: also a reader who verifies everything anew finds the old entries signed."""
    support(shared, keys["ben"])
    with Workspace.open(shared, key=keys["cat"]) as workspace:
        workspace.deck.commit("tag.add", "run:x", body={"tag": "a", "value": "b"})
    old = signer_from_file(keys["cat"]).fingerprint
    change = Change(
        add_keys=(f"{keys['new']}.pub",), revoke_keys=(old[:15],), reason="lost the laptop"
    )
    assert not members(shared, keys["ann"]).change("cat", change)
    assert support(shared, keys["ben"])
    with pytest.raises(NotPermittedError, match="is in force no more, since entry 6") as caught:
        members(shared, keys["cat"]).show()
    assert "never comes back" in caught.value.hint
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "anew"))
    with Workspace.open(shared, key=keys["new"]) as workspace:
        assert workspace.actor.name == "cat"
        shown = workspace.members.show()
        lines = [*workspace.activity.list()][::-1]
    assert [one["level"] for one in lines] == ["signed"] * len(lines)
    assert not any(one["void"] for one in lines)
    first, second = shown["keys"]
    assert (first["fingerprint"], first["is_revoked"], first["until_n"]) == (old, True, 6)
    assert (second["since_n"], second["until_n"]) == (6, 0)
    assert f"new key {second['fingerprint']}, revoked key {old}" in lines[4]["text"]


def backdated(root: Path, key: str, *, head_n: int) -> Intent:
    """Write an entry that a revoked key signed, as if it had seen an early head; return it."""
    with Workspace.open(root, user="cat") as workspace:
        state = workspace.deck.state
        body: dict[str, Json] = {"tag": "a", "value": "b"}
        head = state.activity[head_n - 1].digest
        intent = Intent("late", "cat", "tag.add", "run:x", body, state.workspace, head)
        signature = signer_from_file(key).sign(signed_bytes(intent), may_ask=False)
        intent = replace(intent, signature=signature)
        at = clock.to_text(clock.from_text(state.activity[head_n].at))
        data = entry_bytes(intent, n=state.n + 1, prev=state.head, at=at, host="x")
        assert files.write_new(entry_path(root, state.n + 1), data, tmp=root)
    return intent


def test_entry_that_a_revoked_key_dates_back_is_void(shared: Path, keys: Keys) -> None:
    """Neither an early time nor an early head helps: the position counts."""
    support(shared, keys["ben"])
    change = Change(add_keys=(f"{keys['new']}.pub",), revoke_keys=(keys["cat"],))
    members(shared, keys["ann"]).change("cat", change)
    support(shared, keys["ben"])
    backdated(shared, keys["cat"], head_n=3)
    with Workspace.open(shared, key=keys["new"]) as workspace:
        (line,) = workspace.activity.list(1)
    assert (line["by"], line["void"], line["level"]) == ("cat", True, "claimed")
    assert "does not verify under a key" in line["reason"]


def test_key_of_the_member_is_found_at_home_among_others(
    shared: Path, keys: Keys, tmp_path: Path
) -> None:
    """Of the keys in ~/.ssh the one is taken that the ledger records; an agent comes first."""
    ssh = tmp_path / "home" / ".ssh"
    ssh.mkdir(parents=True)
    for name in ("new", "ben"):
        for ending in ("", ".pub"):
            shutil.copy(keys[name] + ending, ssh / f"id_{name}{ending}")
    with Workspace.open(shared, user="ben") as workspace:
        signing = workspace.members.signing()
        assert (signing["source"], signing["path"]) == ("file", str(ssh / "id_ben"))
        assert workspace.proposals.support("2")
        assert workspace.activity.list(1)[0]["level"] == "signed"
    with running_agent() as socket, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSH_AUTH_SOCK", socket)
        hold(keys["ben"])
        with Workspace.open(shared, user="ben") as workspace:
            assert workspace.members.signing()["source"] == "agent"


def test_who_has_no_key_is_told_which_commands_help(shared: Path, keys: Keys) -> None:
    """Without any key, with one that is not recorded, and with one that is not at hand."""
    support(shared, keys["ben"])
    members(shared, keys["ann"]).add(NewMember("dan"))
    support(shared, keys["ben"])
    with Workspace.open(shared, user="dan") as workspace:
        advice = workspace.members.signing()["help"]
    assert "ssh-keygen -t ed25519" in advice
    assert "`modeldeck member rotate-key dan --public-key ~/.ssh/id_ed25519.pub`" in advice
    with Workspace.open(shared, user="ann") as workspace:
        with pytest.raises(NotPermittedError, match="needs the level signed") as caught:
            workspace.members.add(NewMember("eve"))
        assert "neither in an agent nor in ~/.ssh: `ssh-add FILE`" in caught.value.hint
        assert workspace.members.show("dan")["may_not"][0].endswith("no key is recorded")


def test_workspace_without_keys_can_ask_for_signatures_later(tmp_path: Path, keys: Keys) -> None:
    """Its owner records a key, then the policy may change."""
    root = tmp_path / "plain"
    init(root, owner="ann", trust="owner")
    text = (root / "modeldeck.toml").read_text()
    (root / "modeldeck.toml").write_text(text.replace('"owner"', '"signed"'))
    with Workspace.open(root, user="ann") as workspace:
        with pytest.raises(NotPermittedError, match="level signed") as caught:
            workspace.policies.adopt()
        assert "member rotate-key" in caught.value.hint
        assert workspace.members.change("ann", Change(add_keys=(keys["ann"],)))
        assert workspace.policies.adopt()
    with Workspace.open(root, key=keys["ann"]) as workspace:
        ci = NewMember("robot", kind="ci", roles=("qa",), keys=(keys["ci"],))
        assert workspace.members.add(ci)
        assert workspace.members.change("robot", Change(add_roles=("oncall",)))
        shown = workspace.members.show("robot")
    assert (shown["kind"], shown["level"]) == ("ci", "signed")
    assert [one["role"] for one in shown["roles"]] == ["qa", "oncall"]
    assert shown["roles"][1]["since_n"] > shown["roles"][0]["since_n"]
    assert not any("vote" in one for one in shown["may"])
    with Workspace.open(root, key=keys["ci"]) as workspace:
        workspace.deck.commit("tag.add", "run:x", body={"tag": "a", "value": "b"})
        assert workspace.activity.list(1)[0]["level"] == "signed"


@pytest.mark.parametrize(
    ("others", "threshold", "error", "says"),
    [
        ((Founder("ben"),), 2, NotPermittedError, "1 of the owners can reach"),
        ((Founder("ben"),), 3, InvalidInputError, "cannot be met by 2 owners"),
        ((Founder("ann"),), 1, InvalidInputError, "named twice"),
        ((Founder("-rf"),), 1, InvalidInputError, "name of an owner"),
        ((Founder("ben\n"),), 1, InvalidInputError, "name of an owner"),
        ((Founder("ben", 7, ("no such file",)),), 1, NotFoundError, "no key file"),
        ((Founder("ben", 7, ("* ssh-ed25519 AAAA",)),), 1, ModelDeckError, "no key file"),
    ],
)
def test_founding_that_could_not_go_on_leaves_nothing_behind(
    tmp_path: Path,
    others: tuple[Founder, ...],
    threshold: int,
    error: type[ModelDeckError],
    says: str,
) -> None:
    """Owners who could not decide, or are nobody: refused before anything is written."""
    with pytest.raises(error, match=says):
        init(tmp_path / "ws", owner="ann", trust="owner", others=others, threshold=threshold)
    assert not (tmp_path / "ws").exists()


def test_owners_are_written_as_name_uid_and_key() -> None:
    """And all of them together are warned of, where one that is away stops everything."""
    assert founding.founder_from("ben") == Founder("ben")
    for text in ("ben:x", "ben:-5", "ben:1e3", "ben:99999999999", "Ben:1", ":1:key"):
        with pytest.raises(InvalidInputError):
            founding.founder_from(text)
    assert [founding.majority(n) for n in (1, 2, 3, 4, 5)] == [1, 2, 2, 3, 3]
    assert [bool(founding.cautions(n, of)) for n, of in ((1, 1), (2, 2), (3, 2))] == [
        False,
        True,
        False,
    ]
    assert founding.first_of([Founder("ann", os.geteuid())]).name == "ann"
    with pytest.raises(InvalidInputError, match="founds the workspace"):
        founding.first_of([Founder("ann", os.geteuid() + 1)])
