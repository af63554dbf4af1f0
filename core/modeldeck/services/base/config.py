"""``modeldeck.toml``: the workspace's name and the policy that people propose in it.

The policy in force is the adopted one in the ledger; the file says what to adopt next.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from modeldeck import ids
from modeldeck.domain.datasets import formats
from modeldeck.domain.members import KINDS
from modeldeck.domain.notifying.settings import Settings, settings_from_table
from modeldeck.domain.policy import Policy, policy_from_table
from modeldeck.domain.schema import MAX_TEXT, parse_toml
from modeldeck.errors import InvalidInputError
from modeldeck.store import files, places

MEMBERS = "members.toml"

TEMPLATE = """\
# What this workspace asks of a release. The policy counts once it is adopted in the ledger.
name = "{name}"

[environments.staging]
approvals = 1
trust = "{trust}"            # claimed | owner | signed: how sure an author has to be
gate = "staging"

[environments.production]
approvals = 1
self_approval = false        # who made, registered or requested it does not approve it
request_ttl = "72h"
trust = "{trust}"
gate = "production"

[[gates.staging.checks]]
name = "loads"
kind = "loads"

[[gates.production.checks]]
name = "loads"
kind = "loads"

[[gates.production.checks]]
name = "no regression"
kind = "no-regression"       # not significantly worse than the live version
metric = "accuracy"          # a scikit-learn scorer's name
margin = 0.01
"""


@dataclass(frozen=True, slots=True)
class Config:
    """What ``modeldeck.toml`` says."""

    name: str
    policy: Policy
    snapshot: str = formats.MODES[0]
    """How versions of datasets keep their contents."""
    notifications: Settings = field(default_factory=Settings)
    """Who is told of what."""


@dataclass(frozen=True, slots=True)
class NewMember:
    """Somebody who shall become a member."""

    name: str
    kind: str = "person"
    uid: int = -1
    roles: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


def read_text(path: Path, what: str) -> str:
    """Return the text of a file that people wrote.

    Raises
    ------
    NotFoundError, DamageError
        It is not there, or no plain file of a sensible size.
    InvalidInputError
        It is not UTF-8.
    """
    data = files.read_bytes(path, 4 * MAX_TEXT)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        msg = f"{path.name} is not UTF-8 (byte {error.start})."
        raise InvalidInputError(msg, f"Save {what} as UTF-8.") from None


def load(root: Path) -> Config:
    """Read a workspace's ``modeldeck.toml``.

    Raises
    ------
    InvalidInputError
        It is not as expected; the message names file and line.
    NotFoundError
        It is not there.
    """
    return parse(read_text(root / places.CONFIG, "the configuration"))


def parse(text: str) -> Config:
    """Read the text of a ``modeldeck.toml``.

    Raises
    ------
    InvalidInputError
        It is not as expected; the message names every problem with its line.
    """
    problems: list[InvalidInputError] = []
    table = parse_toml(text, places.CONFIG, problems=problems)
    name = table.take("name", str)
    if not problems:
        table.attempt(lambda: ids.check_name(name, "a workspace"))
    policy = table.attempt(lambda: policy_from_table(table))
    datasets = table.table("datasets")
    snapshot = datasets.choice("snapshot", formats.MODES, default=formats.MODES[0])
    datasets.finish()
    notifications = table.attempt(lambda: settings_from_table(table.table("notifications")))
    table.finish()
    table.settle()
    return Config(name, policy or Policy({}, {}), snapshot, notifications or Settings())


def load_members(root: Path) -> list[NewMember]:
    """Read the people, servers and CI jobs that ``members.toml`` proposes; none without the file.

    Raises
    ------
    InvalidInputError
        It is not as expected; the message names file and line.
    """
    path = root / MEMBERS
    if not files.is_there(path):
        return []
    table = parse_toml(read_text(path, "the members"), MEMBERS)
    found = []
    for one in table.tables("members"):
        found.append(
            NewMember(
                name=ids.check_name(one.take("name", str), "a member"),
                kind=one.choice("kind", KINDS, default="person"),
                uid=one.take("uid", int, default=-1),
                roles=one.texts("roles"),
                environments=one.texts("environments"),
                keys=one.texts("keys"),
            )
        )
        one.finish()
    table.finish()
    return found
