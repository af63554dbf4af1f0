"""Every byte of a ledger and its objects: whichever is changed, verifying names the file."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from modeldeck.domain.history.documents import VerifyDocument
from modeldeck.store import places, witness
from modeldeck.store.ledger import entry_path
from modeldeck.workspace import Workspace
from tests.approvals.signed import Signed

TAMPERING = {"chain", "history", "signature"}


@pytest.fixture
def shipped(world: Signed) -> Signed:
    """Return a workspace with two versions, of which one is live and one is being voted on."""
    first = world.waiting()
    for name in ("dave", "carol"):
        world.fold(world.ballot(first, name))
    world.report("churn@production", "ready")
    world.fold(world.ballot(world.waiting(), "carol"))
    with Workspace.open(world.root, is_read_only=True) as workspace:
        witness.remember(workspace.deck.state)
    assert verified(world.root)["ok"]
    return world


def verified(root: Path, *, data: bool = False) -> VerifyDocument:
    """Verify as somebody does who was here before."""
    with Workspace.open(root, is_read_only=True) as workspace:
        return workspace.ledger_check.run(data=data)


def _files(root: Path) -> list[Path]:
    folders = (places.ledger_folder(root), places.objects_folder(root))
    return sorted(path for one in folders for path in one.rglob("*") if path.is_file())


def _named(found: VerifyDocument, path: Path) -> bool:
    """Say whether a problem names the file: by its number, or the one beside it, or its digest."""
    if path.suffix == ".json":
        n = int(path.stem)
        return any(
            one["kind"] in TAMPERING and n - 1 <= one["n"] <= n + 1 for one in found["problems"]
        )
    return any(one["digest"] == path.name for one in found["problems"])


def _missed(world: Signed, path: Path, *, at: int, mask: int) -> bool:
    whole = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(whole[:at] + bytes([whole[at] ^ mask]) + whole[at + 1 :])
    is_big = b"content" in whole
    found = verified(world.root, data=is_big)
    path.write_bytes(whole)
    path.chmod(0o444)
    return found["ok"] or not _named(found, path)


def test_some_byte_of_each_file_that_changed_is_named(
    shipped: Signed, rng: random.Random, seed: int
) -> None:
    """Entries, statements, signatures, policy, manifests, reports, models: a byte of each file."""
    for path in _files(shipped.root):
        at, mask = rng.randrange(path.stat().st_size), 1 << rng.randrange(8)
        about = f"seed {seed}: byte {at} of {path.name}, {mask}"
        assert not _missed(shipped, path, at=at, mask=mask), about
    assert verified(shipped.root, data=True)["ok"]


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_byte_that_changed_is_named(shipped: Signed, rng: random.Random, seed: int) -> None:
    """The same with every single byte of every file."""
    for path in _files(shipped.root):
        for at in range(path.stat().st_size):
            mask = 1 << rng.randrange(8)
            about = f"seed {seed}: byte {at} of {path.name}, {mask}"
            assert not _missed(shipped, path, at=at, mask=mask), about


def test_signature_that_was_changed_at_the_end_is_named_to_whoever_was_never_here(
    world: Signed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No later entry vouches for the last one; its own signature does."""
    world.fold(world.ballot(world.waiting(), "carol"))
    n = world.state.n
    path = entry_path(world.root, n)
    whole = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(whole.replace(b'"reason":""', b'"reason":"x"'))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "new"))
    (problem,) = verified(world.root)["problems"]
    assert (problem["n"], problem["kind"]) == (n, "signature")
    assert "of carol" in problem["problem"]


def test_entry_that_was_written_with_anothers_signature_is_a_note_for_good(world: Signed) -> None:
    """Once later entries vouch that it was written so, nobody changed it: verifying holds."""
    release = world.waiting()
    done = world.write(world.signed(world.ballot(release, "carol"), world.key("dave")))
    assert not verified(world.root)["ok"]
    world.fold(world.ballot(release, "dave"))
    found = verified(world.root)
    assert found["ok"]
    assert [(one["n"], one["kind"]) for one in found["notes"]] == [(done.n, "signature")]


def test_report_that_is_missing_or_another_is_named_without_hashing_everything(
    shipped: Signed,
) -> None:
    """What decisions rest on is small, and looked at every time."""
    release = next(iter(shipped.state.releases.values()))
    for wanted in (release.report, release.manifest):
        path = shipped.objects.path(wanted)
        whole = path.read_bytes()
        path.chmod(0o644)
        path.write_bytes(b"[]")
        assert wanted in {one["digest"] for one in verified(shipped.root)["problems"]}
        path.unlink()
        assert wanted in {one["digest"] for one in verified(shipped.root)["problems"]}
        path.write_bytes(whole)
    assert verified(shipped.root)["ok"]
