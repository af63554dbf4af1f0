"""What every test may use: one seed for all random data, printed and accepted again."""

from __future__ import annotations

import random

import pytest
from hypothesis import settings

_SEED = pytest.StashKey[int]()

settings.register_profile("modeldeck", deadline=None, print_blob=True)
settings.load_profile("modeldeck")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--seed`` and ``--update-goldens``."""
    parser.addoption("--seed", type=int, default=None, help="repeat random tests with this seed")
    parser.addoption("--update-goldens", action="store_true", help="write the goldens anew")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Choose the seed, and give it to Hypothesis too unless that got one of its own."""
    given = config.getoption("--seed")
    seed = random.SystemRandom().randrange(1 << 32) if given is None else int(given)
    config.stash[_SEED] = seed
    config.option.seed = seed  # so that workers in processes of their own have the same one
    if config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = str(seed)


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
