"""A thousand tamperings with a witness, forks, and policies that lie in files."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modeldeck.domain.entry import canonical, digest_of
from modeldeck.domain.history.breaks import open_breaks
from modeldeck.jobs.following.copies import Copies
from modeldeck.services.base.deck import Deck
from modeldeck.store import places, witness
from modeldeck.store.ledger import Ledger, entry_path, numbers
from modeldeck.store.verifying import Verifier
from modeldeck.workspace import Workspace
from tests.store.ledger_writer import commit, make, opened

N_ENTRIES = 9

Chain = list[bytes]
Tampering = Callable[[Chain, random.Random], Chain]


def _value(data: bytes) -> dict[str, Any]:
    return dict(json.loads(data))


def _rewritten(data: bytes, **fields: Any) -> bytes:  # noqa: ANN401 -- whatever a tamperer writes
    return canonical({**_value(data), **fields}) + b"\n"


def _chained(chain: Chain, start: int) -> Chain:
    """Number and chain everything from a place on anew, as a careful tamperer would."""
    made = chain[:start]
    for data in chain[start:]:
        prev = digest_of(made[-1]) if made else _value(data)["prev"]
        made.append(_rewritten(data, n=len(made) + 1, prev=prev))
    return made


def flip(chain: Chain, rng: random.Random) -> Chain:
    """Change one byte."""
    at = rng.randrange(len(chain))
    data = bytearray(chain[at])
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return [*chain[:at], bytes(data), *chain[at + 1 :]]


def edit(chain: Chain, rng: random.Random) -> Chain:
    """Change what an entry says, in its right form."""
    at = rng.randrange(len(chain))
    field = rng.choice(["by", "host", "subject", "at", "id"])
    new = "2026-01-01T00:00:00.000000Z" if field == "at" else f"x{rng.random()}"
    return [*chain[:at], _rewritten(chain[at], **{field: new}), *chain[at + 1 :]]


def edit_and_chain(chain: Chain, rng: random.Random) -> Chain:
    """Change what an entry says, and write all later ones anew."""
    at = rng.randrange(1, len(chain))
    made = [*chain[:at], _rewritten(chain[at], subject=f"model:x{rng.random()}"), *chain[at + 1 :]]
    return _chained(made, at)


def delete(chain: Chain, rng: random.Random) -> Chain:
    """Take an entry out; the later ones move up, with their numbers or with a new chain."""
    at = rng.randrange(1, len(chain))
    made = [*chain[:at], *chain[at + 1 :]]
    return made if rng.random() < 0.5 else _chained(made, at)


def insert(chain: Chain, rng: random.Random) -> Chain:
    """Put an entry in; the later ones move on."""
    at = rng.randrange(1, len(chain))
    new = _rewritten(chain[at], id=f"new{rng.random()}", subject="model:new")
    made = [*chain[:at], new, *chain[at:]]
    return made if rng.random() < 0.5 else _chained(made, at)


def reorder(chain: Chain, rng: random.Random) -> Chain:
    """Swap two entries: their files, or what they say with their numbers."""
    one, other = sorted(rng.sample(range(1, len(chain)), 2))
    made = [*chain]
    made[one], made[other] = made[other], made[one]
    if rng.random() < 0.5:
        made[one], made[other] = (_rewritten(made[n], n=n + 1) for n in (one, other))
    return made if rng.random() < 0.5 else _chained(made, one)


def truncate(chain: Chain, rng: random.Random) -> Chain:
    """Cut off the end."""
    return chain[: rng.randrange(1, len(chain))]


KINDS: tuple[Tampering, ...] = (flip, edit, edit_and_chain, delete, insert, reorder, truncate)


def _write(root: Path, chain: Chain) -> None:
    folder = places.ledger_folder(root)
    shutil.rmtree(folder)
    folder.mkdir()
    for n, data in enumerate(chain, start=1):
        entry_path(root, n).write_bytes(data)


def _is_seen(root: Path, workspace: str) -> bool:
    ledger = Ledger(root, Verifier(None))
    ledger.refresh()
    state = ledger.state
    is_other = state.workspace != workspace
    return bool(
        is_other
        or state.stopped
        or open_breaks(state)
        or witness.against(state, witness.seen(state.workspace))
    )


@pytest.mark.parametrize("n_times", [140, pytest.param(1_000, marks=pytest.mark.slow)])
def test_tamperings_are_all_seen_by_whoever_remembers_the_head(
    tmp_path: Path, rng: random.Random, seed: int, n_times: int
) -> None:
    """A thousand edits, deletions, insertions, reorderings and truncations: every one is seen."""
    root = make(tmp_path / "ws")
    ledger = opened(root)
    for n in range(N_ENTRIES):
        commit(ledger, f"e{n}")
    witness.remember(ledger.state)
    workspace = ledger.state.workspace
    chain = [entry_path(root, n).read_bytes() for n in numbers(root)]
    assert not _is_seen(root, workspace)
    missed = []
    for count in range(n_times):
        kind = KINDS[count % len(KINDS)]
        changed = kind(chain, rng)
        assert changed != chain
        _write(root, changed)
        if not _is_seen(root, workspace):
            missed.append((count, kind.__name__))
    assert not missed, f"seed {seed}: {missed}"


def test_entries_that_others_record_while_one_looks_are_no_shrunken_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A head that another process remembered after the ledger was read here contradicts nothing."""
    root = make(tmp_path / "ws")
    ours, writer = Deck(root, user="ann"), opened(root)
    refresh = ours.ledger.refresh

    def more() -> None:
        commit(writer)
        witness.remember(writer.state)

    def interrupted() -> int:
        done = refresh()
        more()
        return done

    more()
    monkeypatch.setattr(ours.ledger, "refresh", interrupted)
    assert ours.history_problem == ""


