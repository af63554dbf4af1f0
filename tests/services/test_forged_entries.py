"""Entries that somebody forges with real keys: each is void with its reason.

For four kinds of keys: ed25519, ECDSA, and hardware keys whose token is software here.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest

from modeldeck import clock
from modeldeck.domain.entry import Intent, Json, entry_bytes, signed_bytes
from modeldeck.domain.state import Activity, State
from modeldeck.services.base.config import NewMember
from modeldeck.services.founding import init
from modeldeck.services.members import Change
from modeldeck.store import files
from modeldeck.store.ledger import Ledger, entry_path
from modeldeck.store.signing import NAMESPACE, signer_from_file
from modeldeck.store.verifying import Verifier
from modeldeck.workspace import Workspace
from tests.domain.chain import digest
from tests.store.agents import make_key
from tests.store.tokens import Token

pytestmark = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="ssh-keygen (openssh-client) is not installed"
)

POLICY = """
name = "forged"
[environments.production]
approvals = 2
roles = { risk = 1 }
trust = "signed"
gate = "production"
[[gates.production.checks]]
name = "loads"
kind = "loads"
"""


class Hand(Protocol):
    """What signs."""

    @property
    def public(self) -> str:
        """The public key."""

    def sign(self, payload: bytes, namespace: str = NAMESPACE) -> str:
        """Return an armoured signature."""


@dataclass(frozen=True)
class FileKey:
    """A key in a file, which signs in any namespace."""

    path: str

    @property
    def public(self) -> str:
        return signer_from_file(self.path).public

    def sign(self, payload: bytes, namespace: str = NAMESPACE) -> str:
        command = ["ssh-keygen", "-Y", "sign", "-q", "-f", self.path, "-n", namespace]
        return subprocess.run(
            command, input=payload, capture_output=True, check=True
        ).stdout.decode()


class World:
    """A workspace of ann's on the disk, in which anybody can write any bytes."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.kind, self.folder, self.root = kind, folder, folder / "ws"
        self.hands: dict[str, Hand] = {"ann": FileKey(make_key(folder, "ann"))}
        for name in ("bob", "bob-2", "carol", "carol-2", "carol-3", "dave", "late", "stranger"):
            self.hands[name] = self._hand(name)
        self.root.mkdir()
        (self.root / "modeldeck.toml").write_text(POLICY)
        ann = str(folder / "ann")
        init(self.root, owner="ann", keys=[ann])
        self.owner = Workspace.open(self.root, key=ann)
        for name, keys in (("bob", ["bob"]), ("carol", ["carol", "carol-2"]), ("dave", ["dave"])):
            publics = tuple(self.hands[key].public for key in keys)
            roles = ("risk",) if name == "carol" else ()
            self.owner.members.add(NewMember(name, uid=7, roles=roles, keys=publics))
        self.ledger = Ledger(self.root, Verifier(None))
        self.ledger.refresh()
        self.n = 0

    def _hand(self, name: str) -> Hand:
        return (
            Token(self.kind)
            if self.kind.startswith("sk-")
            else FileKey(make_key(self.folder, name, kind=self.kind))
        )

    @property
    def state(self) -> State:
        self.ledger.refresh()
        return self.ledger.state

    def intent(self, by: str, action: str, subject: str, body: dict[str, Json]) -> Intent:
        """Return an intent of somebody who saw the newest head."""
        self.n += 1
        state = self.state
        return Intent(f"id{self.n}", by, action, subject, body, state.workspace, state.head)

    def signed(self, intent: Intent, hand: str, namespace: str = NAMESPACE) -> Intent:
        """Return it with a signature."""
        signature = self.hands[hand].sign(signed_bytes(intent), namespace)
        return replace(intent, signature=signature)

    def write(self, intent: Intent, *, at: str = "") -> Activity:
        """Record any bytes as the next entry; return what became of it."""
        state = self.state
        when = at or clock.to_text(clock.utc_now())
        data = entry_bytes(intent, n=state.n + 1, prev=state.head, at=when, host="x")
        assert files.write_new(entry_path(self.root, state.n + 1), data, tmp=self.root)
        return self.state.activity[-1]

    def say(self, by: str, action: str, subject: str, body: dict[str, Json]) -> Activity:
        """Record what counts, signed with the first key."""
        done = self.write(self.signed(self.intent(by, action, subject, body), by))
        assert not done.is_void, done.reason
        return done

    def waiting(self) -> str:
        """Have bob ask for a release of something new; return its id."""
        made: dict[str, Json] = {"manifest": digest(f"{self.n}"), "run": "", "authors": []}
        version = self.say("bob", "version.register", "model:churn", made).entity[8:]
        known = self.state.versions[version]
        endpoint = self.state.endpoint("churn", "production")
        base: dict[str, Json] = {
            "environment": "production",
            "manifest": known.manifest,
            "replaces": endpoint.base,
            "generation": endpoint.generation,
            "policy": self.state.policy_digest,
        }
        report = {**base, "report": digest("report"), "passed": True}
        self.say("bob", "gate.report", f"version:{version}", report)
        body = {**base, **self.span(), "reason": ""}
        return self.say("bob", "release.request", f"version:{version}", body).entity[8:]

    def span(self) -> dict[str, Json]:
        """Return issued and expires."""
        now = clock.utc_now()
        return {
            "issued": clock.to_text(now),
            "expires": clock.to_text(now + timedelta(hours=1)),
        }

    def statement(self, release: str) -> dict[str, Json]:
        """Return the statement of an approval."""
        known: Any = self.state.releases[release]
        names = "request manifest report policy environment replaces generation".split()  # noqa: SIM905 -- as the statement lists them
        self.n += 1
        return {
            **{name: getattr(known, name) for name in names},
            "verdict": "approve",
            "reason": "",
            "nonce": f"n{self.n}",
            **self.span(),
        }

    def approval(self, release: str, by: str) -> Intent:
        """Return an approval, not signed yet."""
        return self.intent(by, "release.vote", f"release:{release}", self.statement(release))


