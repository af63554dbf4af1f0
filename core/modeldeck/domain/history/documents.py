"""What ``--json`` and screens show of a ledger's checks, copies and upkeep: plain values."""

from __future__ import annotations

from typing import TypedDict


class VerifyProblem(TypedDict):
    """One thing in the ledger or the objects that does not hold; ``digest`` names an object."""

    n: int
    kind: str
    problem: str
    digest: str


class VerifyDocument(TypedDict):
    """What ``modeldeck ledger verify`` found; ``notes`` are no problems, but worth knowing."""

    ok: bool
    entries: int
    void: int
    head: str
    problems: list[VerifyProblem]
    notes: list[VerifyProblem]


class GcDocument(TypedDict):
    """What garbage collection found, and did if ``applied``.

    ``objects`` are those that nothing names, by digest with their size, ``runs`` those that were
    deleted longer ago than ``grace_s``, by id with the size of their folders; ``n_young`` were
    written within that time, ``n_foreign`` are for others to remove, ``n_restored`` came back
    because something names them by now, and what lay in the trash for more than a week was emptied.
    """

    applied: bool
    grace_s: int
    objects: dict[str, int]
    objects_bytes: int
    runs: dict[str, int]
    runs_bytes: int
    n_needed: int
    n_young: int
    n_foreign: int
    n_restored: int
    n_emptied: int
    emptied_bytes: int
    trash: str


class DoctorLine(TypedDict):
    """One line of ``modeldeck doctor``.

    ``state`` is ok, note (nothing to mend, but worth knowing), problem, repaired or not-repairable;
    ``text`` says what was found and what it means, ``hint`` what to do, empty for nothing;
    ``exit_code`` is 0, 10 (damage), 11 (somebody changed history) or 12 (could not be looked at).
    """

    name: str
    state: str
    text: str
    hint: str
    exit_code: int


class RungDocument(TypedDict):
    """One step of protection: whether a workspace has it, and why or why not."""

    level: str
    holds: bool
    because: str


class LevelDocument(TypedDict):
    """How far a workspace protects itself, as this user sees it."""

    level: str
    title: str
    prevents: list[str]
    detects: list[str]
    does_not_cover: list[str]
    rungs: list[RungDocument]


class SharedDocument(TypedDict):
    """A folder that was set up for a group.

    ``n_changed`` counts the folders and files whose mode or group changed; ``unreachable`` is the
    first folder on the way that others of the group cannot pass, or empty.
    """

    group: str
    n_changed: int
    unreachable: str
    level: LevelDocument


class DoctorDocument(TypedDict):
    """What ``modeldeck doctor`` found; ``exit_code`` is that of the command."""

    ok: bool
    exit_code: int
    n_repaired: int
    level: LevelDocument
    checks: list[DoctorLine]


class AnchorDocument(TypedDict):
    """The head of a ledger; ``line`` is all of it for a ticket or a tag."""

    workspace: str
    n: int
    head: str
    at: str
    line: str


class AgainstDocument(TypedDict):
    """Whether a ledger holds a head from elsewhere; ``kind`` is head, anchor or workspace.

    ``n`` is the entry of that head, or the first one that differs.
    """

    ok: bool
    kind: str
    n: int
    head: str
    problem: str


class ServedDocument(TypedDict):
    """What an endpoint serves, and what that rests on; people by name, the report by digest."""

    id: str
    version: str
    manifest: str
    status: str
    since: str
    release: str
    asked_by: str
    approved_by: list[str]
    report: str
    report_by: str


class StandingDocument(TypedDict):
    """The last entry of a ledger, or of a look back, with the policy in force and what is served.

    ``policy`` is the digest of the one in force then.
    """

    n: int
    head: str
    at: str
    by: str
    policy: str
    endpoints: list[ServedDocument]


class DecisionDocument(TypedDict):
    """An owners' entry about the ledger; ``proposal`` is its id while it waits for more owners."""

    n: int
    action: str
    subject: str
    by: str
    at: str
    proposal: str


class UpgradeReader(TypedDict):
    """A server or client, the newest rules that it knows (0: unknown), and what it would do."""

    kind: str
    name: str
    knows: int
    verdict: str


class UpgradeDocument(TypedDict):
    """What an upgrade of the rules would do; ``is_needed`` is false where they are in force."""

    current: int
    newest: int
    to: int
    is_needed: bool
    readers: list[UpgradeReader]


class CopyDocument(TypedDict):
    """What was copied by a backup or restore, or would be: files, bytes, and what went wrong.

    ``n_skipped`` were there already, ``left_out`` are no plain files. ``next`` are commands that an
    owner may need afterwards, each with its reason.
    """

    source: str
    target: str
    workspace: str
    n: int
    head: str
    n_files: int
    n_bytes: int
    n_skipped: int
    is_dry_run: bool
    left_out: list[str]
    problems: list[VerifyProblem]
    next: list[str]
