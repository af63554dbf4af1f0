"""Two Unix accounts in one folder: whose file an entry is says whom it may be by."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from modeldeck.domain.entry import Intent, entry_bytes
from modeldeck.domain.state import Activity
from modeldeck.store import places
from modeldeck.store.ledger import entry_path
from modeldeck.workspace import Workspace
from tests.approvals.signed import Signed, policy_of

CAROL, MALLORY = 54331, 54332
N_TIMES = 20

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to act as two accounts")


@pytest.fixture
def shared(memory: Path, fast: None) -> Signed:
    """Return a workspace where a file's owner is enough, and whose folder all accounts write to."""
    world = Signed(memory / "ws")
    for folder in (memory, world.root, world.root / places.HIDDEN):
        folder.chmod(0o755)
    places.ledger_folder(world.root).chmod(0o1777)
    world.start(policy_of(trust="owner", approvals=1, roles={}))
    for name, uid in (("cleo", CAROL), ("mallory", MALLORY)):
        body = {**world.joining(name), "uid": uid}
        world.act("ann", "member.add", f"member:{name}", body)
    return world


def write_as(world: Signed, uid: int, intent: Intent) -> Activity:
    """Let a process of another account write an unsigned entry; return what it is worth."""
    state = world.state
    data = entry_bytes(intent, n=state.n + 1, prev=state.head, at=world.at(), host="h")
    path = entry_path(world.root, state.n + 1)
    script = 'umask 022; cat > "$0"'
    subprocess.run(["sh", "-c", script, str(path)], input=data, user=uid, check=True, timeout=30)
    assert path.stat().st_uid == uid
    return world.look()


def test_author_that_another_account_forged_is_void(shared: Signed) -> None:
    """Twenty times mallory writes what cleo decides: void each time; cleo's own entry decides."""
    for count in range(N_TIMES):
        release = shared.waiting()
        forged = write_as(shared, MALLORY, shared.ballot(release, "cleo"))
        assert forged.is_void
        assert forged.level.word == "claimed"
        assert "needs the level owner" in forged.reason
        assert shared.status(release) == "waiting"
        if count % 5 == 0:
            own = write_as(shared, CAROL, shared.ballot(release, "cleo"))
            assert (own.is_void, own.level.word) == (False, "owner")
            assert shared.status(release) == "deploying"


def test_author_that_another_account_forged_is_told_by_verifying(shared: Signed) -> None:
    """With the account; nothing is wrong with the chain, and what counts is not named."""
    release = shared.waiting()
    for _ in range(2):
        write_as(shared, MALLORY, shared.ballot(release, "cleo"))
    n = shared.state.n
    with Workspace.open(shared.root, user="ann") as workspace:
        found = workspace.ledger_check.run()
    assert found["ok"]
    (note,) = found["notes"]
    assert (note["n"], note["kind"]) == (n - 1, "owner")
    assert note["problem"].startswith(f"entries {n - 1}, {n} name cleo")
    assert str(MALLORY) in note["problem"]


def test_owner_whom_another_account_plays_changes_no_rule(shared: Signed) -> None:
    """Neither members nor the policy, nor what servers say."""
    easy = policy_of(trust="claimed", approvals=0, roles={})
    before = shared.state.policy_digest
    for by, action, subject, body in (
        ("ann", "policy.adopt", "policy", {"policy": easy.to_json()}),
        ("ann", "member.add", "member:eve", shared.joining("eve")),
        ("ann", "member.revoke", "member:cleo", {"reason": "x"}),
    ):
        assert write_as(shared, MALLORY, shared.intent(by, action, subject, body)).is_void
    assert shared.state.policy_digest == before
    assert shared.state.member("eve") is None
    assert shared.state.member("cleo") is not None


def test_entry_of_another_account_cannot_be_changed_by_a_second_one(shared: Signed) -> None:
    """In a folder with the sticky bit nobody removes or overwrites the files of others."""
    write_as(shared, CAROL, shared.ballot(shared.waiting(), "cleo"))
    path = entry_path(shared.root, shared.state.n)
    before = path.read_bytes()
    script = 'echo x > "$0"; rm -f "$0"; mv "$0" "$0.old"; ln -f /etc/passwd "$0"'
    subprocess.run(
        ["sh", "-c", script, str(path)], user=MALLORY, check=False, capture_output=True, timeout=30
    )
    assert path.read_bytes() == before
    assert path.stat().st_uid == CAROL
