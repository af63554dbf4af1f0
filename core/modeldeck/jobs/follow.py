"""Following the ledger: each new pointer is verified, tried, loaded, swapped in, and reported."""

from __future__ import annotations

import gc
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

from modeldeck.domain.documents import EndpointDocument
from modeldeck.domain.policies import timing
from modeldeck.errors import ConflictError, DamageError, ModelDeckError, NotPermittedError
from modeldeck.jobs.following.copies import Copies
from modeldeck.jobs.following.sealing import Sealer
from modeldeck.jobs.following.trial import Trial
from modeldeck.services.base import builders
from modeldeck.serving.records import Records
from modeldeck.serving.registry import Registry, Served, load
from modeldeck.store import witness
from modeldeck.workspace import Workspace

LOOK_EVERY_S = 0.2
WARM = 4
"""Versions that stay loaded, so that a rollback needs no loading."""


def say(text: str) -> None:
    """Tell the person who started the server."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def problem_of(workspace: Workspace, copies: Copies | None = None) -> str:
    """Return why the ledger cannot be followed; empty when it can.

    Parameters
    ----------
    workspace : Workspace
        Whose ledger.
    copies : Copies or None
        What the server remembers, where it is known already.
    """
    with workspace.deck.reading() as state:
        known = state.stopped or workspace.deck.history_problem
        return known or (copies.contradiction(state) if copies is not None else "")


def restore(registry: Registry, copies: Copies) -> None:
    """Serve what was served before, from verified copies; what was stopped stays so."""
    for model in copies.known.stopped:
        registry.remove(model)
    for model, known in copies.known.served.items():
        try:
            version = str(known["version"]).rpartition("@")[2]
            manifest, generation = str(known["manifest"]), int(str(known["generation"]))
            folder = copies.verified(manifest)
            served = load(
                folder, model=model, version=version, manifest=manifest, generation=generation
            )
        except (ModelDeckError, OSError, KeyError, ValueError) as error:
            say(f"The copy of {model} cannot be served: {error}")
            continue
        registry.put(served)


class Follower:
    """Brings what the ledger names into a registry, and reports what came of it.

    Parameters
    ----------
    workspace : Workspace
        Opened as the server's member.
    environment : str
        Whose endpoints are served.
    registry, records, copies
        Where versions go, what happened is written, and verified files are kept.
    trial : Trial
        Where a version that never loaded here is tried; it is closed with the follower.
    """

    def __init__(
        self,
        workspace: Workspace,
        environment: str,
        *,
        registry: Registry,
        records: Records,
        copies: Copies,
        trial: Trial,
    ) -> None:
        self.workspace = workspace
        self.environment = environment
        self.registry = registry
        self.records = records
        self.copies = copies
        self._trial = trial
        self._sealer = Sealer(workspace, environment, records=records)
        self._done: dict[str, int] = {}
        self._warm: dict[str, Served] = {}
        self._unreported: dict[str, tuple[EndpointDocument, str, str]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def close(self) -> None:
        """End following."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)
        self._trial.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.look()
            except (ModelDeckError, OSError) as error:
                self._say(str(error))
            except Exception as error:  # noqa: BLE001 -- whatever it is, what is served stays
                if self._say(f"{type(error).__name__}: {error}"):
                    traceback.print_exc()
            else:
                self._say("")
            self._stop.wait(LOOK_EVERY_S)

    def _say(self, problem: str) -> bool:
        """Note why the ledger is not followed, empty when it is; say whether that is news."""
        before, self.registry.problem = self.registry.problem, problem
        if problem == before:
            return False
        text = f"The ledger cannot be followed: {problem}" if problem else "The ledger is followed."
        say(text)
        for one in self.registry.all():
            self.records.line(one.model, "ERROR" if problem else "INFO", text=text)
        return True

    def look(self) -> None:
        """Fold what is new and bring each changed endpoint up to date.

        Raises
        ------
        ModelDeckError
            The ledger cannot be trusted just now; what is served stays.
        """
        self.workspace.refresh()
        problem = problem_of(self.workspace, self.copies)
        if problem:
            raise DamageError(problem, "What is served stays as it is.")
        endpoints = self._remembered()
        for endpoint in endpoints:
            self.registry.expect(endpoint["model"])
        for endpoint in endpoints:
            if self._done.get(endpoint["id"]) != endpoint["generation"]:
                self._done[endpoint["id"]] = endpoint["generation"]
                self._bring(endpoint)
        for known, outcome, reason in list(self._unreported.values()):
            self._report(known, outcome, reason=reason)
        self._seal(self._sealer.look)

    def end(self) -> None:
        """Seal the prediction logs once the last one is written, after :meth:`close`."""
        if not problem_of(self.workspace, self.copies):
            self._seal(self._sealer.end)

    def _seal(self, step: Callable[[], None]) -> None:
        """Seal prediction logs; what cannot be done now is only said."""
        try:
            step()
        except (ModelDeckError, OSError) as error:
            say(f"Predictions are not sealed yet: {error}")

    def _remembered(self) -> list[EndpointDocument]:
        """Return the endpoints, after noting durably which entry they are read from."""
        with self.workspace.deck.reading() as state:
            found = [
                builders.endpoint_document(state, one)
                for one in state.endpoints.values()
                if one.environment == self.environment
            ]
            if state.head != self.copies.known.head:
                self.copies.see(
                    state,
                    root=self.workspace.root,
                    member=self.workspace.actor.name,
                    stopped=[one["model"] for one in found if not one["version"]],
                )
                witness.remember(state)
        return found

    def _bring(self, endpoint: EndpointDocument) -> None:
        model = endpoint["model"]
        if not endpoint["version"]:
            self.registry.remove(model)
            self.records.line(model, "WARN", text="stopped: no version is live")
            return
        try:
            self._check_still_approved(endpoint)
            served = self._load(endpoint)
        except Exception as error:  # noqa: BLE001 -- a version may fail in any way; the old one stays
            if self._stop.is_set():  # its trial ended with the server
                return
            text = f"{endpoint['version']} cannot be served: {error}"
            self.records.line(model, "ERROR", text=text)
            self._report(endpoint, "failed", reason=str(error))
            return
        self.registry.put(served)
        self.copies.remember(endpoint)
        text = f"{endpoint['version']} answers from now on (generation {endpoint['generation']})"
        self.records.line(model, "INFO", text=text)
        if not self._is_reported(endpoint):
            self._report(endpoint, "ready")

    def _is_reported(self, endpoint: EndpointDocument) -> bool:
        """Say whether this server's last report already says so: a restart adds no entry."""
        name, generation = self.workspace.actor.name, endpoint["generation"]
        return any(
            (one["name"], one["outcome"], one["generation"]) == (name, "ready", generation)
            for one in endpoint["servers"]
        )

    def _check_still_approved(self, endpoint: EndpointDocument) -> None:
        """Refuse a release that this server shall be the first to serve, too late by its clock.

        Raises
        ------
        NotPermittedError
            Its approvals or its request have expired, they or the version were revoked, or there is
            a freeze.
        """
        if self.copies.serves(endpoint):
            return
        with self.workspace.deck.reading() as state:
            release = state.releases.get(endpoint["release"])
            is_new = release is not None and endpoint["generation"] == release.generation + 1
            if release is None or not is_new or release.status != "deploying":
                return
            problem = timing.too_late(state, release, now=self.workspace.now())
        if problem:
            raise NotPermittedError(problem, "Ask for a new release.")

    def _load(self, endpoint: EndpointDocument) -> Served:
        manifest = endpoint["manifest"]
        known = self._warm.pop(manifest, None)
        if known is not None:
            served = known.at(endpoint["generation"])
            try:
                self._copied(endpoint)
            except (ModelDeckError, OSError) as error:  # what is loaded is good; the disk is not
                text = f"{endpoint['version']} is served without a copy for a restart: {error}"
                self.records.line(endpoint["model"], "ERROR", text=text)
        else:
            served = self._tried(endpoint, self._copied(endpoint))
        self._warm[manifest] = served
        while len(self._warm) > WARM:
            del self._warm[next(iter(self._warm))]
        return served

    def _copied(self, endpoint: EndpointDocument) -> Path:
        return self.copies.take(
            endpoint["manifest"],
            lambda target: self.workspace.deployments.materialize(endpoint["id"], target),
        )

    def _tried(self, endpoint: EndpointDocument, folder: Path) -> Served:
        """Load a version; one that never loaded here is tried in another process first."""
        if endpoint["manifest"] not in self.copies.known.good:
            self._trial.look(folder)
        served = load(
            folder,
            model=endpoint["model"],
            version=endpoint["version"].rpartition("@")[2],
            manifest=endpoint["manifest"],
            generation=endpoint["generation"],
        )
        gc.collect()
        gc.freeze()  # else each full collection looks through all libraries, some 80 ms long
        return served

    def _report(self, endpoint: EndpointDocument, outcome: str, *, reason: str = "") -> None:
        """Record what became of a pointer; when that cannot be done now, try again later."""
        is_new = endpoint["id"] not in self._unreported
        self._unreported[endpoint["id"]] = (endpoint, outcome, reason)
        try:
            self.workspace.deployments.report(
                endpoint["id"],
                generation=endpoint["generation"],
                manifest=endpoint["manifest"],
                outcome=outcome,
                reason=reason,
            )
        except ConflictError as error:  # the generation is over
            text = f"the report {outcome!r} came too late: {error}"
            self.records.line(endpoint["model"], "WARN", text=text)
        except Exception as error:  # noqa: BLE001 -- other endpoints are brought up to date all the same
            if is_new:
                text = f"the report {outcome!r} is not recorded yet: {error}"
                self.records.line(endpoint["model"], "ERROR", text=text)
            return
        del self._unreported[endpoint["id"]]