Forge = Callable[[World, str], Activity]


def _edited(world: World, release: str, **changes: Any) -> Activity:  # noqa: ANN401 -- any field
    return world.write(replace(world.signed(world.approval(release, "carol"), "carol"), **changes))


def _edited_body(world: World, release: str) -> Activity:
    signed = world.signed(world.approval(release, "carol"), "carol")
    return world.write(replace(signed, body={**signed.body, "reason": "another one"}))


def _other_release(world: World, release: str) -> Activity:
    other = world.waiting()
    return _edited(world, release, subject=f"release:{other}")


def _replayed_statement(world: World, release: str) -> Activity:
    other = world.waiting()
    intent = world.approval(release, "carol")
    return world.write(world.signed(replace(intent, subject=f"release:{other}"), "carol"))


def _extra_field(world: World, release: str) -> Activity:
    intent = world.approval(release, "carol")
    more = replace(intent, body={**intent.body, "extra": "x"})
    return world.write(world.signed(more, "carol"))


def _again(world: World, release: str) -> Activity:
    signed = world.signed(world.approval(world.waiting(), "carol"), "carol")
    assert not world.write(signed).is_void
    return world.write(signed)


def _second_key(world: World, release: str) -> Activity:
    release = world.waiting()
    assert not world.write(world.signed(world.approval(release, "carol"), "carol")).is_void
    return world.write(world.signed(world.approval(release, "carol"), "carol-2"))


def _own_second_key(world: World, release: str) -> Activity:
    world.owner.members.change("bob", Change(add_keys=(world.hands["bob-2"].public,)))
    return world.write(world.signed(world.approval(world.waiting(), "bob"), "bob-2"))


def _late_key(world: World, release: str) -> Activity:
    world.owner.members.change("carol", Change(add_keys=(world.hands["carol-3"].public,)))
    return world.write(world.signed(world.approval(release, "carol"), "carol-3"))


def _newcomer(world: World, release: str) -> Activity:
    world.owner.members.add(NewMember("late", keys=(world.hands["late"].public,)))
    return world.write(world.signed(world.approval(release, "late"), "late"))


def _revoked(world: World, release: str) -> Activity:
    """By the revoked key on a head of before; then dated back too."""
    release = world.waiting()
    early = [world.signed(world.approval(release, "carol"), "carol") for _ in range(2)]
    world.owner.members.change("carol", Change(revoke_keys=(world.hands["carol"].public,)))
    assert world.write(early[0]).is_void
    return world.write(early[1], at="2020-01-01T00:00:00.000000Z")


