"""What the ledger says, folded: members, policy, versions, reports, releases, endpoints.

The values are frozen; the state is a set of tables that only :mod:`modeldeck.domain.fold` changes,
one entry after the other. ``touched`` collects what changed, so that views can follow cheaply.
A journal remembers what the tables held when the present entry began, so that an entry counts as a
whole or not at all. Releases move along :data:`MOVES` alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any, NamedTuple

from modeldeck import ids
from modeldeck.domain.entry import NO_PREV, VERSION, Json
from modeldeck.domain.exceptional.things import Glass, Override, Revocation
from modeldeck.domain.history.journal import Table
from modeldeck.domain.history.places import Adoption, Break, Loss
from modeldeck.domain.history.things import Annotation, DatasetVersion, Shelved, Sync, Thread
from modeldeck.domain.levels import Level
from modeldeck.domain.membership.member import Member
from modeldeck.domain.policy import Policy
from modeldeck.errors import ConflictError, NotFoundError

OPEN = frozenset({"checking", "waiting", "changes-requested", "approved"})
MOVES: dict[str, frozenset[str]] = {
    "checking": frozenset({"blocked", "waiting", "withdrawn", "outdated"}),
    "blocked": frozenset({"withdrawn", "waiting"}),
    "waiting": frozenset({"changes-requested", "rejected", "withdrawn", "outdated", "approved"}),
    "changes-requested": frozenset({"waiting", "rejected", "withdrawn", "outdated", "approved"}),
    "approved": frozenset({"deploying", "withdrawn", "outdated"}),
    "deploying": frozenset({"live", "failed", "replaced", "rolled-back"}),
    "live": frozenset({"failed", "replaced", "rolled-back"}),
    "replaced": frozenset({"live"}),
    "rolled-back": frozenset({"live"}),
    "failed": frozenset({"live"}),
    "rejected": frozenset(),
    "withdrawn": frozenset(),
    "outdated": frozenset(),
}
"""From each state of a release those it may move to; *expired* is computed, never stored."""


class Act(NamedTuple):
    """An entry as the rules see it: recorded, or about to be (then its digest is empty).

    ``v`` is the version of the rules that it follows, ``key`` the one that it is signed with.
    """

    n: int
    digest: str
    id: str
    at: str
    by: str
    host: str
    action: str
    subject: str
    body: Mapping[str, Json]
    level: Level
    v: int = VERSION
    key: str = ""

    def text(self, name: str) -> str:
        """Return a text of the body (its type was checked before)."""
        return str(self.body[name])

    def number(self, name: str) -> int:
        """Return a whole number of the body (its type was checked before)."""
        value = self.body[name]
        return value if isinstance(value, int) else 0

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts of the body (its type was checked before)."""
        value = self.body[name]
        return tuple(str(one) for one in value) if isinstance(value, list) else ()

    @property
    def entity(self) -> str:
        """The subject without its kind."""
        return self.subject.partition(":")[2]


@dataclass(frozen=True, slots=True)
class Pending:
    """An owners' entry that still needs the support of others; owners with the level of each."""

    act: Act
    supporters: Mapping[str, Level]


@dataclass(frozen=True, slots=True)
class Version:
    """A registered model version; its identity is the digest of its manifest."""

    id: str
    model: str
    number: int
    manifest: str
    run: str
    by: str
    authors: tuple[str, ...]
    at: str
    level: Level


@dataclass(frozen=True, slots=True)
class Report:
    """A gate report about one version for one environment, against one base and policy.

    ``failed`` names the required checks that failed; reports made before that was kept name none.
    """

    n: int
    by: str
    at: str
    environment: str
    manifest: str
    report: str
    passed: bool
    replaces: str
    generation: int
    policy: str
    level: Level
    failed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vote:
    """One vote of one person on a release, as it was cast; ``key`` is what signed it."""

    n: int
    by: str
    verdict: str
    reason: str
    issued: str
    expires: str
    nonce: str
    level: Level
    key: str = ""


@dataclass(frozen=True, slots=True)
class Release:
    """A request to put a version into an environment, and what became of it.

    ``level`` is the lowest of what it rests on: registration, request, report, overrides, votes,
    start. ``failed`` are the required checks that its report does not pass.
    """

    id: str
    model: str
    version: str
    environment: str
    status: str
    manifest: str
    replaces: str
    replaces_version: str
    generation: int
    policy: str
    request: str
    by: str
    at: str
    reason: str
    issued: str
    expires: str
    excluded: Mapping[str, str]
    report: str = ""
    votes: tuple[Vote, ...] = ()
    last_issued: str = ""
    decided_at: str = ""
    decided_by: str = ""
    because: str = ""
    level: Level = Level.CLAIMED
    failed: tuple[str, ...] = ()
    overrides: tuple[Override, ...] = ()

    @property
    def endpoint(self) -> str:
        """The endpoint that the release is for."""
        return f"{self.model}@{self.environment}"


