"""Gates: running the checks of an environment on a version, and recording the report."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from modeldeck.domain import quorum
from modeldeck.domain.documents import GateDocument
from modeldeck.domain.entry import Json
from modeldeck.domain.policy import Check, Environment
from modeldeck.domain.state import Endpoint, State, Version
from modeldeck.errors import InvalidInputError
from modeldeck.services.base import builders, manifests, processes
from modeldeck.services.base.deck import Deck
from modeldeck.services.models import Models
from modeldeck.store import files


class Gates:
    """The gates of one workspace."""

    def __init__(self, deck: Deck, models: Models) -> None:
        self.deck = deck
        self.models = models

    def run(self, version: str, environment: str) -> GateDocument:
        """Run the gate of an environment on a version and record its report.

        The checks run in a process of their own; the report is an object bound to the version's
        manifest, to what is live now, and to the policy.

        Raises
        ------
        ModelDeckError
            There is no such version or environment, or the report may not be recorded.
        """
        known = self.models.version(version)
        with self.deck.reading() as state:
            policy, digest = state.policy, state.policy_digest
            policy.environment(environment)
            candidate = state.version(known["id"])
            endpoint = state.endpoint(candidate.model, environment)
            checks = policy.checks(environment, candidate.model)
            self.deck.need_writable()
        report = self._measure(candidate, endpoint, checks=checks)
        report |= {"manifest": candidate.manifest, "replaces": endpoint.base, "policy": digest}
        stored = self.deck.objects.put(files.dumps(report))
        failed = _failed(report)
        done = self.deck.commit(
            "gate.report",
            f"version:{candidate.id}",
            body={
                "environment": environment,
                "manifest": candidate.manifest,
                "report": stored,
                "passed": bool(report["passed"]),
                "replaces": endpoint.base,
                "generation": endpoint.generation,
                "policy": digest,
                **({"failed": failed} if failed else {}),
            },
        )
        found = builders.gate_document(self.deck.objects, stored, by=done.by, at=done.at)
        if found is None:
            msg = f"The report about {candidate.id} is not as expected."
            raise InvalidInputError(msg)
        return found

    def reporters(self, release: str) -> Sequence[str]:
        """Return the members whose gate report would count for a release.

        Raises
        ------
        NotFoundError
            There is no such release, or the policy has no such environment any more.
        """
        with self.deck.reading() as state:
            known = state.release(release.removeprefix("release:"))
            one = state.policy.environment(known.environment, model=known.model)
            return quorum.reporters(state, one, excluded=known.excluded)

    def would_count(self, release: str) -> bool:
        """Say whether a report of the actor's would count for a release."""
        return self.deck.actor.name in self.reporters(release)

    def need_reporter(self, state: State, version: str, *, environment: Environment) -> None:
        """Refuse a request of the actor's whose gate report nobody could make.

        Raises
        ------
        NotPermittedError
            The message says why.
        """
        by = self.deck.actor.name
        quorum.need_reporter(state, state.versions[version], environment=environment, requester=by)

    def _measure(
        self, candidate: Version, endpoint: Endpoint, *, checks: Sequence[Check]
    ) -> dict[str, object]:
        objects = self.deck.objects
        with tempfile.TemporaryDirectory(prefix="modeldeck-") as temporary:
            folder, live, spec = (Path(temporary, one) for one in ("candidate", "live", "spec"))
            folder.mkdir()
            manifests.copy_out(objects, candidate.manifest, folder=folder)
            if endpoint.base != "none":
                live.mkdir()
                manifests.copy_out(objects, endpoint.base, folder=live)
            wanted = {
                "version": candidate.id,
                "environment": endpoint.environment,
                "folder": str(folder),
                "live_folder": str(live) if endpoint.base != "none" else "",
                "live_version": endpoint.base_version,
                "generation": endpoint.generation,
                "checks": [_wanted(one) for one in checks],
            }
            files.write_new(spec, files.dumps(wanted), mode=0o600)
            return processes.ask("gate", ["--spec", str(spec)], root=self.deck.root)

    def report(self, version: str, environment: str) -> GateDocument | None:
        """Return the newest report about a version for an environment; None without one."""
        known = self.models.version(version)
        with self.deck.reading() as state:
            state.policy.environment(environment)
            made = state.reports.get((known["manifest"], environment), [])
        if not made:
            return None
        last = made[-1]
        return builders.gate_document(self.deck.objects, last.report, by=last.by, at=last.at)


def _failed(report: Mapping[str, object]) -> list[Json]:
    """Return the required checks that failed by name, each once: what an override may name."""
    checks = report.get("checks")
    found: dict[str, None] = {}
    for one in checks if isinstance(checks, list) else ():
        if isinstance(one, dict) and one.get("required") and not one.get("passed"):
            found[str(one.get("name", ""))] = None
    return [*found]


def _wanted(check: Check) -> dict[str, object]:
    return {
        "name": check.name,
        "kind": check.kind,
        "metric": check.metric,
        "min": float(check.min) if check.min else None,
        "max": float(check.max) if check.max else None,
        "margin": float(check.margin) if check.margin else 0.0,
        "required": check.required,
    }
