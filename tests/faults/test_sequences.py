"""Any sequence of acts by two open workspaces, against plain dictionaries."""

from __future__ import annotations

import random
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from modeldeck.domain.entry import digest_of
from modeldeck.errors import ModelDeckError
from modeldeck.store.objects import ObjectStore
from tests.faults import slots
from tests.faults.model import ACTIONS, LIKELY, model_of, propose, same
from tests.store.ledger_writer import opened

PEOPLE = 3


class Sequences(RuleBasedStateMachine):
    """Two writers of one workspace; each may look at what the other has overtaken meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        shared = Path("/dev/shm")
        self.folder = Path(tempfile.mkdtemp(dir=shared if shared.is_dir() else None))
        self.objects: dict[str, bytes] = {}

    @initialize()
    def found(self) -> None:
        """Found the workspace."""
        self.root = slots.make_slot(self.folder / "ws", people=PEOPLE, deploy="manual", approvals=2)
        self.ledgers = [opened(self.root), opened(self.root)]
        self.model = model_of(self.ledgers[0].state)

    @rule(
        action=st.sampled_from(LIKELY),
        rng=st.randoms(use_true_random=False),
        who=st.integers(0, 1),
    )
    def act(self, action: str, rng: random.Random, who: int) -> None:
        """Act on what one of them saw last: done or refused, as the model says."""
        ledger = self.ledgers[who]
        intent = propose(ledger.state, action, rng)
        wanted = self.model.refusal(intent)
        refused = ""
        try:
            ledger.commit(intent, host="h")
        except ModelDeckError as error:
            refused = type(error).__name__
        assert refused == wanted, intent
        if refused:
            return
        self.model.take(intent)
        done = ledger.state.activity[ledger.state.ids[intent.id] - 1]
        assert done.n == self.model.n
        assert ledger.commit(intent, host="h").n == done.n

    @rule(who=st.integers(0, 1))
    def open_again(self, who: int) -> None:
        """Open the workspace anew: it says the same."""
        self.ledgers[who] = opened(self.root)
        same(self.model, self.ledgers[who].state)

    @rule(data=st.binary(max_size=8))
    def put(self, data: bytes) -> None:
        """Put an object, new or not."""
        store = ObjectStore(self.root)
        self.objects[store.put(data)] = data
        for digest, kept in self.objects.items():
            assert store.read(digest) == kept == data or digest != digest_of(data)

    def teardown(self) -> None:
        """Compare a last time."""
        if hasattr(self, "model"):
            same(self.model, opened(self.root).state)
        shutil.rmtree(self.folder)


def check(*, examples: int, steps: int) -> None:
    """Run so many sequences of so many steps."""
    run_state_machine_as_test(
        Sequences,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=[*HealthCheck],
        ),
    )


def test_any_sequence_of_acts_does_what_the_plain_model_says() -> None:
    """A few sequences: each act is done or refused as the model says, and all readers agree."""
    check(examples=8, steps=25)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_two_thousand_sequences_do_what_the_plain_model_says() -> None:
    """The same two thousand times fifty steps."""
    check(examples=2000, steps=50)


def test_model_knows_every_action_of_the_sequences() -> None:
    """Each is drawn."""
    assert set(ACTIONS) == set(LIKELY)
