"""The documents of a review: what ships against what is live, who decides, and what waits for whom.

They hold what a person looks at before they sign. Numbers come with their doubt: a metric's
difference has an interval where a gate compared both versions on the same rows, and says so where
none did.
"""

from __future__ import annotations

from typing import TypedDict

from modeldeck.domain.datasets.documents import MoveDocument
from modeldeck.domain.documents import (
    DiffRow,
    EndpointDocument,
    InboxItem,
    Number,
    ReleaseDocument,
    TrafficDocument,
)
from modeldeck.domain.policies.documents import PolicyChange


class MetricRow(TypedDict):
    """One metric of both versions.

    ``goal`` is max or min. With ``n_rows`` both were scored on that many rows which neither was
    trained on, and the difference lies between ``low`` and ``high`` with 95 % confidence; without,
    each value is of the version's own hold-out. ``verdict`` is better, worse, unclear (the interval
    holds zero), same, or unknown.
    """

    name: str
    goal: str
    before: Number | None
    after: Number | None
    difference: Number | None
    low: Number | None
    high: Number | None
    n_rows: int | None
    verdict: str


class DataSide(TypedDict):
    """The data that a version was trained on; ``dataset`` is its version where one has the digest.

    A side without a version, or whose manifest names no data, has an empty digest.
    """

    version: str
    dataset: str
    digest: str
    source: str
    rows: str
    target: str
    columns: list[str]


class CodeSide(TypedDict):
    """The code that made a version; ``problem`` says why it is not known, if it is not."""

    version: str
    run: str
    commit: str
    branch: str
    uncommitted: str
    problem: str


class CodeDocument(TypedDict):
    """The code of both versions; ``between`` is what differs between their commits.

    ``why`` says why that is not known, if it is not.
    """

    before: CodeSide
    after: CodeSide
    between: str
    why: str


class BaseDocument(TypedDict):
    """What a vote binds to: of everything but the generation, which counts, the digests."""

    manifest: str
    report: str
    policy: str
    replaces: str
    replaces_version: str
    generation: int


class MovedDocument(TypedDict):
    """A part of the base that is another one by now: what it was, and what it is."""

    name: str
    before: str
    after: str


class VoterDocument(TypedDict):
    """A person and a release: how they voted, or that they may, or why not.

    ``verdict`` is empty for who has not voted. ``roles`` are those of the person that still count
    towards what is lacking. ``key`` is the fingerprint of the key that signed the vote, empty for a
    vote that nobody signed. ``until`` is when the vote ends to hold.
    """

    by: str
    verdict: str
    reason: str
    at: str
    until: str
    level: str
    key: str
    counts: bool
    may: bool
    why_not: str
    roles: list[str]


class DriftDocument(TypedDict):
    """The newest drift report about an endpoint; ``why`` says why there is none, if so."""

    at: str
    version: str
    n_rows: int | None
    moves: list[MoveDocument]
    rule: str
    why: str


class LiveDocument(TypedDict):
    """What the release would replace, as it does now; ``endpoint`` is None before the first one."""

    endpoint: EndpointDocument | None
    traffic: TrafficDocument
    drift: DriftDocument


class ReviewDocument(TypedDict):
    """Everything about one release on one page.

    ``moved`` names the parts of its base that changed since it was asked for. ``differences`` are
    parameters, libraries and sizes. ``ends_at`` is when the request, or else its approval, ends;
    ``ends`` says which, and is empty where neither runs.
    """

    release: ReleaseDocument
    base: BaseDocument
    moved: list[MovedDocument]
    metrics: list[MetricRow]
    differences: list[DiffRow]
    data_before: DataSide
    data_after: DataSide
    code: CodeDocument
    card: str
    live: LiveDocument
    voters: list[VoterDocument]
    ends: str
    ends_at: str


class SupporterDocument(TypedDict):
    """An owner who supports a proposal, how sure that is, and whether it counts."""

    by: str
    level: str
    counts: bool


class ProposalDocument(TypedDict):
    """An owners' entry, number ``n``, that waits for other owners.

    ``needed`` owners have to support it; ``lacks`` is how many are missing, ``waits_for`` names
    who can be one of them, and ``problem`` says why nobody can. ``changes`` are those of a policy
    against the one in force, ``details`` what else the entry says. ``can_support`` and
    ``can_withdraw`` are the actor's; ``why_not`` and ``why_no_withdraw`` say why not.
    """

    id: str
    n: int
    action: str
    subject: str
    by: str
    at: str
    digest: str
    text: str
    reason: str
    supporters: list[SupporterDocument]
    needed: int
    lacks: int
    waits_for: list[str]
    problem: str
    changes: list[PolicyChange]
    details: list[PolicyChange]
    warnings: list[str]
    can_support: bool
    why_not: str
    can_withdraw: bool
    why_no_withdraw: str


class InboxDocument(TypedDict):
    """What waits for the actor, what they wait for themselves, and what ends soon."""

    waiting: list[InboxItem]
    mine: list[InboxItem]
    expiring: list[InboxItem]