def test_truncation_without_a_witness_is_not_seen(tmp_path: Path) -> None:
    """What a chain alone cannot show, and the documentation says so."""
    root = make(tmp_path / "ws")
    commit(opened(root))
    workspace = opened(root).state.workspace
    entry_path(root, 2).unlink()
    assert not _is_seen(root, workspace)


@pytest.mark.parametrize("n_forks", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_forks_shown_to_two_people_are_seen_when_they_compare(
    tmp_path: Path, root: Path, rng: random.Random, monkeypatch: pytest.MonkeyPatch, n_forks: int
) -> None:
    """Twenty forks: the first entry where both differ is named, from either side."""
    with Workspace.open(root) as workspace:
        common = workspace.deck.state.n
    for count in range(n_forks):
        forks = [tmp_path / f"{name}{count}" for name in ("here", "there")]
        anchors = []
        for path in forks:
            shutil.copytree(root, path, symlinks=True)
            monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / f"state-{path.name}"))
            with Workspace.open(path) as workspace:
                for _ in range(rng.randint(1, 3)):
                    workspace.annotations.add("churn", path.name)
                anchors.append(workspace.history.anchor()["line"])
        for at, path in enumerate(forks):
            monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / f"state-{path.name}"))
            with Workspace.open(path) as workspace:
                found = workspace.history.against(str(forks[1 - at]))
                assert (found["ok"], found["n"]) == (False, common + 1)
                assert workspace.history.against(f"see {anchors[at]}, please")["ok"]
                assert not workspace.history.against(anchors[1 - at])["ok"]


