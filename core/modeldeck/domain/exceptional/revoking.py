"""Revoking a version: its contents may go live nowhere any more, once and for good.

What is revoked is the manifest's digest. Open releases of it are outdated; it is asked for no more,
no endpoint goes back to it, and a server that does not serve it yet does not begin. What is served
goes on until somebody rolls it back or stops it: taking a model away can do more harm than it.
"""

from __future__ import annotations

from modeldeck.domain.deployments import need_reason
from modeldeck.domain.exceptional.things import Revocation
from modeldeck.domain.state import OPEN, Act, State
from modeldeck.errors import ConflictError, NotPermittedError


def need_unrevoked(state: State, manifest: str, *, what: str) -> None:
    """Refuse contents that were revoked.

    Raises
    ------
    NotPermittedError
        They were; the message says by whom, and why.
    """
    found = state.revoked.get(manifest)
    if found is not None:
        msg = f"{what} was revoked by {found.by}: {found.reason}"
        raise NotPermittedError(msg, "Train, register and release another version.")


def check_revoke(state: State, act: Act) -> None:
    """Check that somebody may revoke a version: an owner, or by a role that may roll back."""
    version = state.version(act.entity)
    need_reason(act)
    known = state.revoked.get(version.manifest)
    if known is not None:
        msg = f"{version.id} was revoked already, by {known.by}."
        raise ConflictError(msg)
    need_revoker(state, act.by, model=version.model)


def need_revoker(state: State, person: str, *, model: str) -> None:
    """Refuse who may not revoke versions of a model.

    Raises
    ------
    NotPermittedError
        The person is no owner, and has none of the ``rollback_roles``.
    """
    member = state.member(person)
    roles = {
        role for one in state.policy.environments.values() for role in one.of(model).rollback_roles
    }
    if member is not None and (member.is_owner or roles & set(member.roles)):
        return
    who = ", ".join(one.name for one in state.owners())
    msg = f"{person[:80]} may not revoke versions of {model}: owners may, and who may roll back."
    raise NotPermittedError(msg, f"Ask {who}.")


def apply_revoke(state: State, act: Act) -> str:
    """Revoke a version's contents; open releases of them are outdated."""
    version = state.versions[act.entity]
    manifest = version.manifest
    state.revoked[manifest] = Revocation(act.n, act.by, act.at, version.id, act.text("reason"))
    state.touched |= {
        ("versions", one.id) for one in state.versions.values() if one.manifest == manifest
    }
    state.touched |= {
        ("deployments", one.id)
        for one in state.endpoints.values()
        if manifest == one.pointer.manifest or manifest in one.ever
    }
    because = f"{version.id} was revoked by {act.by}: {act.text('reason')}"
    for release in list(state.releases.values()):
        if release.manifest == manifest and release.status in OPEN:
            state.move(release, status="outdated", because=because)
    return act.subject
