"""What actions need: each condition says why it is not met, or nothing when it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from modeldeck_tui.clean import clean
from modeldeck_tui.keymap import Action
from modeldeck_tui.present.governing.talking import Spoken
from modeldeck_tui.present.snapshot import Snapshot

_REMARKS = ("annotation.add", "thread.start", "thread.reply")


@dataclass(frozen=True, slots=True)
class Situation:
    """What an action is judged by: the snapshot, what is under the cursor, what the pane can.

    ``document`` is that of the entity, None without one; ``has`` names what the focused pane
    offers: rows, filterable, markable, sortable, wideable, shown.
    """

    snapshot: Snapshot | None
    entity: str = ""
    document: Any = None
    spoken: Spoken | None = None
    n_marked: int = 0
    has: frozenset[str] = frozenset()

    @property
    def kind(self) -> str:
        """The kind of what is under the cursor."""
        return self.entity.partition(":")[0]

    @property
    def id(self) -> str:
        """The id of what is under the cursor."""
        return self.entity.partition(":")[2]


def _writable(now: Situation) -> str:
    if now.snapshot is None:
        return "the workspace is still being read"
    because = now.snapshot.read_only_because
    if because:
        return f"the workspace is read-only: {clean(because).rstrip('.')}"
    return "" if now.snapshot.is_member else f"{clean(now.snapshot.actor)} is not a member here"


def _kind(*kinds: str, what: str) -> Callable[[Situation], str]:
    def condition(now: Situation) -> str:
        return "" if now.kind in kinds else f"put the cursor on {what}"

    return condition


def _thing(now: Situation) -> str:
    return "" if now.entity else "there is nothing under the cursor"


def _running(now: Situation) -> str:
    run = now.document if now.kind == "run" else None
    if run is None:
        return "put the cursor on a run"
    is_on = run["status"] in {"running", "lost"}
    return "" if is_on else f"the run is {run['status']} already"


def _two_marked(now: Situation) -> str:
    if 2 <= now.n_marked <= MOST_COMPARED:
        return ""
    if now.n_marked > MOST_COMPARED:
        return f"at most {MOST_COMPARED} can be compared; {now.n_marked} are marked"
    return "mark at least two with space"


def _release(field: str) -> Callable[[Situation], str]:
    def condition(now: Situation) -> str:
        release = now.document if now.kind == "release" else None
        if release is None:
            return "put the cursor on a release"
        is_on = release["can_approve"] if field == "can_approve" else release["can_reject"]
        return "" if is_on else clean(release["why_not"] or f"it is {release['status']}")

    return condition


def _answerable(now: Situation) -> str:
    """Return why ``a`` does nothing: a release takes no approval; all else has a page for it."""
    return _release("can_approve")(now) if now.kind in {"", "release"} else ""


def _has_voted(now: Situation) -> str:
    release = now.document if now.kind == "release" else None
    if release is None or now.snapshot is None:
        return "put the cursor on a release"
    if release["status"] not in {"waiting", "changes-requested"}:
        return f"it is {release['status']}"
    last = [one for one in release["approvals"] if one["by"] == now.snapshot.actor]
    has = bool(last) and last[-1]["verdict"] != "abstain" and last[-1]["counts"]
    return "" if has else "you have not voted on it"


def _proposal(now: Situation) -> str:
    proposal = now.document if now.kind == "proposal" else None
    if proposal is None:
        return "put the cursor on a proposal"
    return "" if proposal["can_support"] else clean(proposal["why_not"])


def _can_withdraw(now: Situation) -> str:
    release = now.document if now.kind == "release" else None
    if release is None:
        return "put the cursor on a release"
    return "" if release["is_open"] else f"it is {release['status']}"


def _can_withdraw_proposal(now: Situation) -> str:
    proposal = now.document if now.kind == "proposal" else None
    if proposal is None:
        return "put the cursor on a proposal"
    return "" if proposal["can_withdraw"] else clean(proposal["why_no_withdraw"])


def _withdrawable(now: Situation) -> str:
    return _can_withdraw_proposal(now) if now.kind == "proposal" else _can_withdraw(now)


def _can_roll_back(now: Situation) -> str:
    if now.snapshot is None:
        return "the workspace is still being read"
    name = endpoint_of(now)
    endpoint = now.snapshot.endpoint(name) if name else None
    if endpoint is None:
        return "put the cursor on an endpoint, or on a release that is live"
    if not endpoint["rollback_to"]:
        return f"no version before was live on {endpoint['id']}"
    return _no_role(now.snapshot, endpoint["environment"])


def _no_role(snapshot: Snapshot | None, environment: str) -> str:
    because = snapshot.no_rollback.get(environment, "") if snapshot is not None else ""
    return clean(because).rstrip(".")


def _serving(now: Situation) -> str:
    endpoint = now.document if now.kind == "endpoint" else None
    if endpoint is None:
        return "put the cursor on an endpoint"
    if endpoint["status"] == "stopped":
        return "it is stopped already"
    return _no_role(now.snapshot, endpoint["environment"])


def _can_override(now: Situation) -> str:
    release = now.document if now.kind == "release" else None
    if release is None or now.snapshot is None:
        return "put the cursor on a release"
    because = now.snapshot.no_exception.get(f"override {now.entity}")
    return f"it is {release['status']}, not blocked" if because is None else clean(because)


def _can_revoke(now: Situation) -> str:
    version = now.document if now.kind == "version" else None
    if version is None or now.snapshot is None:
        return "put the cursor on a version"
    if "revoked" in version:
        return clean(f"{version['revoked']['by']} revoked it already")
    return clean(now.snapshot.no_exception.get(f"revoke model:{version['model']}", ""))


def _on_endpoint(verb: str) -> Callable[[Situation], str]:
    """Return whether the person may do something about an endpoint, as the services say."""

    def condition(now: Situation) -> str:
        if now.snapshot is None or now.kind != "endpoint":
            return "put the cursor on an endpoint"
        return clean(now.snapshot.no_exception.get(f"{verb} {now.entity}", "it is not there"))

    return condition


def _thread(now: Situation) -> str:
    known = now.spoken
    if known is None:
        return "put the cursor on a thread"
    return "" if known.thread else "nobody replied to that annotation yet: c does"


def _own_remark(now: Situation) -> str:
    known, snapshot = now.spoken, now.snapshot
    if known is None or not known.remark or snapshot is None:
        return "put the cursor on a remark"
    found = next((one for one in snapshot.remarks if one["id"] == known.remark), None)
    if found is None:
        return "its author took it back"
    return "" if found["by"] == snapshot.actor else clean(f"{found['by']} wrote it")


def _remark(now: Situation) -> str:
    entry = now.document if now.kind == "entry" else None
    if entry is None or entry["action"] not in _REMARKS:
        return "put the cursor on an entry that annotated something"
    return "that entry is void" if entry["void"] else ""


def endpoint_of(now: Situation) -> str:
    """Return the endpoint under the cursor, or that of the release under the cursor."""
    if now.kind == "endpoint":
        return now.id
    release = now.document if now.kind == "release" else None
    return f"{release['model']}@{release['environment']}" if release else ""


def log_of(now: Situation) -> str:
    """Return what has a log of what is under the cursor, or of what an entry is about."""
    if now.kind == "run":
        return now.entity
    if now.kind in {"endpoint", "release"}:
        name = endpoint_of(now)
        return f"endpoint:{name}" if name else ""
    entry = now.document if now.kind == "entry" else None
    subject = str(entry["subject"]) if entry else ""
    if not subject or now.snapshot is None:
        return ""
    found = subject.partition("#")[0]
    return log_of(Situation(now.snapshot, found, now.snapshot.document(found)))


def log_time(now: Situation) -> str:
    """Return from when on a log is of interest: decided, or went wrong; else empty."""
    if now.kind == "entry" and now.document:
        return str(now.document["at"])
    if now.kind == "release" and now.document:
        return str(now.document["decided_at"])
    inbox = now.snapshot.inbox if now.snapshot is not None else ()
    alerts = (one["since"] for one in inbox if one["subject"] == now.entity)
    return next(alerts, "") if now.kind == "endpoint" else ""


def _has(name: str, why_not: str) -> Callable[[Situation], str]:
    return lambda now: "" if name in now.has else why_not


MOST_COMPARED = 50
CONDITIONS: Mapping[str, Callable[[Situation], str]] = {
    "writable": _writable,
    "thing": _thing,
    "run": _kind("run", what="a run"),
    "version": _kind("version", what="a version"),
    "dataset": _kind("dataset", what="a version of a dataset"),
    "release": _kind("release", what="a release"),
    "entry": _kind("entry", what="an entry"),
    "remark": _remark,
    "thread": _thread,
    "own_remark": _own_remark,
    "loggable": lambda now: "" if log_of(now) else "put the cursor on a run, endpoint or release",
    "running": _running,
    "two_marked": _two_marked,
    "can_approve": _release("can_approve"),
    "answerable": _answerable,
    "can_reject": _release("can_reject"),
    "can_withdraw": _can_withdraw,
    "can_withdraw_proposal": _can_withdraw_proposal,
    "withdrawable": _withdrawable,
    "has_voted": _has_voted,
    "proposal": _proposal,
    "can_roll_back": _can_roll_back,
    "can_override": _can_override,
    "can_break_glass": _on_endpoint("break"),
    "can_review_glass": _on_endpoint("review"),
    "can_revoke": _can_revoke,
    "serving": _serving,
    "shown": _has("shown", "there is nothing to copy here"),
    "rows": _has("rows", "there are no rows to save here"),
    "filterable": _has("filterable", "this list has no filter"),
    "markable": _has("markable", "rows of this list cannot be marked"),
    "marks": lambda now: "" if now.n_marked else "nothing is marked",
    "sortable": _has("sortable", "this list has a fixed order"),
    "wideable": _has("wideable", "all columns are shown"),
}
"""The conditions that actions name; each returns why it is not met."""


def why_not(action: Action, now: Situation) -> str:
    """Return why an action is off; empty when it is on."""
    for name in action.needs:
        because = CONDITIONS[name](now)
        if because:
            return because
    return ""
