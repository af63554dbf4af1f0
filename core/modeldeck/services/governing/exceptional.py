"""Going past a rule, or back in an emergency, as statements: shown whole, then recorded as shown.

Each is what :mod:`modeldeck.services.releases`, ``deployments`` and ``models`` record at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from modeldeck.domain.entry import Json
from modeldeck.domain.exceptional import glass, overrides, revoking
from modeldeck.domain.levels import Level
from modeldeck.domain.state import State
from modeldeck.errors import ModelDeckError
from modeldeck.services.base.deck import Deck
from modeldeck.services.deployments import Deployments
from modeldeck.services.governing.statements import Recorded, Statement, prepare, record
from modeldeck.services.models import Models
from modeldeck.services.releases import Releases


class Exceptional:
    """Overrides, broken glass and revoked versions of one workspace."""

    def __init__(
        self, deck: Deck, *, releases: Releases, deployments: Deployments, models: Models
    ) -> None:
        self.deck = deck
        self._releases = releases
        self._deployments = deployments
        self._models = models

    # What is possible

    def why_not(self) -> Mapping[str, str]:
        """Return why the actor cannot go past rules, by what it would be about.

        Returns
        -------
        mapping
            For each blocked release ``override release:ID``, for each endpoint
            ``break endpoint:ID`` and ``review endpoint:ID``, for each model ``revoke model:NAME``:
            why not, empty where the actor can.
        """
        actor = self.deck.actor.name
        found: dict[str, str] = {}
        with self.deck.reading() as state:
            for release in state.releases.values():
                if release.status == "blocked":
                    need = partial(overrides.need_override_role, state, release, person=actor)
                    found[f"override release:{release.id}"] = _refusal(need)
            for endpoint in state.endpoints.values():
                found[f"break endpoint:{endpoint.id}"] = _why_no_break(
                    state, endpoint.id, person=actor
                )
                found[f"review endpoint:{endpoint.id}"] = _why_no_review(
                    state, endpoint.id, person=actor
                )
            for model in state.models:
                need = partial(revoking.need_revoker, state, actor, model=model)
                found[f"revoke model:{model}"] = _refusal(need)
        return found

    def checks(self, typed: str) -> Sequence[str]:
        """Return the failed checks that block a release and are not overridden.

        Raises
        ------
        NotFoundError
            There is no such release.
        """
        name = self._releases.show(typed)["id"]
        with self.deck.reading() as state:
            return overrides.left_of(state.releases[name])

    def targets(self, typed: str) -> Sequence[str]:
        """Return the versions that the glass of an endpoint may be broken for, the last first.

        Raises
        ------
        NotFoundError
            There is no such endpoint.
        """
        name = self._deployments.show(typed)["id"]
        with self.deck.reading() as state:
            return [one.version for one in glass.targets(state, state.endpoints[name])]

    # Statements

    def overriding(self, typed: str, checks: Sequence[str], *, expect: str = "") -> Statement:
        """Return the statement that overrides failed checks; see ``Releases.override``.

        Raises
        ------
        ModelDeckError
            There is no such release, it changed, or the workspace is read-only.
        """
        release = self._releases.show(typed)
        body = self._releases.override_body(release["id"], checks, expect=expect)
        needed = self._level(release["environment"], model=release["model"])
        subject = f"release:{release['id']}"
        return prepare(self.deck, "release.override", subject=subject, body=body, needed=needed)

    def breaking(self, typed: str, to: str) -> Statement:
        """Return the statement that breaks the glass; see ``Deployments.break_glass``.

        Raises
        ------
        ModelDeckError
            There is no such endpoint, or the workspace is read-only.
        """
        endpoint = self._deployments.show(typed)
        body = self._deployments.break_body(endpoint, to=to)
        return self._about(endpoint["id"], "deployment.break-glass", body=body)

    def reviewing(self, typed: str) -> Statement:
        """Return the statement that reviews broken glass; see ``Deployments.review``.

        Raises
        ------
        ModelDeckError
            There is no such endpoint, or the workspace is read-only.
        """
        endpoint = self._deployments.show(typed)
        body = self._deployments.review_body(endpoint)
        return self._about(endpoint["id"], "deployment.review", body=body)

    def revoking(self, typed: str) -> Statement:
        """Return the statement that revokes a version; see ``Models.revoke``.

        Raises
        ------
        ModelDeckError
            There is no such version, or the workspace is read-only.
        """
        version = self._models.version(typed)["id"]
        with self.deck.reading() as state:
            needed = state.policy.strictest
        subject = f"version:{version}"
        body = {"reason": ""}
        return prepare(self.deck, "version.revoke", subject=subject, body={**body}, needed=needed)

    def cast(self, statement: Statement, reason: str) -> Recorded:
        """Record a statement exactly as it was shown.

        Raises
        ------
        ModelDeckError
            It was refused, by what the workspace is now; nothing was written.
        """
        return record(self.deck, statement, reason=reason)

    def _about(self, endpoint: str, action: str, *, body: Mapping[str, Json]) -> Statement:
        model, _at, environment = endpoint.rpartition("@")
        needed = self._level(environment, model=model)
        subject = f"endpoint:{endpoint}"
        return prepare(self.deck, action, subject=subject, body=body, needed=needed)

    def _level(self, environment: str, *, model: str) -> Level:
        with self.deck.reading() as state:
            known = state.policy.known(environment, model=model)
            return known.level if known is not None else state.policy.strictest


def _why_no_break(state: State, name: str, *, person: str) -> str:
    endpoint = state.endpoints[name]
    because = _refusal(lambda: glass.need_break_role(state, endpoint, person=person))
    if because:
        return because
    if glass.is_unreviewed(endpoint):
        return "it was broken already, and that is not reviewed yet"
    return "" if glass.targets(state, endpoint) else "no other version was live there"


def _why_no_review(state: State, name: str, *, person: str) -> str:
    endpoint = state.endpoints[name]
    if not glass.is_unreviewed(endpoint):
        return "its glass is whole, or what was broken is reviewed"
    return _refusal(lambda: glass.need_reviewer(state, endpoint, person=person))


def _refusal(need: Callable[[], object]) -> str:
    try:
        need()
    except ModelDeckError as error:
        return error.message.rstrip(".")
    return ""
