"""The doctor on decisions: what nobody can satisfy, reviews that are due, what is revoked."""

from __future__ import annotations

from collections.abc import Iterator

from modeldeck import clock
from modeldeck.domain.history.documents import DoctorLine
from modeldeck.domain.policies.timing import is_overdue
from modeldeck.domain.policies.trouble import warnings
from modeldeck.domain.state import Endpoint, State
from modeldeck.services.upkeep.report import Exam, note, ok

_CHANGE = "Change modeldeck.toml or the members; `modeldeck policy check` says it again."


def policy(exam: Exam) -> Iterator[DoctorLine]:
    """Look whether the policy in force can be satisfied by those who are members now."""
    with exam.deck.reading() as state:
        members, models = list(state.members.values()), list(state.models)
        found = list(warnings(state.policy, members, models=models))
    for text in found:
        yield note("policy", text, hint=_CHANGE)
    if not found:
        yield ok("policy", "The policy can be satisfied.")


def emergencies(exam: Exam) -> Iterator[DoctorLine]:
    """Look for broken glass that nobody reviewed, and for revoked versions that are served."""
    now = clock.to_text(exam.now)
    with exam.deck.reading() as state:
        found = [line for one in state.endpoints.values() for line in _of(state, one, now=now)]
    yield from found
    if not found:
        yield ok("emergencies", "No broken glass waits for a review, nothing revoked is served.")


def _of(state: State, endpoint: Endpoint, *, now: str) -> Iterator[DoctorLine]:
    glass = endpoint.glass
    if glass is not None and not glass.reviewed_by:
        due = "is overdue since" if is_overdue(glass, now=now) else "is due until"
        text = f"{glass.by} broke the glass of {endpoint.id}; its review {due} {glass.review_by}."
        hint = f"Another person: `modeldeck deploy review {endpoint.id} --reason TEXT`."
        yield note("emergencies", text, hint=hint)
    revoked = state.revoked.get(endpoint.pointer.manifest)
    if revoked is not None:
        text = f"{endpoint.id} serves {endpoint.pointer.version}, which {revoked.by} revoked."
        hint = f"`modeldeck deploy rollback {endpoint.id} --reason TEXT`, or stop it."
        yield note("emergencies", text, hint=hint)
