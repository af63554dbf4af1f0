"""Who acts: signatures by SSH key, claimed names, and a policy that asks for signatures."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from modeldeck.errors import ModelDeckError, NotPermittedError
from modeldeck.services.base.config import NewMember
from modeldeck.services.founding import init
from modeldeck.tracking import start_run
from modeldeck.workspace import Workspace
from tests.store.agents import hold, running_agent

pytestmark = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="ssh-keygen (openssh-client) is not installed"
)


def key(folder: Path, name: str) -> str:
    """Make a key pair without passphrase and return the private key's path."""
    path = folder / name
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)]
    subprocess.run(command, check=True, timeout=30)
    return str(path)


@pytest.fixture
def signed(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """Return a workspace that asks for signatures, and the keys of its people."""
    keys = {name: key(tmp_path, name) for name in ("ann", "ben", "stranger")}
    root = tmp_path / "signed"
    init(root, owner="ann", keys=[keys["ann"]], trust="signed")
    with Workspace.open(root, key=keys["ann"]) as workspace:
        workspace.members.add(NewMember("ben", keys=(keys["ben"],)))
    return root, keys


def test_owner_of_the_key_acts_whatever_the_account_says(
    signed: tuple[Path, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key decides who acts, not MODELDECK_USER."""
    root, keys = signed
    monkeypatch.setenv("MODELDECK_USER", "ann")
    with Workspace.open(root, key=keys["ben"]) as workspace:
        assert workspace.actor.name == "ben"


def test_entries_are_signed_and_verify(signed: tuple[Path, dict[str, str]]) -> None:
    """Entries by key reach the level signed; verification holds."""
    root, keys = signed
    with start_run("x", workspace=root, user="ben", capture_output=False) as run:
        pass
    with Workspace.open(root, key=keys["ben"]) as workspace:
        workspace.annotations.add(f"run:{run.id}", "mine")
        assert workspace.activity.list(1)[0]["level"] == "signed"
        assert workspace.ledger_check.run()["ok"]


def test_key_of_nobody_may_nothing(signed: tuple[Path, dict[str, str]]) -> None:
    """A key that belongs to no member is refused with what to do."""
    root, keys = signed
    with pytest.raises(NotPermittedError, match="no member"):
        _ = Workspace.open(root, key=keys["stranger"]).actor


def test_claimed_name_cannot_decide_where_signatures_are_asked(
    signed: tuple[Path, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a key nobody becomes an owner by saying so."""
    root, _keys = signed
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    workspace = Workspace.open(root, user="ann")
    with pytest.raises(ModelDeckError):
        workspace.members.add(NewMember("mallory"))
    assert "mallory" not in [one["name"] for one in workspace.members.list()]


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run an SSH agent that holds no key."""
    with running_agent() as address:
        monkeypatch.setenv("SSH_AUTH_SOCK", address)
        monkeypatch.delenv("MODELDECK_USER", raising=False)
        monkeypatch.delenv("MODELDECK_KEY", raising=False)
        yield


@pytest.mark.usefixtures("agent")
def test_key_in_an_agent_says_who_acts_where_signatures_are_asked(
    signed: tuple[Path, dict[str, str]],
) -> None:
    """The Unix account is recorded for ann; the agent holds ben's key: ben acts, and signs."""
    root, keys = signed
    assert Workspace.open(root).actor.name == "ann"
    hold(keys["stranger"])
    assert Workspace.open(root).actor.name == "ann"
    hold(keys["ben"])
    with start_run("x", workspace=root, user="ben", capture_output=False) as run:
        pass
    with Workspace.open(root) as workspace:
        assert workspace.actor.name == "ben"
        workspace.annotations.add(f"run:{run.id}", "mine")
        (line,) = workspace.activity.list(1)
        assert (line["by"], line["level"]) == ("ben", "signed")
    assert Workspace.open(root, user="ann").actor.name == "ann"
    assert Workspace.open(root, key=keys["ann"]).actor.name == "ann"
    hold(keys["ann"])  # now the agent does not say who
    assert Workspace.open(root).actor.name == "ann"


@pytest.mark.usefixtures("agent")
def test_key_in_an_agent_says_nothing_where_no_signature_is_asked(
    signed: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    """Elsewhere the system's user acts."""
    _root, keys = signed
    init(tmp_path / "plain", owner="ann", trust="owner")
    with Workspace.open(tmp_path / "plain", user="ann") as workspace:
        workspace.members.add(NewMember("ben", keys=(keys["ben"],)))
    hold(keys["ben"])
    assert Workspace.open(tmp_path / "plain").actor.name == "ann"


def test_other_files_among_the_keys_do_not_matter(
    signed: tuple[Path, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Notes, folders and links to nowhere in ~/.ssh: the member's key is found all the same."""
    root, keys = signed
    folder = tmp_path / "home" / ".ssh"
    folder.mkdir(parents=True)
    for name in ("a_notes", "a_notes.pub"):
        (folder / name).write_text("not a key")
    (folder / "b_folder").write_text("x")
    (folder / "b_folder.pub").mkdir()
    (folder / "c_loop").symlink_to("c_loop")
    (folder / "c_loop.pub").symlink_to("c_loop.pub")
    for ending in ("", ".pub"):
        shutil.copy(keys["ann"] + ending, folder / f"id.work{ending}")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with Workspace.open(root, user="ann") as workspace:
        workspace.members.add(NewMember("zed"))
        assert workspace.activity.list(1)[0]["level"] == "signed"


def test_thread_that_could_hold_up_a_signed_release_is_signed_where_a_key_is_at_hand(
    signed: tuple[Path, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has to name the key for a question to count; elsewhere it asks for no signature."""
    root, keys = signed
    folder = tmp_path / "home" / ".ssh"
    folder.mkdir(parents=True)
    for ending in ("", ".pub"):
        shutil.copy(keys["ben"] + ending, folder / f"id_ed25519{ending}")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with start_run("x", workspace=root, user="ben", capture_output=False) as run:
        pass
    levels = []
    for _ in range(2):
        with Workspace.open(root, user="ben") as workspace:
            workspace.threads.start(f"run:{run.id}", "is that so?")
            levels.append(workspace.activity.list(1)[0]["level"])
        path = root / "modeldeck.toml"
        path.write_text(path.read_text().replace("trust =", "resolve_threads = true\ntrust ="))
        if len(levels) == 1:
            with Workspace.open(root, key=keys["ann"]) as workspace:
                workspace.policies.adopt()
    assert levels == ["claimed", "signed"]
