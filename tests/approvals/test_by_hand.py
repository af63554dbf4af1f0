"""Deploying by writing files: a server believes none of it, and serves what it served."""

from __future__ import annotations

import contextlib
import json
import random
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest

from modeldeck.domain.documents import EndpointDocument
from modeldeck.domain.entry import canonical, digest_of
from modeldeck.errors import ModelDeckError
from modeldeck.jobs.follow import Follower
from modeldeck.jobs.following.copies import Copies
from modeldeck.jobs.following.trial import Trial
from modeldeck.serving.records import Records
from modeldeck.serving.registry import Registry, Served
from modeldeck.serving.rows import RowChecker
from modeldeck.store import places
from modeldeck.store.ledger import entry_path, numbers
from modeldeck.store.streams import Stream
from modeldeck.workspace import Workspace
from tests.approvals.signed import Signed


class Following(Follower):
    """Follows as a server does; what it would load is not a model here, and nothing is loaded."""

    def _tried(self, endpoint: EndpointDocument, folder: Path) -> Served:
        assert (folder / "model.skops").is_file()
        model, _at, number = endpoint["version"].partition("@")
        manifest, generation = endpoint["manifest"], endpoint["generation"]
        checker = cast("RowChecker", None)
        return Served(model, number, manifest, generation, {}, None, checker)


class Hand:
    """Somebody with write access to everything, and one server beside."""

    def __init__(self, world: Signed, follower: Follower, rng: random.Random) -> None:
        self.world, self.follower, self.rng = world, follower, rng
        self.wanted = world.waiting()
        world.fold(world.ballot(self.wanted, "dave"))  # one vote is missing
        follower.look()

    @property
    def n(self) -> int:
        """The number of the last entry."""
        return numbers(self.world.root)[-1]

    def write(self, n: int, **fields: object) -> None:
        """Write an entry like the last one, with other fields, and its right chain."""
        last = entry_path(self.world.root, n - 1).read_bytes()
        body = {**json.loads(last), "n": n, "prev": digest_of(last), **fields}
        entry_path(self.world.root, n).write_bytes(canonical(body) + b"\n")

    def vote(self) -> None:
        """Write the missing vote without a signature."""
        intent = self.world.ballot(self.wanted, "carol")
        self.write(
            self.n + 1,
            id=f"hand{self.rng.random()}",
            by="carol",
            body=dict(intent.body),
            head=self.world.state.head,
            signature="",
        )

    def borrowed(self) -> None:
        """Write the missing vote with the signature of another."""
        self.write(self.n + 1, by="carol", id=f"hand{self.rng.random()}")

    def start(self) -> None:
        """Write that somebody started it."""
        self.write(
            self.n + 1,
            id=f"hand{self.rng.random()}",
            by="dave",
            action="deployment.start",
            body={"generation": 1, "issued": self.world.at()},
            signature="",
        )

    def rollback(self) -> None:
        """Write that somebody rolled back to it."""
        known = self.world.state.releases[self.wanted]
        self.write(
            self.n + 1,
            id=f"hand{self.rng.random()}",
            by="dave",
            action="deployment.rollback",
            subject="endpoint:churn@production",
            body={"generation": 1, "reason": "x", "to": known.version, "manifest": known.manifest},
            signature="",
        )

    def rewrite(self) -> None:
        """Let the version that is live be another, and chain everything behind it anew."""
        manifest = self.world.state.releases[self.wanted].manifest.encode()
        live = self.world.state.endpoints["churn@production"].pointer.manifest.encode()
        for n in numbers(self.world.root)[1:]:
            path = entry_path(self.world.root, n)
            prev = digest_of(entry_path(self.world.root, n - 1).read_bytes())
            value = json.loads(path.read_bytes().replace(live, manifest))
            path.chmod(0o644)
            path.write_bytes(canonical({**value, "prev": prev}) + b"\n")

    def cut(self) -> None:
        """Cut off the end, and write another one."""
        entry_path(self.world.root, self.n).unlink()
        self.vote()

    def swap_model(self) -> None:
        """Put the wanted version's file into the place of the live one's."""
        old, new = (
            self._model_of(one)
            for one in (
                self.world.state.endpoints["churn@production"].pointer.manifest,
                self.world.state.releases[self.wanted].manifest,
            )
        )
        old.chmod(0o644)
        old.write_bytes(new.read_bytes())

    def swap_manifest(self) -> None:
        """Put the wanted manifest into the place of the live one."""
        objects = self.world.objects
        live = self.world.state.endpoints["churn@production"].pointer.manifest
        path = objects.path(live)
        path.chmod(0o644)
        path.write_bytes(objects.read(self.world.state.releases[self.wanted].manifest))

    def _model_of(self, manifest: str) -> Path:
        value = json.loads(self.world.objects.read(manifest))
        return self.world.objects.path(value["subject"][0]["digest"]["sha256"])

    def policy(self) -> None:
        """Ask for nothing in the file that people edit."""
        path = self.world.root / places.CONFIG
        path.write_text('[workspace]\nname = "test"\n[environments.production]\napprovals = 0\n')

    def pointer(self) -> None:
        """Write pointers where one might look for them."""
        known = self.world.state.releases[self.wanted]
        folder = self.world.root / "endpoints" / "production" / "churn"
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("served.json", "pointer.json", "current"):
            text = json.dumps({"version": known.version, "manifest": known.manifest})
            (folder / name).write_text(text)


