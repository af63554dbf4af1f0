"""The evidence of a release is checked by sha256sum and ssh-keygen alone, to the last byte."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from modeldeck.domain.entry import Json
from modeldeck.domain.membership import keys as public_keys
from modeldeck.services.evidence.folder import Evidence
from modeldeck.workspace import Workspace
from tests.approvals.keys import make
from tests.approvals.signed import Signed

PROGRAMS = ("sh", "sha256sum", "ssh-keygen", "sed", "tr", "cmp", "grep", "dirname", "printf", "cat")
pytestmark = pytest.mark.skipif(
    any(shutil.which(one) is None for one in PROGRAMS), reason="a program is not installed"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evidence]:
    """Return the evidence of a decided release: carol's key was changed before she voted."""
    place = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
            patch.setenv(name, str(place / name.lower()))
        patch.delenv("SSH_AUTH_SOCK", raising=False)
        world = Signed(place / "ws")
        world.start()
        new, old = make("ed25519"), world.key("carol").public
        body: dict[str, Json] = {
            **{one: [] for one in ("add_roles", "remove_roles")},
            "add_keys": [public_keys.parse(new.public)],
            "revoke_keys": [public_keys.parse(old)],
            "owner": "",
            "reason": "lost | `laptop`",
        }
        world.act("ann", "member.change", "member:carol", body)
        world.keys["carol"] = new
        release = world.waiting()
        for name in ("dave", "carol"):
            vote = world.ballot(release, name, reason='says "at":"x", twice\n')
            assert not world.fold(vote).is_void
        with Workspace.open(world.root) as workspace:
            yield workspace.releases.evidence(release, place / "evidence")


@pytest.fixture
def written(made: Evidence, tmp_path: Path) -> Evidence:
    """Return a copy of it."""
    return replace(made, folder=shutil.copytree(made.folder, tmp_path / "evidence"))


def alone(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the folder with nothing but the few programs that README.md names."""
    place = folder.parent / "bin"
    place.mkdir(exist_ok=True)
    for name in PROGRAMS:
        if not (place / name).exists():
            (place / name).symlink_to(str(shutil.which(name)))
    environment = {"PATH": str(place), "HOME": str(folder.parent)}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_evidence_checks_itself_without_modeldeck_and_without_jq(written: Evidence) -> None:
    """Also by hand, signature by signature, as README.md says it; a changed key counts too."""
    folder = written.folder
    done = alone(folder, "sh", "check.sh")
    assert (done.returncode, done.stdout) == (0, "OK\n"), done.stderr
    for name in ("SHA256SUMS", "chain.sha256", "objects.sha256"):
        assert alone(folder, "sha256sum", "--strict", "-c", name).returncode == 0
    assert alone(folder, "sha256sum", "SHA256SUMS").stdout.split()[0] == written.digest
    readable = {one.stat().st_mode & 0o444 for one in folder.iterdir() if one.is_file()}
    assert len(readable) == 1  # an auditor who may read one of them may read all
    told = (folder / "README.md").read_text()
    assert "sha256sum --strict -c SHA256SUMS" in told
    assert "| carol | approve |" in told
    for path in (folder / "signatures").glob("*.sig"):
        by = _author(folder, path.stem)
        words = ["ssh-keygen", "-Y", "verify", "-f", "allowed_signers", "-I", by]
        words += ["-n", "modeldeck-approval", "-s", f"signatures/{path.name}"]
        quoted = f"exec {' '.join(words)} < signatures/{path.stem}.signed"
        assert alone(folder, "sh", "-c", quoted).returncode == 0, path


def _author(folder: Path, n: str) -> str:
    lines = (folder / "check.sh").read_text().splitlines()
    return next(one.split()[2] for one in lines if one.startswith(f"verify {n} "))


def test_one_changed_byte_of_any_file_is_found(written: Evidence, rng: random.Random) -> None:
    """By the first command of README.md; what decides also by the script, were the list remade."""
    folder = written.folder
    paths = [one for one in folder.rglob("*") if one.is_file()]
    assert len(paths) > 30
    for path in paths:
        data = path.read_bytes()
        at = rng.randrange(len(data))
        path.chmod(0o644)
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        done = alone(folder, "sha256sum", "--strict", "--status", "-c", "SHA256SUMS")
        changed = alone(folder, "sha256sum", "SHA256SUMS").stdout.split()[0] != written.digest
        assert done.returncode or (changed and path.name == "SHA256SUMS"), (path.name, at)
        path.write_bytes(data)


@pytest.mark.parametrize(
    ("pattern", "before", "after", "says"),
    [
        ("signatures/*.signed", b"approve", b"approvE", "signature of entry"),
        ("ledger/*.json", b'"verdict":"approve"', b'"verdict":"approvE"', "does not follow"),
        ("ledger/*.json", b'"host":"test"', b'"host":"text"', "does not follow"),
        ("allowed_signers", b"carol ", b"carob ", "by carol"),
    ],
)
def test_change_with_a_list_made_anew_is_found_by_the_script(
    written: Evidence, pattern: str, before: bytes, after: bytes, says: str
) -> None:
    """Whoever changes a file and writes its new digest down has the chain and signatures left."""
    folder = written.folder
    path = next(one for one in folder.glob(pattern) if before in one.read_bytes())
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(before, after))
    for name in ("chain.sha256", "SHA256SUMS"):
        listed = (folder / name).read_text().split()[1::2]
        (folder / name).write_text(alone(folder, "sha256sum", *listed).stdout)
    done = alone(folder, "sh", "check.sh")
    assert done.returncode == 1
    assert "OK" not in done.stdout.split()
    assert says in done.stderr
