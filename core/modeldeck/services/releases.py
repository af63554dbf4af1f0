"""Releases: asking for one, reviewing what changes, voting, withdrawing."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

from modeldeck import clock, ids
from modeldeck.domain import releases as rules
from modeldeck.domain.documents import DiffRow, ReleaseDocument, VersionDocument
from modeldeck.domain.entry import Json
from modeldeck.domain.policies import timing
from modeldeck.domain.policy import Environment
from modeldeck.domain.state import Release, State
from modeldeck.errors import ConflictError, NotFoundError, NotPermittedError, UnavailableError
from modeldeck.services.base import builders, difference, manifests
from modeldeck.services.base.deck import Deck
from modeldeck.services.base.views import Views
from modeldeck.services.evidence.folder import Evidence, write
from modeldeck.services.gates import Gates
from modeldeck.services.models import Models

_UNDECIDED = {"checking", "waiting", "changes-requested", "approved", "deploying"}
_LOOK_EVERY_S = 0.5


class Releases:
    """The releases of one workspace."""

    def __init__(self, deck: Deck, views: Views, *, models: Models, gates: Gates) -> None:
        self.deck = deck
        self.views = views
        self.models = models
        self.gates = gates

    def list(self, *, open_only: bool = False) -> Sequence[ReleaseDocument]:
        """Return the releases, newest first, as the actor sees them now."""
        found = [self._now(one) for one in self.views.releases()]
        return [one for one in found if one["is_open"] or not open_only]

    def show(self, typed: str) -> ReleaseDocument:
        """Return one release, typed as ``churn-12``.

        Raises
        ------
        NotFoundError
            There is none.
        """
        known = {one["id"]: one for one in self.views.releases()}
        if found := known.get(typed.removeprefix("release:")):
            return self._now(found)
        msg = f"There is no release {typed[:80]!r}."
        hint = f"{ids.nearest(typed, known)}`modeldeck release list` shows those there are."
        raise NotFoundError(msg, hint, name=typed)

    def _now(self, document: ReleaseDocument) -> ReleaseDocument:
        with self.deck.reading() as state:
            actor = self.deck.actor.name
            level = self.deck.reachable_level(document["environment"], model=document["model"])
            now = clock.to_text(self.deck.now())
            return builders.with_now(document, state, actor=actor, now=now, level=level)

    def request(
        self, version: str, environment: str, *, reason: str = "", may_join: bool = False
    ) -> ReleaseDocument:
        """Ask for a release of a version to an environment, and run its gate.

        Where the policy names ``gate_roles`` and the actor's report would not count, the release
        stays in *checking* until somebody's does.

        Parameters
        ----------
        version, environment : str
            What, as ``churn@7``, and where to.
        reason : str
            Why; it is kept.
        may_join : bool
            Where the actor asked for just that already and it is still open, return that release:
            a job that is started again goes on waiting.

        Raises
        ------
        ModelDeckError
            There is no such version or environment, it may not be asked for now, or a file of it
            is damaged.
        """
        known = self.models.version(version)
        self.models.verify(known["id"])
        with self.deck.reading() as state:
            one = state.policy.environment(environment, model=known["model"])
            if one.asks_nobody and one.deploy == "on-approval":
                _need_unfrozen(self.deck, one, because="its gate alone would deploy it")
            self.gates.need_reporter(state, known["id"], environment=one)
            body = _request_of(
                state, known, environment=one, issued=self.deck.now_text(), reason=reason
            )
        try:
            entity = self.deck.commit("release.request", f"version:{known['id']}", body=body).entity
        except ConflictError as error:
            entity = str(error.data.get("release", ""))
            own = entity and self.show(entity)["requested_by"] == self.deck.actor.name
            if not (may_join and own):
                raise
        if self.show(entity)["status"] == "checking" and self.gates.would_count(entity):
            self.gates.run(known["id"], environment)
        return self.show(entity)

    def statement(self, typed: str, verdict: str, *, reason: str = "") -> dict[str, Json]:
        """Return the statement that a vote would record: what the voter binds the verdict to.

        Raises
        ------
        ModelDeckError
            There is no such release, or this computer's clock is wrong.
        """
        identifier = self.show(typed)["id"]
        with self.deck.reading() as state:
            return self._statement(state.releases[identifier], verdict, reason=reason)

    def _statement(self, release: Release, verdict: str, *, reason: str) -> dict[str, Json]:
        policy = self.deck.state.policy
        environment = policy.environment(release.environment, model=release.model)
        issued = self.deck.now_text(after=release.last_issued)
        expires = clock.from_text(issued) + timedelta(seconds=environment.approval_ttl_s)
        return {
            **rules.statement_of(release),
            "verdict": verdict,
            "reason": reason,
            "issued": issued,
            "expires": clock.to_text(expires),
            "nonce": uuid.uuid4().hex,
        }

    def approve(self, typed: str, reason: str = "", *, expect: str = "") -> ReleaseDocument:
        """Approve a release; see :meth:`vote`."""
        return self.vote(typed, "approve", reason=reason, expect=expect)

    def reject(self, typed: str, reason: str, *, expect: str = "") -> ReleaseDocument:
        """Reject a release with a reason; see :meth:`vote`."""
        return self.vote(typed, "reject", reason=reason, expect=expect)

    def vote(
        self, typed: str, verdict: str, *, reason: str = "", expect: str = ""
    ) -> ReleaseDocument:
        """Vote on a release.

        Parameters
        ----------
        typed : str
            The release, as ``churn-12``.
        verdict : str
            ``approve``, ``reject``, ``request-changes`` or ``abstain``, which takes an earlier vote
            back; ``reject`` and ``request-changes`` need a reason.
        reason : str
            Why.
        expect : str
            The ``basis`` of the document that was looked at; empty takes what is there now.

        Raises
        ------
        ConflictError
            The release rests on something else than was looked at, or takes no votes.
        NotPermittedError
            The actor may not vote on it, or would deploy it during a freeze; the message says why
            and who may, or until when.
        """
        identifier = self.show(typed)["id"]
        with self.deck.reading() as state:
            release = state.releases[identifier]
            if expect and expect != rules.basis_of(release):
                msg = f"{identifier} changed since you looked."
                raise ConflictError(msg, "Look at it again, then vote.")
            if verdict == "approve":
                self._need_no_freeze_if_deciding(release)
            body = self._statement(release, verdict, reason=reason)
        self.deck.commit("release.vote", f"release:{identifier}", body=body)
        return self.show(identifier)

    def _need_no_freeze_if_deciding(self, release: Release) -> None:
        state, now = self.deck.state, clock.to_text(self.deck.now())
        environment = state.policy.known(release.environment, model=release.model)
        if environment is None or environment.deploy != "on-approval":
            return
        is_voter = self.deck.member is not None
        if is_voter and builders.completes(state, release, actor=self.deck.actor.name, now=now):
            _need_unfrozen(self.deck, environment, because="your approval would deploy it")

    def override(
        self, typed: str, checks: Sequence[str], *, reason: str, expect: str = ""
    ) -> ReleaseDocument:
        """Override failed checks of a release that its gate blocks.

        When no failed required check is left, the release waits for votes, each of which names the
        overrides.

        Parameters
        ----------
        typed : str
            The release, as ``churn-12``.
        checks : sequence of str
            The checks by name; they have to be required ones that failed.
        reason : str
            Why; it is kept.
        expect : str
            The ``basis`` of the document that was looked at; empty takes what is there now.

        Raises
        ------
        ConflictError
            It is not blocked by such checks, or rests on something else than was looked at.
        NotPermittedError
            The actor may not vote on it, or has none of the policy's ``override_roles``.
        InvalidInputError
            No reason or no check was given.
        """
        identifier = self.show(typed)["id"]
        body = {**self.override_body(identifier, checks, expect=expect), "reason": reason}
        self.deck.commit("release.override", f"release:{identifier}", body=body)
        return self.show(identifier)

    def override_body(
        self, release: str, checks: Sequence[str], *, expect: str = ""
    ) -> dict[str, Json]:
        """Return what an override would record, without its reason; see :meth:`override`."""
        with self.deck.reading() as state:
            known = state.release(release)
            if expect and expect != rules.basis_of(known):
                msg = f"{release} changed since you looked."
                raise ConflictError(msg, "Look at it again.")
            issued = self.deck.now_text(after=known.last_issued)
            binding = rules.statement_of(known)
        return {**binding, "checks": [*checks], "reason": "", "issued": issued}

    def withdraw(self, typed: str, reason: str = "") -> ReleaseDocument:
        """Withdraw a release: its requester, or an owner.

        Raises
        ------
        ModelDeckError
            It may not be withdrawn by the actor, or not any more.
        """
        identifier = self.show(typed)["id"]
        self.deck.commit("release.withdraw", f"release:{identifier}", body={"reason": reason})
        return self.show(identifier)

    def wait(
        self, typed: str, *, timeout_s: float = 0.0, told: Callable[[ReleaseDocument], None]
    ) -> ReleaseDocument:
        """Wait until a release is live, or can never be.

        Parameters
        ----------
        typed : str
            The release, as ``churn-12``.
        timeout_s : float
            At most so many seconds; 0 waits as long as it takes.
        told : callable
            Gets the release at once, and whenever its state changes.

        Returns
        -------
        ReleaseDocument
            The release: live, or in a state that ends it.

        Raises
        ------
        NotFoundError
            There is no such release.
        UnavailableError
            It was not decided in time.
        """
        until = time.monotonic() + timeout_s
        shown = ""
        while True:
            release = self.show(typed)
            if release["status"] != shown:
                shown = release["status"]
                told(release)
            if shown not in _UNDECIDED:
                return release
            if timeout_s and time.monotonic() > until:
                msg = f"{release['id']} is still {shown} after {timeout_s:.0f} seconds."
                hint = f"`modeldeck release who {release['id']}` says why."
                raise UnavailableError(msg, hint, release=release["id"])
            time.sleep(_LOOK_EVERY_S)

    def evidence(self, typed: str, folder: Path) -> Evidence:
        """Write what a release rests on into a folder that others check without ModelDeck.

        Its files, and how they are checked, are those of :mod:`modeldeck.services.evidence.folder`.

        Parameters
        ----------
        typed : str
            The release, as ``churn-12``.
        folder : Path
            Where to; it may not be there yet.

        Raises
        ------
        ModelDeckError
            There is no such release, something at that place, or damage.
        """
        release = self.show(typed)
        return write(self.deck, release, diff=self.diff(typed), folder=folder)

    def diff(self, typed: str) -> Sequence[DiffRow]:
        """Return what differs between a release's version and what it replaces.

        Metrics are judged by the gate's intervals where it has them.

        Raises
        ------
        DamageError
            A manifest is missing or changed.
        """
        release = self.show(typed)
        objects = self.deck.objects
        after = manifests.predicate(manifests.read(objects, release["manifest"]))
        before: dict[str, object] = {}
        if release["replaces"] != "none":
            before = manifests.predicate(manifests.read(objects, release["replaces"]))
        checks = release["gate"]["checks"] if release["gate"] else ()
        return difference.judged(difference.rows(before, after), checks)


def _need_unfrozen(deck: Deck, environment: Environment, *, because: str) -> None:
    found = timing.freeze(environment, now=clock.to_text(deck.now()))
    if found is not None:
        msg = f"{found.text} {because[0].upper()}{because[1:]}."
        raise NotPermittedError(msg, "Do it after that; who goes back needs not wait.")


def _request_of(
    state: State, version: VersionDocument, *, environment: Environment, issued: str, reason: str
) -> dict[str, Json]:
    """Return the body of a request for what is live now."""
    endpoint = state.endpoint(version["model"], environment.name)
    expires = clock.from_text(issued) + timedelta(seconds=environment.request_ttl_s)
    return {
        "environment": environment.name,
        "manifest": version["manifest"],
        "replaces": endpoint.base,
        "generation": endpoint.generation,
        "policy": state.policy_digest,
        "issued": issued,
        "expires": clock.to_text(expires),
        "reason": reason,
    }