def _owners_right(world: World, release: str) -> Activity:
    body: dict[str, Json] = {
        "name": "mallory",
        "kind": "person",
        "uid": -1,
        "roles": ["risk"],
        "environments": [],
        "keys": [world.hands["stranger"].public],
    }
    intent = world.intent("carol", "member.add", "member:mallory", body)
    return world.write(world.signed(intent, "carol"))


def _armoured(world: World, release: str) -> Activity:
    signed = world.signed(world.approval(release, "carol"), "carol")
    lines = signed.signature.splitlines()
    return world.write(replace(signed, signature="\n".join([lines[0], *lines[2:]])))


CASES: dict[str, tuple[Forge, str]] = {
    "by a key of nobody": (
        lambda w, r: w.write(w.signed(w.approval(r, "carol"), "stranger")),
        "does not verify under a key",
    ),
    "by another member's key": (
        lambda w, r: w.write(w.signed(w.approval(r, "carol"), "dave")),
        "does not verify under a key",
    ),
    "in another namespace": (
        lambda w, r: w.write(w.signed(w.approval(r, "carol"), "carol", "git")),
        "does not verify under a key",
    ),
    "without a signature": (
        lambda w, r: w.write(w.approval(r, "carol")),
        "needs the level signed",
    ),
    "with half a signature": (_armoured, "does not verify under a key"),
    "with an edited statement": (_edited_body, "does not verify under a key"),
    "under another name": (lambda w, r: _edited(w, r, by="dave"), "does not verify under a key"),
    "under another id": (lambda w, r: _edited(w, r, id="x"), "does not verify under a key"),
    "moved to another release": (_other_release, "does not verify under a key"),
    "of a statement about another release": (_replayed_statement, "about another"),
    "of another workspace": (
        lambda w, r: w.write(
            w.signed(replace(w.approval(r, "carol"), workspace=digest("other")), "carol")
        ),
        "of another workspace",
    ),
    "on the head of another chain": (
        lambda w, r: w.write(
            w.signed(replace(w.approval(r, "carol"), head=digest("other")), "carol")
        ),
        "not of this chain",
    ),
    "with one field more": (_extra_field, "right fields: extra"),
    "once more": (_again, "its id was used by entry"),
    "by a second key of the same person": (_second_key, "voted approve on"),
    "of one's own by a new key": (_own_second_key, "may not vote"),
    "by a key from after the request": (_late_key, "was recorded by entry"),
    "by somebody from after the request": (_newcomer, "became a member by entry"),
    "of what owners decide": (_owners_right, "for owners"),
    "by a revoked key, on an early head and dated back": (_revoked, "does not verify under a key"),
}


@pytest.mark.parametrize(
    "kind",
    [
        "ed25519",
        "sk-ssh-ed25519@openssh.com",
        pytest.param("ecdsa", marks=pytest.mark.slow),
        pytest.param("sk-ecdsa-sha2-nistp256@openssh.com", marks=pytest.mark.slow),
    ],
)
def test_forged_approval_is_void_with_its_reason(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each in its turn; in the end the release still waits, and the honest ones decide it."""
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    world = World(tmp_path, kind)
    release = world.waiting()
    for name, (forge, says) in CASES.items():
        done = forge(world, release)
        assert done.is_void, name
        assert says in done.reason, name
        assert {one.status for one in world.state.releases.values()} == {"waiting"}, name
    assert world.state.member("mallory") is None
    for by, hand in (("carol", "carol-2"), ("dave", "dave")):
        assert not world.write(world.signed(world.approval(release, by), hand)).is_void
    assert world.state.releases[release].status == "deploying"


def test_demoted_voter_counts_no_more_and_the_edited_file_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A role that is taken takes its vote's role with it; modeldeck.toml is no policy."""
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    world = World(tmp_path, "ed25519")
    release = world.waiting()
    assert not world.write(world.signed(world.approval(release, "carol"), "carol")).is_void
    world.owner.members.change("carol", Change(remove_roles=("risk",)))
    path = world.root / "modeldeck.toml"
    path.write_text(path.read_text().replace("approvals = 2", "approvals = 1"))
    assert not world.write(world.signed(world.approval(release, "dave"), "dave")).is_void
    assert world.state.releases[release].status == "waiting"
    assert world.state.policy.environments["production"].approvals == 2
