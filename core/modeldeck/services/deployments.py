"""Deployments: what each endpoint serves; starting, stopping, rolling back, servers' reports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from modeldeck import clock, ids
from modeldeck.domain import deployments as rules
from modeldeck.domain.documents import EndpointDocument
from modeldeck.domain.entry import Json
from modeldeck.domain.levels import Level
from modeldeck.domain.policies import timing
from modeldeck.domain.state import Release
from modeldeck.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    NotPermittedError,
    TamperingError,
)
from modeldeck.services.base import manifests
from modeldeck.services.base.deck import Deck
from modeldeck.services.base.pulse import Pulses, with_pulse
from modeldeck.services.base.views import Views


class Deployments:
    """The endpoints of one workspace."""

    def __init__(self, deck: Deck, views: Views) -> None:
        self.deck = deck
        self.views = views
        self._pulses = Pulses(deck.root)

    def list(self, environment: str = "") -> Sequence[EndpointDocument]:
        """Return the endpoints, of one environment or all, with their servers' heartbeats.

        Raises
        ------
        NotFoundError
            There is no such environment.
        """
        if environment:
            with self.deck.reading() as state:
                state.policy.environment(environment)
        return self._pulsed(
            [one for one in self.views.endpoints() if environment in {"", one["environment"]}]
        )

    def show(self, typed: str) -> EndpointDocument:
        """Return one endpoint, typed as ``churn@production``.

        Raises
        ------
        NotFoundError
            There is none.
        """
        wanted = typed.removeprefix("endpoint:")
        for one in self.views.endpoints():
            if one["id"] == wanted:
                return self._pulsed([one])[0]
        msg = f"There is no endpoint {typed[:80]!r}."
        near = ids.nearest(wanted, (one["id"] for one in self.views.endpoints()))
        hint = f"{near}`modeldeck deploy list` shows those there are."
        raise NotFoundError(msg, hint, name=typed)

    def _pulsed(self, endpoints: Sequence[EndpointDocument]) -> Sequence[EndpointDocument]:
        """Return endpoints with what their servers' heartbeats say now; none in the past."""
        now = self.deck.now()
        for one in endpoints:
            glass = one.get("glass")
            if glass is not None:
                is_open = not glass["reviewed_by"]
                glass["is_overdue"] = is_open and clock.to_text(now) > glass["review_by"]
        if self.deck.as_of:
            return endpoints
        known = {name: self._pulses.of(name, now=now) for name in _environments(endpoints)}
        return [with_pulse(one, known[one["environment"]]) for one in endpoints]

    def start(self, release: str) -> EndpointDocument:
        """Start an approved release where the policy wants that done by hand.

        Raises
        ------
        ModelDeckError
            It is not approved or not any more, the actor may not, or there is a freeze.
        """
        wanted = release.removeprefix("release:")
        with self.deck.reading() as state:
            known = state.release(wanted)
            if known.status == "approved":
                self._need_time(known)
            endpoint = state.endpoint(known.model, known.environment)
            issued = self.deck.now_text(after=known.last_issued)
        body: dict[str, Json] = {"generation": endpoint.generation, "issued": issued}
        self.deck.commit("deployment.start", f"release:{wanted}", body=body)
        return self.show(endpoint.id)

    def _need_time(self, release: Release) -> None:
        """Refuse to start what is expired, or during a freeze, by this computer's clock."""
        timed = timing.status(self.deck.state, release, now=clock.to_text(self.deck.now()))
        if timed.status == "expired":
            msg = f"{release.id} was approved and not deployed until {timed.ends_at}: it expired."
            raise ConflictError(msg, "Withdraw it, and ask for a new release.")
        if timed.frozen is not None:
            raise NotPermittedError(timed.frozen.text, "Start it after that.")

    def break_glass(self, typed: str, *, to: str, reason: str) -> EndpointDocument:
        """Go back in an emergency to any version that was live there, without votes.

        Another person has to review that within the policy's ``review_within``; before that it
        cannot be done again.

        Parameters
        ----------
        typed : str
            The endpoint, as ``churn@production``.
        to : str
            A version that was reported live there.
        reason : str
            Why; it is kept.

        Raises
        ------
        NotPermittedError
            The actor has none of the policy's ``break_glass`` roles, or the version was never
            reported live there, or is revoked.
        ConflictError
            It is served already, or the last time is not reviewed.
        """
        endpoint = self.show(typed)
        body = {**self.break_body(endpoint, to=to), "reason": reason}
        self.deck.commit("deployment.break-glass", f"endpoint:{endpoint['id']}", body=body)
        return self.show(endpoint["id"])

    def break_body(self, endpoint: EndpointDocument, *, to: str) -> dict[str, Json]:
        """Return what breaking the glass would record, without its reason; see above."""
        wanted = to.removeprefix("version:")
        with self.deck.reading() as state:
            known = state.endpoints[endpoint["id"]]
            found = next((one for one in known.ever.values() if one.version == wanted), None)
            last = known.glass.issued if known.glass is not None else ""
            return {
                "generation": endpoint["generation"],
                "reason": "",
                "to": wanted,
                "manifest": found.manifest if found is not None else "none",
                "issued": self.deck.now_text(after=last),
            }

    def review(self, typed: str, reason: str) -> EndpointDocument:
        """Review that the glass of an endpoint was broken: another person, with what they found.

        Raises
        ------
        ModelDeckError
            It was never broken or is reviewed already, nothing was said, or the actor may not.
        """
        endpoint = self.show(typed)
        body = {**self.review_body(endpoint), "reason": reason}
        self.deck.commit("deployment.review", f"endpoint:{endpoint['id']}", body=body)
        return self.show(endpoint["id"])

    def review_body(self, endpoint: EndpointDocument) -> dict[str, Json]:
        """Return what reviewing broken glass would record, without what was found."""
        return {"glass": endpoint["glass"]["n"] if "glass" in endpoint else 0, "reason": ""}

    def stop(self, typed: str, reason: str) -> EndpointDocument:
        """Stop an endpoint: its servers answer no more predictions for it.

        Raises
        ------
        ModelDeckError
            It is stopped already, no reason was given, or the actor may not.
        """
        endpoint = self.show(typed)
        body: dict[str, Json] = {"generation": endpoint["generation"], "reason": reason}
        self.deck.commit("deployment.stop", f"endpoint:{endpoint['id']}", body=body)
        return self.show(endpoint["id"])

    def why_no_rollback(self, environment: str, *, model: str = "") -> str:
        """Return why the actor may not stop or roll back there; empty when they may."""
        actor = self.deck.actor.name
        with self.deck.reading() as state:
            try:
                rules.need_rollback_role(state, actor, environment=environment, model=model)
            except (NotFoundError, NotPermittedError) as error:
                return error.message
        return ""

    def rollback(self, typed: str, reason: str, *, to: str = "") -> EndpointDocument:
        """Roll an endpoint back to an earlier version that was live there.

        Parameters
        ----------
        typed : str
            The endpoint, as ``churn@production``.
        reason : str
            Why; it is kept.
        to : str
            A version; empty takes the one before.

        Raises
        ------
        ModelDeckError
            There is nothing to go back to, no reason was given, or the actor may not.
        """
        endpoint = self.show(typed)
        with self.deck.reading() as state:
            targets = rules.targets(state, state.endpoints[endpoint["id"]])
        wanted = to.removeprefix("version:")
        found = [one for one in targets if wanted in {"", one.version}]
        if not found:
            names = ", ".join(one.version for one in targets) or "nothing yet"
            msg = f"{endpoint['id']} cannot be rolled back to {to or 'an earlier version'}."
            raise ConflictError(msg, f"It can go back to {names}.")
        body: dict[str, Json] = {
            "generation": endpoint["generation"],
            "reason": reason,
            "to": found[0].version,
            "manifest": found[0].manifest,
        }
        self.deck.commit("deployment.rollback", f"endpoint:{endpoint['id']}", body=body)
        return self.show(endpoint["id"])

    def report(
        self, typed: str, *, generation: int, manifest: str, outcome: str, reason: str = ""
    ) -> None:
        """Record a server's report, ``ready`` or ``failed``, about one generation.

        Raises
        ------
        ModelDeckError
            The actor is no server of that environment, or the generation is over.
        """
        body: dict[str, Json] = {
            "generation": generation,
            "manifest": manifest,
            "outcome": outcome,
            "reason": reason[:1000],
            "head": self.deck.state.head,
        }
        self.deck.commit(
            "deployment.report", f"endpoint:{typed.removeprefix('endpoint:')}", body=body
        )

    def seal(self, endpoint: str, files: Sequence[Json]) -> None:
        """Record what prediction logs hold that are written to their end.

        Parameters
        ----------
        endpoint : str
            Its id.
        files : sequence of mapping
            ``name``, ``sha256`` and ``size_bytes`` of each.

        Raises
        ------
        ConflictError
            One of them was sealed before.
        ModelDeckError
            The actor is no server of that environment.
        """
        self.deck.commit("predictions.seal", f"endpoint:{endpoint}", body={"files": [*files]})

    def server_name(self, environment: str) -> str:
        """Return the member that a server of an environment acts as, if the actor is none itself.

        Raises
        ------
        NotPermittedError
            No server is enrolled there, or several are and none is named.
        """
        with self.deck.reading() as state:
            state.policy.environment(environment)
            known = [
                one.name
                for one in state.members.values()
                if one.is_active and one.kind == "server" and environment in one.environments
            ]
        if self.deck.actor.name in known:
            return self.deck.actor.name
        if len(known) == 1:
            return known[0]
        if not known:
            msg = f"No server is enrolled for {environment}."
            hint = f"An owner runs `modeldeck member add NAME --server {environment}`"
            is_signed = state.policy.environment(environment).trust == "signed"
            hint += ", with --public-key FILE." if is_signed else "."
            raise NotPermittedError(msg, hint)
        msg = f"Several servers are enrolled for {environment}: {', '.join(known)}."
        raise InvalidInputError(msg, "Say which one this is: --user NAME, or --key.")

    def materialize(self, typed: str, folder: Path) -> dict[str, object]:
        """Copy the files that an endpoint shall serve into a new folder, all verified.

        The chain was verified when it was folded, and only counted votes moved the pointer; the
        manifest and every file are verified against their digests here.

        Raises
        ------
        TamperingError
            The chain does not hold.
        DamageError
            A file is missing or changed.
        """
        with self.deck.reading() as state:
            problem = state.stopped or self.deck.history_problem
            if problem:
                raise TamperingError(problem, "`modeldeck ledger verify` names what is wrong.")
            endpoint = state.endpoints[typed.removeprefix("endpoint:")]
            level = state.policy.environment(endpoint.environment, model=endpoint.model).level
            if level == Level.OWNER and self.deck.ledger.owners_differ:
                msg = "The files' owners are not those that the ledger records."
                raise TamperingError(msg, "Serve from the original folder.")
        return manifests.copy_out(self.deck.objects, endpoint.pointer.manifest, folder=folder)


def _environments(endpoints: Sequence[EndpointDocument]) -> set[str]:
    return {one["environment"] for one in endpoints}
