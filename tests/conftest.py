"""What every test may use: one seed for all random data, printed and accepted again."""

from __future__ import annotations

import gc
import os
import random
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.jobs import FRESH, fork_them
from tests.once import shared
from tests.rewriting import rewrite_tests
from tests.warm import WHERE

_SEED = pytest.StashKey[int]()

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    # Workers share the processors already: threads of theirs would spin while they wait for one.
    os.environ.setdefault(_name, "1")

settings.register_profile("modeldeck", deadline=None, print_blob=True)
settings.load_profile("modeldeck")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--seed`` and ``--update-goldens``."""
    parser.addoption("--seed", type=int, default=None, help="repeat random tests with this seed")
    parser.addoption("--update-goldens", action="store_true", help="write the goldens anew")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Choose the seed, also Hypothesis's unless that got one; prepare what workers load."""
    given = config.getoption("--seed")
    seed = random.SystemRandom().randrange(1 << 32) if given is None else int(given)
    config.stash[_SEED] = seed
    config.option.seed = seed  # so that workers in processes of their own have the same one
    if config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = str(seed)
    if getattr(config.option, "numprocesses", 0) and not hasattr(config, "workerinput"):
        rewrite_tests(config)


LONG = (
    "screen/test_actions.py",
    "screen/test_attacks.py",
    "screen/test_review.py",
    "screen/test_goldens.py",
    "demo/test_demo.py",
    "e2e/test_flight.py",
    "screen/test_terminal.py",
    "cli/test_commands.py",
    "e2e/test_wheel.py",
    "screen/test_layouts.py",
    "cli/test_exec.py",
    "moving/test_plugin.py",
    "screen/test_overview.py",
    "cli/test_bad_input.py",
    "screen/test_doing.py",
    "screen/test_random_text.py",
    "screen/test_keys.py",
    "screen/test_exceptions.py",
    "screen/test_log_page.py",
    "notifying/test_delivering.py",
    "cli/test_signed.py",
    "cli/test_hostile_output.py",
    "screen/test_runs.py",
    "screen/test_hostile_text.py",
    "serving/test_silence.py",
    "services/test_releases.py",
    "screen/test_datasets.py",
    "screen/test_governing.py",
    "serving/test_mistrust.py",
    "serving/test_following.py",
    "ml/test_persistence.py",
    "architecture/test_sizes.py",
    "cli/test_members.py",
)
"""The files that take longest, longest first: begun last, one worker would end with them alone."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long files first; the order of all else stays."""
    rank = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: rank.get("/".join(item.path.parts[-2:]), len(LONG)))


def pytest_collection_finish() -> None:
    """Let no collection of garbage look through all modules and tests again and again."""
    gc.collect()
    gc.freeze()


def pytest_report_header(config: pytest.Config) -> str:
    """Name the seed at the beginning."""
    return f"seed: {config.stash[_SEED]}"


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    """Name the seed again after failures, also where the header is not shown."""
    if exitstatus:
        terminalreporter.write_line(f"Random data: repeat it with --seed={config.stash[_SEED]}")


@pytest.fixture(scope="session")
def seed(pytestconfig: pytest.Config) -> int:
    """Return the seed of this run."""
    return pytestconfig.stash[_SEED]


@pytest.fixture
def rng(seed: int, request: pytest.FixtureRequest) -> random.Random:
    """Return a source of random data that depends on the seed and on the test's name alone."""
    return random.Random(f"{seed}:{request.node.nodeid}")


@pytest.fixture(scope="session", autouse=True)
def nurseries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Fork programs and jobs from ones that all workers share, unless a test wants fresh ones."""
    os.environ[WHERE] = str(shared(tmp_path_factory))
    fork_them()
    yield
    del os.environ[WHERE]


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start jobs as people do: each in an interpreter of its own."""
    monkeypatch.setenv(FRESH, "1")
