"""Texts that are removed, and looking back at places where something was lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from modeldeck.errors import InvalidInputError, NotFoundError, NotPermittedError
from modeldeck.store.ledger import entry_path
from modeldeck.store.objects import ObjectStore
from modeldeck.workspace import Workspace


def the_object(root: Path, n: int) -> Path:
    """Return the file of the object that an entry names."""
    with Workspace.open(root, is_read_only=True) as workspace:
        digest = str(workspace.deck.state.activity[n - 1].body["object"])
    return ObjectStore(root).path(digest)


def test_removed_text_is_gone_and_the_ledger_holds(root: Path) -> None:
    """The file goes, the chain verifies, and every list says who removed it and why."""
    with Workspace.open(root, user="bob") as workspace:
        made = workspace.annotations.add("churn", "call 555-0199")
        n = workspace.deck.state.n
        path = the_object(root, n)
        found = workspace.annotations.redact(made["id"][:8], "a number of somebody's")
        assert (found["removed"], found["by"]) == (True, "bob")
        assert not path.exists()
        (shown,) = workspace.annotations.list()
        assert shown["text"] == "text removed by bob: a number of somebody's"
        assert shown["redacted"]
        texts = {one["n"]: one["text"] for one in workspace.activity.list()}
        assert "text removed by bob: a number of somebody's" in texts[n]
        checked = workspace.ledger_check.run(data=True)
        assert checked["ok"]
        assert any("removed" in one["problem"] for one in checked["notes"])
    assert not any(b"555-0199" in one.read_bytes() for one in root.rglob("*") if one.is_file())
    cache = root.parent / "cache"
    assert not any(b"555-0199" in one.read_bytes() for one in cache.rglob("*") if one.is_file())


def test_missing_text_that_nobody_removed_is_damage(root: Path) -> None:
    """A text that is only gone is no redaction."""
    with Workspace.open(root) as workspace:
        workspace.annotations.add("churn", "still wanted")
        n = workspace.deck.state.n
        the_object(root, n).unlink()
        (problem,) = workspace.ledger_check.run()["problems"]
    assert (problem["n"], problem["kind"]) == (n, "object")


def test_text_is_removed_by_its_author_or_an_owner_once_with_a_reason(root: Path) -> None:
    """Others are refused; the owner may; a second time removes nothing more."""
    with Workspace.open(root, user="bob") as bob:
        made = bob.annotations.add("churn", "one")
        with pytest.raises(InvalidInputError, match="why"):
            bob.annotations.redact(made["id"], " ")
        with pytest.raises(NotFoundError):
            bob.annotations.redact("nothing", "x")
    with Workspace.open(root, user="carol") as carol, pytest.raises(NotPermittedError):
        carol.annotations.redact(made["id"], "x")
    with Workspace.open(root) as alice:
        assert alice.annotations.redact(made["id"], "house rule")["removed"]
        n = alice.deck.state.n
        assert alice.annotations.redact(made["id"], "again")["reason"] == "house rule"
        assert alice.deck.state.n == n


def test_text_without_a_salt_is_removed_too(root: Path) -> None:
    """Older annotations named plain objects."""
    with Workspace.open(root) as workspace:
        stored = workspace.deck.objects.put(b'{"text":"old"}')
        workspace.deck.commit("annotation.add", "model:churn", body={"object": stored})
        n = workspace.deck.state.n
        assert workspace.annotations.list()[0]["text"] == "old"
        assert workspace.annotations.redact(f"entry:{n}", "x")["removed"]
        assert not workspace.deck.objects.path(stored).exists()


def test_redacting_removes_no_file_of_a_model(root: Path) -> None:
    """Whoever annotates with the digest of a manifest or of its parts removes neither."""
    with Workspace.open(root) as workspace:
        deck = workspace.deck
        manifest = deck.state.versions["churn@1"].manifest
        part = next(
            one.name for one in root.rglob(".modeldeck/objects/*/*") if one.name != manifest
        )
        for digest in (manifest, part):
            deck.commit("annotation.add", "model:churn", body={"object": digest})
            found = workspace.annotations.redact(f"entry:{deck.state.n}", "evil")
            assert not found["removed"]
            assert deck.objects.path(digest).exists()


def test_text_that_two_annotations_share_stays_until_both_are_removed(root: Path) -> None:
    """An object goes with the last one that names it."""
    with Workspace.open(root) as workspace:
        stored = workspace.deck.objects.put(b'{"text":"twice"}')
        for _ in range(2):
            workspace.deck.commit("annotation.add", "model:churn", body={"object": stored})
        n = workspace.deck.state.n
        assert not workspace.annotations.redact(f"entry:{n - 1}", "x")["removed"]
        assert workspace.ledger_check.run()["ok"]
        assert workspace.annotations.redact(f"entry:{n}", "x")["removed"]
        assert workspace.ledger_check.run()["ok"]


def test_backup_leaves_removed_texts_out(root: Path, tmp_path: Path) -> None:
    """Also out of a backup that held the text before."""
    from modeldeck.services.history.backup import backup

    with Workspace.open(root) as workspace:
        workspace.annotations.add("churn", "call 555-0199")
        n = workspace.deck.state.n
        backup(workspace.deck, tmp_path / "bak")
        workspace.annotations.redact(f"entry:{n}", "x")
        backup(workspace.deck, tmp_path / "bak")
    files = [one for one in (tmp_path / "bak").rglob("*") if one.is_file()]
    assert not any(b"555-0199" in one.read_bytes() for one in files)
    with Workspace.open(tmp_path / "bak", is_read_only=True) as workspace:
        assert workspace.ledger_check.run(data=True)["ok"]


def test_looking_back_at_its_edges(root: Path) -> None:
    """Before entry 1 there was nothing; beyond the end is the end; between counts what was."""
    with Workspace.open(root) as workspace:
        made = workspace.annotations.add("churn", "removed later")
        n = workspace.deck.state.n
        before = str(made["at"])
        workspace.annotations.redact(made["id"], "x")
    with pytest.raises(NotFoundError, match="did not exist"):
        Workspace.open(root, as_of="2001-01-01")
    for wrong in ("0", "999", str(n + 2)):
        with pytest.raises(NotFoundError, match="no entry"):
            Workspace.open(root, as_of=wrong)
    with pytest.raises(InvalidInputError):
        Workspace.open(root, as_of="yesterday-ish")
    assert Workspace.open(root, as_of="2999-01-01").deck.state.n == n + 1
    for moment in (before, str(n)):
        then = Workspace.open(root, as_of=moment)
        assert then.deck.state.n == n
        assert "removed later" in then.annotations.list()[0]["text"]
        assert then.history.notices() == []
    first = Workspace.open(root, as_of="1")
    assert (first.deck.state.n, first.models.versions()) == (1, [])


def test_looking_back_at_a_broken_place_is_the_same_from_either_side(root: Path) -> None:
    """What waits did not count at its own position either, although the break shows behind it."""
    with Workspace.open(root) as workspace:
        workspace.annotations.tag("churn", "one")
        n = workspace.deck.state.n
        workspace.annotations.tag("churn", "two")
    path = entry_path(root, n)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b'"tag":"one"', b'"tag":"bad"'))
    for moment in (n, n + 1):
        then = Workspace.open(root, as_of=str(moment))
        assert then.annotations.tags("churn") == {}
        assert then.activity.list()[-n].get("broken")
    with Workspace.open(root) as workspace:
        assert "acknowledge" in workspace.history.notices()[0]
        assert workspace.ledger_check.run()["problems"][0]["n"] == n
        workspace.history.acknowledge(n, "seen")
        assert set(workspace.annotations.tags("churn")) == {"bad", "two"}
        assert not any("broken" in one for one in workspace.history.notices())


def test_documents_of_what_was_taken_back_go(root: Path) -> None:
    """A version registered at a place that breaks later is no version, also in a kept catalogue."""
    from tests.history.conftest import register

    assert register(root, content="two") == "churn@2"
    with Workspace.open(root) as workspace:
        n = workspace.deck.state.n
        assert len(workspace.models.versions()) == 2
    with Workspace.open(root) as workspace:
        path = entry_path(root, n)
        data = path.read_bytes()
        workspace.annotations.tag("churn", "behind")
        path.chmod(0o644)
        path.write_bytes(data.replace(b'"host":"', b'"host":"x'))
    with Workspace.open(root) as workspace:
        assert [one["id"] for one in workspace.models.versions()] == ["churn@1"]
        assert workspace.models.list()[0]["versions"] == 1