DEEDS: tuple[Callable[[Hand], None], ...] = (
    Hand.vote,
    Hand.borrowed,
    Hand.start,
    Hand.rollback,
    Hand.rewrite,
    Hand.cut,
    Hand.swap_model,
    Hand.swap_manifest,
    Hand.policy,
    Hand.pointer,
)


def started(workspace: Workspace, copies: Path, *, records: Records) -> Follower:
    """Start a server that remembers what it copied before, if it did."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # workers of pytest have threads
        trial = Trial()
    return Following(
        workspace,
        "production",
        registry=Registry(),
        records=records,
        copies=Copies(copies),
        trial=trial,
    )


@contextlib.contextmanager
def serving(world: Signed, folder: Path) -> Iterator[Follower]:
    """Give a server that looks when it is told to, and serves a first version."""
    release = world.waiting()
    for name in ("dave", "carol"):
        world.fold(world.ballot(release, name))
    key = world.key_file("server", folder)
    records = Records(lambda _model: folder, Stream)
    with Workspace.open(world.root, key=key, now=lambda: world.now) as workspace:
        follower = started(workspace, folder / "copies", records=records)
        try:
            follower.look()
            yield follower
        finally:
            follower.close()
            records.close()


def _snapshot(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def _restore(root: Path, files: dict[Path, bytes]) -> None:
    for path in [path for path in root.rglob("*") if path.is_file() and path not in files]:
        path.unlink()
    for path, data in files.items():
        if path.read_bytes() != data:
            path.chmod(0o644)
            path.write_bytes(data)


@pytest.mark.parametrize(
    "n_times", [len(DEEDS), pytest.param(100, marks=[pytest.mark.slow, pytest.mark.timeout(600)])]
)
def test_files_written_by_hand_deploy_nothing(
    world: Signed, tmp_path: Path, rng: random.Random, seed: int, n_times: int
) -> None:
    """One hand-made change or two at a time: the server, and one started anew, serve the old."""
    with serving(world, tmp_path) as follower:
        served = follower.registry.get("churn")
        assert served is not None
        world.look()  # what the server reported
        assert served.version == "1"
        hand = Hand(world, follower, rng)
        before = _snapshot(world.root)
        for count in range(n_times):
            deeds = [DEEDS[count % len(DEEDS)], *rng.sample(DEEDS, count // len(DEEDS) % 2)]
            for deed in deeds:
                deed(hand)
            about = f"seed {seed}, time {count}: {[one.__name__ for one in deeds]}"
            with Workspace.open(world.root, is_read_only=True, now=lambda: world.now) as again:
                follower.workspace = again
                with contextlib.suppress(ModelDeckError):
                    follower.look()
                endpoint = again.deck.state.endpoints.get("churn@production")
                with contextlib.suppress(ModelDeckError):
                    follower._load(again.deployments.show("churn@production"))
            now = follower.registry.get("churn")
            assert now is not None, about
            assert (now.version, now.manifest) == (served.version, served.manifest), about
            assert endpoint is None or endpoint.pointer.version != "churn@2", about
            _restore(world.root, before)


def test_vote_that_is_real_deploys(world: Signed, tmp_path: Path) -> None:
    """The same server follows a vote that counts."""
    with serving(world, tmp_path) as follower:
        world.look()
        hand = Hand(world, follower, random.Random(1))
        world.fold(world.ballot(hand.wanted, "carol"))
        follower.look()
        now = follower.registry.get("churn")
        assert now is not None
        assert now.version == "2"
        assert now.manifest == world.state.releases[hand.wanted].manifest
