"""A workspace as plain dictionaries, and random acts on one.

:class:`Model` says of each act whether it is to be refused, by the name of the error, and what it
changes. It shares no line with the engine: one endpoint, two approvals, started by hand.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from modeldeck import clock
from modeldeck.domain.entry import Intent, Json, digest_of
from modeldeck.domain.state import State
from tests.faults import slots

RUNS = tuple(f"20261123-07101{n}-k3f9wz" for n in range(4))
SUBJECTS = (*(f"run:{one}" for one in RUNS), "model:churn")
NEWCOMERS = ("nora", "nils")
OPEN = ("checking", "waiting", "approved")


@dataclass
class Model:
    """What a workspace of :func:`tests.faults.slots.make_slot` holds, act after act."""

    n: int
    members: dict[str, int]
    servers: set[str]
    policy: str
    annotations: dict[str, tuple[str, str]] = field(default_factory=dict)
    withdrawn: set[str] = field(default_factory=set)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    stops: set[str] = field(default_factory=set)
    versions: dict[str, tuple[str, str]] = field(default_factory=dict)
    reports: dict[tuple[str, int], str] = field(default_factory=dict)
    releases: dict[str, dict[str, Any]] = field(default_factory=dict)
    generation: int = 0
    live: str = ""
    is_there: bool = False

    def refusal(self, intent: Intent | Any) -> str:  # noqa: ANN401 -- an entry too
        """Return the name of the error that an act is refused with; empty for none."""
        if intent.by not in self.members:
            return "NotPermittedError"
        if intent.action in {"member.add", "member.revoke", "policy.adopt"} and intent.by != "ann":
            return "NotPermittedError"
        name = intent.subject.partition(":")[2]
        rule: Callable[..., str] = getattr(self, f"_check_{_word(intent.action)}")
        return rule(name, intent.by, intent.body)

    def take(self, intent: Intent | Any) -> None:  # noqa: ANN401 -- an entry too
        """Do an act that was not refused."""
        self.n += 1
        name = intent.subject.partition(":")[2]
        if intent.action == "annotation.add":
            self.annotations[intent.id] = (intent.by, intent.subject)
        elif intent.action.startswith("tag."):
            self._tag(intent)
        else:
            change: Callable[..., None] = getattr(self, f"_do_{_word(intent.action)}")
            change(name, intent.by, intent.body)

    def _tag(self, intent: Intent) -> None:
        tags = self.tags.setdefault(intent.subject, {})
        if intent.action == "tag.add":
            tags[str(intent.body["tag"])] = str(intent.body["value"])
        else:
            del tags[str(intent.body["tag"])]

    def _check_annotation_add(self, *_: object) -> str:
        return ""

    def _check_annotation_withdraw(self, name: str, by: str, _: object) -> str:
        if name not in self.annotations or name in self.withdrawn:
            return "NotFoundError"
        return "" if self.annotations[name][0] == by else "NotPermittedError"

    def _do_annotation_withdraw(self, name: str, *_: object) -> None:
        self.withdrawn.add(name)

    def _known_tags(self, name: str) -> dict[str, str]:
        kind = "model" if name == "churn" else "run"
        return self.tags.get(f"{kind}:{name}", {})

    def _check_tag_add(self, name: str, _: str, body: Mapping[str, Any]) -> str:
        return "ConflictError" if self._known_tags(name).get(body["tag"]) == body["value"] else ""

    def _check_tag_remove(self, name: str, _: str, body: Mapping[str, Any]) -> str:
        return "" if body["tag"] in self._known_tags(name) else "NotFoundError"

    def _check_run_stop(self, name: str, *_: object) -> str:
        return "ConflictError" if name in self.stops else ""

    def _do_run_stop(self, name: str, *_: object) -> None:
        self.stops.add(name)

    def _check_member_add(self, name: str, *_: object) -> str:
        return "ConflictError" if name in self.members else ""

    def _do_member_add(self, name: str, *_: object) -> None:
        self.members[name] = self.n

    def _check_member_revoke(self, name: str, *_: object) -> str:
        return "" if name in self.members else "NotFoundError"

    def _do_member_revoke(self, name: str, *_: object) -> None:
        del self.members[name]

    def _check_policy_adopt(self, *_: object) -> str:
        return ""

    def _do_policy_adopt(self, *_: object) -> None:
        self._outdate()

    def _outdate(self) -> None:
        for one in self.releases.values():
            if one["status"] in OPEN:
                one["status"] = "outdated"

    def _check_version_register(self, _: str, __: str, body: Mapping[str, Any]) -> str:
        known = {manifest for manifest, _ in self.versions.values()}
        return "ConflictError" if body["manifest"] in known else ""

    def _do_version_register(self, name: str, by: str, body: Mapping[str, Any]) -> None:
        self.versions[f"{name}@{len(self.versions) + 1}"] = (body["manifest"], by)

    def _check_gate_report(self, name: str, _: str, body: Mapping[str, Any]) -> str:
        if name not in self.versions:
            return "NotFoundError"
        return "" if body["generation"] == self.generation else "ConflictError"

    def _do_gate_report(self, name: str, _: str, body: Mapping[str, Any]) -> None:
        self.reports[name, self.generation] = body["report"]
        for one in self.releases.values():
            if (one["version"], one["status"]) == (name, "checking"):
                one |= {"status": "waiting", "report": body["report"]}

    def _check_release_request(self, name: str, _: str, body: Mapping[str, Any]) -> str:
        if name not in self.versions:
            return "NotFoundError"
        asked = {one["version"] for one in self.releases.values() if one["status"] in OPEN}
        is_free = name != self.live and name not in asked
        return "" if body["generation"] == self.generation and is_free else "ConflictError"

    def _do_release_request(self, name: str, by: str, body: Mapping[str, Any]) -> None:
        report = self.reports.get((name, self.generation), "")
        self.releases[f"churn-{len(self.releases) + 1}"] = {
            "version": name,
            "status": "waiting" if report else "checking",
            "report": report,
            "by": by,
            "n": self.n,
            "votes": {},
            "last": body["issued"],
        }

    def _check_release_vote(self, name: str, by: str, body: Mapping[str, Any]) -> str:
        release = self.releases.get(name)
        if release is None:
            return "NotFoundError"
        if release["status"] != "waiting":
            return "ConflictError"
        if by in self.servers or by in {release["by"], self.versions[release["version"]][1]}:
            return "NotPermittedError"
        if self.members[by] >= release["n"]:
            return "NotPermittedError"
        is_old = _is_old(body, release) or body["report"] != release["report"]
        is_said = body["verdict"] == "approve" and self._holds(release, by)
        return "ConflictError" if is_old or is_said else ""

    def _holds(self, release: Mapping[str, Any], by: str) -> bool:
        cast = release["votes"].get(by, -1)
        return by in self.members and bool(cast > self.members[by])

    def _do_release_vote(self, name: str, by: str, body: Mapping[str, Any]) -> None:
        release = self.releases[name]
        release["votes"][by] = self.n
        release["last"] = max(release["last"], body["issued"])
        if body["verdict"] == "reject":
            release["status"] = "rejected"
        elif sum(self._holds(release, one) for one in release["votes"]) >= 2:
            release["status"] = "approved"

    def _check_release_withdraw(self, name: str, by: str, _: object) -> str:
        release = self.releases.get(name)
        if release is None:
            return "NotFoundError"
        if by not in {release["by"], "ann"}:
            return "NotPermittedError"
        return "" if release["status"] in OPEN else "ConflictError"

    def _do_release_withdraw(self, name: str, *_: object) -> None:
        self.releases[name]["status"] = "withdrawn"

    def _check_deployment_start(self, name: str, _: str, body: Mapping[str, Any]) -> str:
        release = self.releases.get(name)
        if release is None:
            return "NotFoundError"
        is_same = body["generation"] == self.generation and not _is_old(body, release)
        if release["status"] != "approved" or not is_same:
            return "ConflictError"
        votes = sum(self._holds(release, one) for one in release["votes"])
        return "" if votes >= 2 else "NotPermittedError"

    def _do_deployment_start(self, name: str, _: str, body: Mapping[str, Any]) -> None:
        self._leave()
        release = self.releases[name]
        release |= {"status": "deploying", "last": max(release["last"], body["issued"])}
        self.live, self.is_there = release["version"], True
        self._outdate()

    def _leave(self) -> None:
        self.generation += 1
        for one in self.releases.values():
            if one["status"] in {"deploying", "live"}:
                one["status"] = "replaced"

    def _check_deployment_stop(self, _: str, __: str, body: Mapping[str, Any]) -> str:
        if not self.is_there:
            return "NotFoundError"
        return "" if body["generation"] == self.generation and self.live else "ConflictError"

    def _do_deployment_stop(self, *_: object) -> None:
        self._leave()
        self.live = ""
        self._outdate()

    def _check_deployment_report(self, _: str, by: str, body: Mapping[str, Any]) -> str:
        if not self.is_there:
            return "NotFoundError"
        if body["generation"] != self.generation:
            return "ConflictError"
        if by not in self.servers:
            return "NotPermittedError"
        return "" if self.live else "ConflictError"

    def _do_deployment_report(self, *_: object) -> None:
        for one in self.releases.values():
            if one["status"] == "deploying":
                one["status"] = "live"


def _is_old(body: Mapping[str, Any], release: Mapping[str, Any]) -> bool:
    """Say whether a statement is five minutes older than the last one about a release, or more."""
    age = clock.from_text(release["last"]) - clock.from_text(body["issued"])
    return age > timedelta(minutes=5)


def _word(action: str) -> str:
    return action.replace(".", "_")


def model_of(state: State) -> Model:
    """Return the model of a workspace in which nothing but founding and joining happened."""
    return Model(
        n=state.n,
        members={one.name: one.since for one in state.members.values()},
        servers={one.name for one in state.members.values() if one.kind == "server"},
        policy=state.policy_digest,
    )


def same(model: Model, state: State) -> None:
    """Assert that a folded ledger says what the model says."""
    endpoint = state.endpoint("churn", "production")
    assert model.n == state.n
    assert model.members.keys() == {one.name for one in state.members.values() if one.is_active}
    assert model.annotations == {
        key: (one.by, one.subject) for key, one in state.annotations.items()
    }
    assert model.withdrawn == {key for key, one in state.annotations.items() if one.is_withdrawn}
    assert {key: one for key, one in model.tags.items() if one} == {
        key: one for key, one in state.tags.items() if one
    }
    assert model.stops == set(state.stops)
    assert model.versions == {key: (one.manifest, one.by) for key, one in state.versions.items()}
    assert {key: one["status"] for key, one in model.releases.items()} == {
        key: one.status for key, one in state.releases.items()
    }
    assert (model.generation, model.live) == (endpoint.generation, endpoint.pointer.version)


def propose(state: State, action: str, rng: random.Random) -> Intent:
    """Return a random act, as somebody means it who looks at this state."""
    names = [one.name for one in state.members.values()]
    owners = action in {"member.add", "member.revoke", "policy.adopt"}
    is_servers = action == "deployment.report"
    likely = [one for one in names if one.startswith("s")] if is_servers else names
    by = "ann" if owners and rng.random() < 0.9 else rng.choice([*likely, *likely, "eve"])
    subject, body = _PROPOSALS[action](state, rng)
    return slots.intent_of(state, by, action=action, subject=subject, body=body)


Proposal = tuple[str, dict[str, Json]]


def _of(table: Mapping[str, object], rng: random.Random) -> str:
    """Return mostly a late one of what there is, now and then one that is not there."""
    return rng.choice(["none", *list(table)[-4:] * 3])


def _tagged(_: State, rng: random.Random) -> Proposal:
    return rng.choice(SUBJECTS), {"tag": rng.choice("ab"), "value": rng.choice("xy")}


def _joining(_: State, rng: random.Random) -> Proposal:
    name = rng.choice(NEWCOMERS)
    return f"member:{name}", slots.member(name)


def _voted(state: State, rng: random.Random) -> Proposal:
    name = _of(state.releases, rng)
    verdict = rng.choice(["approve"] * 6 + ["reject"])
    known = name if name in state.releases else ""
    body = slots.approval(state, known, verdict=verdict)
    return f"release:{name}", body


def _based(state: State, rng: random.Random) -> tuple[str, dict[str, Json]]:
    version = _of(state.versions, rng)
    return version, slots.base(state, version)


def _reported(state: State, rng: random.Random) -> Proposal:
    version, looked = _based(state, rng)
    body = {**looked, "report": digest_of(rng.randbytes(8)), "passed": True}
    return f"version:{version}", body


def _asked(state: State, rng: random.Random) -> Proposal:
    version, looked = _based(state, rng)
    return f"version:{version}", {**looked, **slots.span()}


def _begun(state: State, rng: random.Random) -> Proposal:
    generation = state.endpoint("churn", "production").generation
    issued = clock.to_text(clock.utc_now())
    return f"release:{_of(state.releases, rng)}", {"generation": generation, "issued": issued}


def _served(state: State, _: random.Random) -> Proposal:
    endpoint = state.endpoint("churn", "production")
    body: dict[str, Json] = {
        "generation": endpoint.generation,
        "manifest": endpoint.pointer.manifest,
        "outcome": "ready",
        "reason": "",
        "head": state.head,
    }
    return f"endpoint:{slots.ENDPOINT}", body


def _ended(state: State, _: random.Random) -> Proposal:
    generation = state.endpoint("churn", "production").generation
    return f"endpoint:{slots.ENDPOINT}", {"generation": generation, "reason": "enough"}


_PROPOSALS: dict[str, Callable[[State, random.Random], Proposal]] = {
    "annotation.add": lambda _, rng: (
        rng.choice(SUBJECTS),
        {"object": digest_of(rng.randbytes(8))},
    ),
    "annotation.withdraw": lambda state, rng: (f"annotation:{_of(state.annotations, rng)}", {}),
    "tag.add": _tagged,
    "tag.remove": lambda state, rng: (_tagged(state, rng)[0], {"tag": rng.choice("ab")}),
    "run.stop": lambda _, rng: (f"run:{rng.choice(RUNS)}", {"reason": "x"}),
    "member.add": _joining,
    "member.revoke": lambda _, rng: (f"member:{rng.choice(NEWCOMERS)}", {"reason": "x"}),
    "policy.adopt": lambda state, _: ("policy:policy", {"policy": state.policy.to_json()}),
    "version.register": lambda _, rng: (
        "model:churn",
        {"manifest": digest_of(bytes([rng.randrange(12)])), "run": "", "authors": []},
    ),
    "gate.report": _reported,
    "release.request": _asked,
    "release.vote": _voted,
    "release.withdraw": lambda state, rng: (
        f"release:{_of(state.releases, rng)}",
        {"reason": "x"},
    ),
    "deployment.start": _begun,
    "deployment.report": _served,
    "deployment.stop": _ended,
}
ACTIONS = tuple(_PROPOSALS)
LIKELY = (
    *ACTIONS,
    *("gate.report", "release.request", "deployment.start") * 2,
    *("release.vote",) * 6,
    "deployment.report",
    "version.register",
)
"""The actions as often as they are drawn: each at times, releases mostly."""