@dataclass(frozen=True, slots=True)
class Pointer:
    """What an endpoint serves: a version by a release, or nothing (all empty).

    ``level`` is the lowest of what put it there and, once it lived, of the server's report.
    """

    version: str = ""
    manifest: str = ""
    release: str = ""
    level: Level = Level.CLAIMED


@dataclass(frozen=True, slots=True)
class ServerReport:
    """A server's last word about an endpoint."""

    outcome: str
    generation: int
    at: str
    reason: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint; ``base`` and ``base_version`` are what a release replaces, also when stopped.

    ``lived`` are the pointers that a server reported ready, oldest first, without those that were
    rolled away from or failed later; ``ever`` are all of them, by manifest; ``ready_before`` the
    servers that were ready on the previous generation; ``glass`` is when it was broken last.
    """

    id: str
    model: str
    environment: str
    pointer: Pointer = Pointer()
    base: str = "none"
    base_version: str = ""
    generation: int = 0
    since: str = ""
    servers: Mapping[str, ServerReport] = field(default_factory=dict)
    previous: Pointer = Pointer()
    ready_before: frozenset[str] = frozenset()
    lived: tuple[Pointer, ...] = ()
    ever: Mapping[str, Pointer] = field(default_factory=dict)
    glass: Glass | None = None


class Activity(NamedTuple):
    """What became of one entry; ``entity`` is what it made or changed.

    ``is_broken`` says that it stands at a broken place of the chain.
    """

    n: int
    at: str
    by: str
    host: str
    action: str
    subject: str
    entity: str
    level: Level
    reason: str
    digest: str
    is_void: bool
    body: Mapping[str, Json]
    is_broken: bool = False


_PLAIN = (
    "workspace",
    "name",
    "threshold",
    "owners_count",
    "policy",
    "policy_digest",
    "tagged_n",
    "shelved_n",
    "rules",
    "losses",
)
_plain_of = attrgetter(*_PLAIN)


@dataclass(slots=True)
class State:
    """All that the ledger says up to entry ``n``; ``stopped`` says why the fold ended early.

    ``last`` is the entry folded last, and ``last_counts`` whether it would count at a broken place;
    ``waiting`` holds what waits at broken places, ``settled`` what became of it; ``withdrawn`` are
    the owners' proposals that were, each with the entry that did it.
    """

    n: int = 0
    head: str = NO_PREV
    workspace: str = ""
    name: str = ""
    threshold: int = 1
    owners_count: bool = False
    policy: Policy = field(default_factory=lambda: Policy({}, {}))
    policy_digest: str = ""
    stopped: str = ""
    rules: int = VERSION
    losses: tuple[Loss, ...] = ()
    heads: dict[str, int] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)
    members: Table[str, Member] = field(default_factory=Table)
    keys: Table[str, str] = field(default_factory=Table)
    pending: Table[str, Pending] = field(default_factory=Table)
    withdrawn: Table[int, int] = field(default_factory=Table)
    versions: Table[str, Version] = field(default_factory=Table)
    models: Table[str, tuple[str, ...]] = field(default_factory=Table)
    reports: Table[tuple[str, str], list[Report]] = field(default_factory=Table)
    releases: Table[str, Release] = field(default_factory=Table)
    n_releases: Table[str, int] = field(default_factory=Table)
    revoked: Table[str, Revocation] = field(default_factory=Table)
    endpoints: Table[str, Endpoint] = field(default_factory=Table)
    annotations: Table[str, Annotation] = field(default_factory=Table)
    threads: Table[str, tuple[Thread, ...]] = field(default_factory=Table)
    tags: Table[str, dict[str, str]] = field(default_factory=Table)
    tagged_n: int = 0
    stops: Table[str, int] = field(default_factory=Table)
    syncs: Table[str, Sync] = field(default_factory=Table)
    datasets: Table[str, tuple[str, ...]] = field(default_factory=Table)
    dataset_versions: Table[str, DatasetVersion] = field(default_factory=Table)
    archived: Table[str, Shelved] = field(default_factory=Table)
    deleted: Table[str, Shelved] = field(default_factory=Table)
    shelved_n: int = 0
    breaks: Table[int, Break] = field(default_factory=Table)
    waiting: Table[int, Act] = field(default_factory=Table)
    settled: Table[int, str] = field(default_factory=Table)
    adoptions: Table[int, Adoption] = field(default_factory=Table)
    seals: Table[tuple[str, str], int] = field(default_factory=Table)
    last: Act | None = None
    last_counts: bool = False
    activity: list[Activity] = field(default_factory=list)
    touched: set[tuple[str, str]] = field(default_factory=set)
    _journal: list[tuple[Table[Any, Any], Any, list[Any]]] = field(
        default_factory=list, repr=False, compare=False
    )
    _plain: tuple[object, ...] = field(default=(), repr=False, compare=False)

    def __post_init__(self) -> None:
        for table in self._tables():
            table.journal = self._journal

    def keep(self) -> None:
        """Make what was changed final: another entry begins."""
        self._journal.clear()
        self._plain = _plain_of(self)

    def undo(self) -> None:
        """Take back what was changed since the last :meth:`keep`."""
        while self._journal:
            table, key, known = self._journal.pop()
            if known:
                dict.__setitem__(table, key, known[0])
            else:
                dict.__delitem__(table, key)
        for name, value in zip(_PLAIN, self._plain, strict=True):
            setattr(self, name, value)
        shown = self.shown()
        self.touched = {(table, key) for table, key in self.touched if key in shown[table]}

    def retract(self) -> None:
        """Take back what the last entry changed; everything that is shown is built again."""
        before = self.shown_keys()
        self.undo()
        self.touched |= before | self.shown_keys()

    def shown(self) -> dict[str, Mapping[str, object]]:
        """Return the tables from which documents are made, by the documents' names."""
        return {
            "members": self.members,
            "versions": self.versions,
            "models": self.models,
            "releases": self.releases,
            "deployments": self.endpoints,
            "annotations": self.annotations,
            "datasets": self.dataset_versions,
        }

    def shown_keys(self) -> set[tuple[str, str]]:
        """Return what documents there are."""
        return {(table, key) for table, found in self.shown().items() for key in found}

    def _tables(self) -> tuple[Table[Any, Any], ...]:
        return (
            self.members,
            self.keys,
            self.pending,
            self.withdrawn,
            self.versions,
            self.models,
            self.reports,
            self.releases,
            self.n_releases,
            self.revoked,
            self.endpoints,
            self.annotations,
            self.threads,
            self.tags,
            self.stops,
            self.syncs,
            self.datasets,
            self.dataset_versions,
            self.archived,
            self.deleted,
            self.breaks,
            self.waiting,
            self.settled,
            self.adoptions,
            self.seals,
        )

    def member(self, name: str) -> Member | None:
        """Return an active member, or None."""
        found = self.members.get(name)
        return found if found is not None and found.is_active else None

    def owners(self) -> list[Member]:
        """Return the active owners."""
        return [one for one in self.members.values() if one.is_owner and one.is_active]

    def version(self, identifier: str) -> Version:
        """Return a version.

        Raises
        ------
        NotFoundError
            There is none of that id.
        """
        if identifier not in self.versions:
            msg = f"There is no model version {identifier[:80]!r}."
            raise NotFoundError(msg, "`modeldeck model versions` shows those there are.")
        return self.versions[identifier]

    def release(self, identifier: str) -> Release:
        """Return a release.

        Raises
        ------
        NotFoundError
            There is none of that id.
        """
        if identifier not in self.releases:
            msg = f"There is no release {identifier[:80]!r}."
            near = ids.nearest(identifier, self.releases)
            raise NotFoundError(msg, f"{near}`modeldeck release list` shows those there are.")
        return self.releases[identifier]

    def endpoint(self, model: str, environment: str) -> Endpoint:
        """Return an endpoint; one that never had a pointer is an empty one."""
        name = f"{model}@{environment}"
        return self.endpoints.get(name) or Endpoint(name, model, environment)

    def put_release(self, release: Release) -> None:
        """Keep a release, new or changed."""
        self.releases[release.id] = release
        self.touched.add(("releases", release.id))
        self.touched.add(("versions", release.version))

    def move(self, release: Release, *, status: str, because: str = "") -> Release:
        """Move a release along the table of legal moves; return it as it is then.

        Raises
        ------
        ConflictError
            The table has no such move.
        """
        if status not in MOVES[release.status]:
            msg = f"{release.id} is {release.status} and cannot become {status}."
            raise ConflictError(msg, "Look at it again; ask for a new release if you need one.")
        moved = replace(release, status=status, because=because or release.because)
        self.put_release(moved)
        return moved

    def outdate(self, *, because: str, endpoint: str = "") -> None:
        """Make open releases outdated: those of one endpoint, or all."""
        for other in list(self.releases.values()):
            if other.status in OPEN and endpoint in {"", other.endpoint}:
                self.move(other, status="outdated", because=because)

    def put_endpoint(self, endpoint: Endpoint) -> None:
        """Keep an endpoint, new or changed."""
        self.endpoints[endpoint.id] = endpoint
        self.touched.add(("deployments", endpoint.id))
        self.touched.add(("models", endpoint.model))
        for pointer in (endpoint.pointer, endpoint.previous):
            if pointer.version:
                self.touched.add(("versions", pointer.version))
