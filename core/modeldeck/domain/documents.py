"""The documents that lists, screens and ``--json`` show: plain values, one type a kind.

Times are texts as :mod:`modeldeck.clock` writes them, empty when there is none yet. Non-finite
numbers are the texts "NaN", "Infinity" and "-Infinity".
"""

from __future__ import annotations

from typing import NotRequired, TypedDict

from modeldeck.domain.policies.documents import (
    GlassDocument,
    OverrideDocument,
    RevocationDocument,
)

Number = float | int | str
"""A number, or the text of a non-finite one."""


class MetricSummary(TypedDict):
    """What is kept of a metric's values: its last, extremes, best by its goal, and last step."""

    last: Number
    min: Number
    max: Number
    best: Number
    step: int


class ErrorDocument(TypedDict, total=False):
    """Why a run failed."""

    type: str
    exit_code: int
    message: str
    hint: str


class ProgressDocument(TypedDict, total=False):
    """How far a running job is."""

    done: int
    total: int
    text: str


class DatasetUse(TypedDict):
    """Contents that a run used: what it called them, and their digest."""

    name: str
    digest: str


class RunDocument(TypedDict):
    """One run; ``status`` is running, finished, failed, cancelled or lost.

    ``datasets`` is there when the run recorded which data it used.
    ``notes`` are texts that the run wrote itself; ``resumes`` counts how often it was continued.
    ``archived_at`` and ``deleted_at`` are there only when the ledger says so.
    """

    id: str
    experiment: str
    name: str
    kind: str
    parent: str
    status: str
    started_at: str
    ended_at: str
    duration_s: float
    user: str
    host: str
    parameters: dict[str, object]
    metrics: dict[str, MetricSummary]
    tags: dict[str, str]
    progress: ProgressDocument
    error: ErrorDocument
    datasets: NotRequired[list[DatasetUse]]
    notes: NotRequired[list[str]]
    resumes: NotRequired[int]
    archived_at: NotRequired[str]
    deleted_at: NotRequired[str]


class DifferenceDocument(TypedDict):
    """What differs between runs: its value in each, None where one has none.

    ``goal`` is whether more (max) or less (min) of a metric is better, empty for what is no metric;
    ``best`` are the runs with the best value.
    """

    kind: str
    name: str
    values: dict[str, object]
    goal: str
    best: list[str]


class SameDocument(TypedDict):
    """What is the same in all runs that are compared."""

    kind: str
    name: str
    value: object


class ComparisonDocument(TypedDict):
    """Runs side by side; kinds are metric, parameter, data, code, environment and run."""

    runs: list[str]
    same: list[SameDocument]
    different: list[DifferenceDocument]


class PointDocument(TypedDict):
    """One value of a metric, as it was logged; ``at`` is empty where the record has no time."""

    metric: str
    step: int
    at: str
    value: Number


class ArtifactDocument(TypedDict):
    """A file that a run keeps, by its path below the run's folder."""

    path: str
    size_bytes: int


class ChildDocument(TypedDict):
    """A run that another one started."""

    id: str
    name: str
    status: str


class RunDetailDocument(RunDocument):
    """A run with everything that its folder and the ledger say.

    ``system`` has the last, mean and greatest value of each measurement of the machine.
    """

    folder: str
    argv: list[str]
    seed: object
    data: dict[str, object]
    code: dict[str, object]
    environment: dict[str, object]
    goals: dict[str, str]
    artifacts: list[ArtifactDocument]
    system: dict[str, dict[str, float]]
    annotations: list[AnnotationDocument]
    children: list[ChildDocument]
    versions: list[str]


class ShelvedDocument(TypedDict):
    """Runs that were archived, deleted, or brought back, and the entries that say so."""

    action: str
    runs: list[str]
    entries: list[int]


class ModelDocument(TypedDict):
    """A model: its versions and where it is live."""

    name: str
    versions: int
    latest: str
    live: dict[str, str]
    owner: str
    created_at: str


class VersionDocument(TypedDict):
    """One immutable model version; its identity is the digest of its manifest.

    ``data`` is the digest of what it was trained on, where its manifest names one. ``problem`` is
    there when the manifest cannot be read, and says why; ``revoked`` when it was.
    """

    id: str
    model: str
    version: int
    manifest: str
    run: str
    registered_by: str
    registered_at: str
    authors: list[str]
    level: str
    parameters: dict[str, object]
    metrics: dict[str, Number]
    size_bytes: int
    environments: dict[str, str]
    tags: dict[str, str]
    data: NotRequired[str]
    problem: NotRequired[str]
    revoked: NotRequired[RevocationDocument]


class IntervalDocument(TypedDict):
    """A paired comparison with the live version, on rows that neither was trained on.

    ``difference`` is candidate minus live, and lies between ``low`` and ``high`` with 95 %
    confidence; of scorers more is always better.
    """

    live: Number
    difference: Number
    low: Number
    high: Number
    n_rows: int


class CheckDocument(TypedDict):
    """One check of a gate report: ``margin`` is how far the value is on the good side.

    Of ``no-regression`` it is how far the upper end of the interval of the difference to the live
    version lies above what may be lost: below zero the version is significantly worse than allowed.
    """

    name: str
    kind: str
    metric: str
    required: bool
    passed: bool
    value: Number | None
    threshold: Number | None
    margin: Number | None
    reason: str
    interval: NotRequired[IntervalDocument]