@pytest.mark.parametrize("n_times", [10, pytest.param(50, marks=pytest.mark.slow)])
def test_edits_of_role_and_policy_files_change_nothing(
    root: Path, rng: random.Random, n_times: int
) -> None:
    """Fifty edits of people's files: members and the policy in force stay as entries made them."""
    with Workspace.open(root) as workspace:
        state = workspace.deck.state
        before = (state.policy_digest, dict(state.members), state.head)
    config = (root / "modeldeck.toml").read_text()
    for _ in range(n_times):
        roles = rng.choice(["risk", "oncall", "boss"])
        changed = config.replace("approvals = 2", f"approvals = {rng.randint(0, 1)}")
        changed = changed.replace("{ risk = 1 }", "{ " + roles + " = 1 }")
        changed = rng.choice(
            [changed, config.replace("self_approval = false", "self_approval = true")]
        )
        (root / "modeldeck.toml").write_text(changed)
        name = f"eve{rng.randrange(10**6)}"
        (root / "members.toml").write_text(f'[[members]]\nname = "{name}"\nroles = ["{roles}"]\n')
        with Workspace.open(root) as workspace:
            state = workspace.deck.state
            assert (state.policy_digest, dict(state.members), state.head) == before


def test_truncated_history_is_said_on_every_surface_until_owners_name_it(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reader is told, may not write, and verifying fails; owners name it, and it is over."""
    with Workspace.open(root) as workspace:
        workspace.annotations.add("churn", "soon lost")
        n = workspace.deck.state.n
    entry_path(root, n).unlink()
    with Workspace.open(root) as workspace:
        assert "History shrank" in workspace.history.notices()[0]
        assert "History shrank" in workspace.read_only_because
        assert workspace.overview.inbox()[0]["kind"] == "history"
        assert {one["kind"] for one in workspace.ledger_check.run()["problems"]} == {"history"}
    with Workspace.open(root) as workspace:
        assert workspace.history.notices()
        workspace.history.restored("the backup of Monday")
        assert workspace.history.notices() == []
        assert workspace.ledger_check.run()["ok"]
        workspace.annotations.add("churn", "going on")
    with Workspace.open(root) as workspace:
        assert workspace.history.notices() == []


def test_restoring_outdates_open_releases_and_names_only_what_it_says(root: Path) -> None:
    """A head beyond the range that owners named is still missed."""
    with Workspace.open(root) as workspace:
        state = workspace.deck.state
        n, head = state.n, state.head
        anchor = workspace.history.anchor()
    other = f"modeldeck-anchor {anchor['workspace']} {n + 5} {'e' * 64} {anchor['at']}"
    with Workspace.open(root) as workspace:
        workspace.history.restored("backup", lost=other)
        known = workspace.deck.state.losses[0]
        assert (known.n, known.lost_n) == (n, n + 5)
        found = workspace.history.against(other)
        assert not found["ok"]
        assert "Owners named" in found["problem"]
        beyond = other.replace(f" {n + 5} ", f" {n + 6} ")
        assert "Owners named" not in workspace.history.against(beyond)["problem"]
        assert workspace.history.against(head)["ok"]


def test_named_loss_hides_no_later_one(root: Path) -> None:
    """Entries that are cut off after owners named a loss are missed, whatever its range."""
    with Workspace.open(root) as workspace:
        anchor = workspace.history.anchor()
    far = f"modeldeck-anchor {anchor['workspace']} 500 {'e' * 64} {anchor['at']}"
    with Workspace.open(root) as workspace:
        workspace.history.restored("backup", lost=far)
        workspace.annotations.add("churn", "cut off later")
        n = workspace.deck.state.n
    entry_path(root, n).unlink()
    with Workspace.open(root) as workspace:
        assert "History shrank" in workspace.history.notices()[0]


def test_server_follows_a_restored_chain_once_owners_named_what_it_saw(
    root: Path, tmp_path: Path
) -> None:
    """It never follows a chain without the entry that it acted on, until owners name that."""
    with Workspace.open(root) as workspace:
        workspace.annotations.add("churn", "lost")
        state = workspace.deck.state
        copies = Copies(tmp_path / "served")
        copies.see(state, root=root, member="server", stopped=())
        n = state.n
    entry_path(root, n).unlink()
    with Workspace.open(root) as workspace:
        assert "History shrank" in copies.contradiction(workspace.deck.state)
        workspace.history.restored("backup")
        assert copies.contradiction(workspace.deck.state) == ""
    again = Copies(tmp_path / "served")
    assert (again.known.n, again.known.losses) == (n, 0)