class GateDocument(TypedDict):
    """A gate report about one version for one environment."""

    passed: bool
    version: str
    environment: str
    checks: list[CheckDocument]
    report: str
    made_by: str
    at: str


class VoteDocument(TypedDict):
    """One person's vote; ``why_not`` says why it does not count, if it does not."""

    by: str
    verdict: str
    reason: str
    at: str
    level: str
    counts: bool
    why_not: str


class RequiredDocument(TypedDict):
    """What a release needs: distinct people, and each named role at least so often."""

    approvals: int
    roles: dict[str, int]


class ExcludedDocument(TypedDict):
    """Who may not vote on a release, and why."""

    by: str
    why: str


class ReleaseDocument(TypedDict):
    """A release with everything that a reviewer needs; ``basis`` digests what a vote binds to.

    ``overrides`` is there when checks of its gate were overridden. Of an open one ``is_ending``
    says that people are to be reminded of its end, ``frozen`` and ``frozen_until`` that and until
    when nothing goes live there; ``deploy`` (*on-approval*, *manual*) and ``reject_blocks`` what
    the policy makes of votes, where it still has that environment.
    """

    id: str
    model: str
    version: str
    environment: str
    status: str
    is_open: bool
    requested_by: str
    requested_at: str
    expires_at: str
    reason: str
    manifest: str
    replaces: str
    replaces_version: str
    generation: int
    policy: str
    basis: str
    gate: GateDocument | None
    approvals: list[VoteDocument]
    required: RequiredDocument
    missing: list[str]
    excluded: list[ExcludedDocument]
    eligible: list[str]
    decided_at: str
    decided_by: str
    outdated_because: str
    trust: str
    can_approve: bool
    can_reject: bool
    why_not: str
    completes_quorum: bool
    overrides: NotRequired[list[OverrideDocument]]
    is_ending: NotRequired[bool]
    frozen: NotRequired[str]
    frozen_until: NotRequired[str]
    deploy: NotRequired[str]
    reject_blocks: NotRequired[bool]


class DiffRow(TypedDict):
    """One difference between a release's version and the live one."""

    section: str
    name: str
    before: str
    after: str
    delta: str
    better: bool | None


class ServerDocument(TypedDict):
    """A server's last word about an endpoint.

    ``answers`` says whether its heartbeat goes on, ``heard_at`` when it was heard last; both are
    there only where a server of that name ever had a heartbeat and somebody looked just now.
    """

    name: str
    outcome: str
    generation: int
    at: str
    reason: str
    answers: NotRequired[bool]
    heard_at: NotRequired[str]


class EndpointDocument(TypedDict):
    """An endpoint; ``status`` is deploying, live, failed or stopped.

    When it is shown a live one may also be *silent*: none of the servers that reported its version
    ready has a heartbeat any more. ``glass`` is there when it was ever broken, ``revoked`` when
    what is served was revoked.
    """

    id: str
    model: str
    environment: str
    version: str
    manifest: str
    generation: int
    status: str
    release: str
    since: str
    servers: list[ServerDocument]
    rollback_to: list[str]
    glass: NotRequired[GlassDocument]
    revoked: NotRequired[RevocationDocument]


class TrafficDocument(TypedDict):
    """What an endpoint's servers answered in a recent window, from their prediction logs."""

    requests_per_s: float
    errors_share: float
    p95_s: float | None
    last_at: str


class TrafficBucket(TypedDict):
    """The traffic of a short span that began ``at``; shares 0 to 1, times in seconds."""

    at: str
    requests_per_s: float
    errors_share: float
    p50_s: float | None
    p95_s: float | None


class LineageRow(TypedDict):
    """One step on the way from data to an endpoint; ``kind`` and ``id`` name an entity."""

    kind: str
    id: str
    text: str


class EntryDocument(TypedDict):
    """One ledger entry: what became of it, and its file, byte for byte."""

    n: int
    activity: ActivityDocument
    file: str
    raw: str
    is_signed: bool


class ActivityDocument(TypedDict):
    """One ledger entry as a line of the activity; a void one changed nothing.

    ``verdict`` is that of a vote, else empty. ``broken`` is there when the chain is broken before
    or after it.
    """

    n: int
    at: str
    by: str
    host: str
    action: str
    verdict: str
    subject: str
    level: str
    void: bool
    reason: str
    text: str
    digest: str
    broken: NotRequired[bool]


class AnnotationDocument(TypedDict):
    """A dated remark on an entity; ``redacted`` is there when its text was removed.

    ``thread`` is there when it is in one, ``edited_at`` when it was edited.
    """

    id: str
    subject: str
    by: str
    at: str
    text: str
    redacted: NotRequired[bool]
    thread: NotRequired[str]
    edited_at: NotRequired[str]


class RedactionDocument(TypedDict):
    """A remark whose text was removed; ``problem`` says why the text still lies there, if so."""

    id: str
    subject: str
    by: str
    reason: str
    removed: bool
    problem: str


class MemberDocument(TypedDict):
    """A member: a person, a server or a CI job, with roles and keys."""

    name: str
    kind: str
    uid: int
    roles: list[str]
    environments: list[str]
    keys: list[str]
    is_owner: bool


class LogLine(TypedDict):
    """One line of a log; ``level`` and ``at`` are empty where the line tells none."""

    source: str
    line: int
    at: str
    level: str
    text: str


class InboxItem(TypedDict):
    """Something that waits for the person at the screen; ``next`` is the command that goes on."""

    kind: str
    subject: str
    title: str
    detail: str
    since: str
    urgency: int
    next: NotRequired[str]
