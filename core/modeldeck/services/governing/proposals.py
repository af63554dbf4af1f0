"""What owners propose to each other: members, keys, the policy, what the ledger's history is.

An owners' entry waits until as many of them support it as the threshold asks for. What is shown of
a proposal is its own body; of a policy, what it would change in the one that is in force.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from modeldeck.domain import fold
from modeldeck.domain.entry import Intent, Json
from modeldeck.domain.levels import Level
from modeldeck.domain.membership import accounts
from modeldeck.domain.policies.documents import PolicyChange
from modeldeck.domain.policies.trouble import warnings
from modeldeck.domain.policy import policy_from_json
from modeldeck.domain.reading.reviews import ProposalDocument, SupporterDocument
from modeldeck.domain.state import Act, Pending, State
from modeldeck.errors import ConflictError, ModelDeckError, NotFoundError
from modeldeck.services.activity import sentence
from modeldeck.services.base import config
from modeldeck.services.base.deck import Deck
from modeldeck.services.governing.policies import differing
from modeldeck.services.governing.statements import Recorded, Statement, how, prepare, record

_PROPOSING = {
    "member.add": "add the member {name}",
    "member.revoke": "revoke {name}",
    "policy.adopt": "adopt another policy",
}
"""What is proposed; other actions are told as the activity does."""


class Proposals:
    """The owners' proposals of one workspace."""

    def __init__(self, deck: Deck) -> None:
        self.deck = deck

    def list(self) -> Sequence[ProposalDocument]:
        """Return what waits for owners, oldest first."""
        with self.deck.reading() as state:
            waiting = sorted(state.pending.items(), key=lambda one: one[1].act.n)
            if not waiting:
                return []
            level, _signer = how(self.deck, state.policy.strictest)  # may ask an agent: once
            return [self._document(state, one, level=level) for _key, one in waiting]

    def show(self, typed: str) -> ProposalDocument:
        """Return one proposal, named by its entry's number, by its id or how that begins.

        Raises
        ------
        NotFoundError
            There is none, or several begin so.
        """
        wanted = typed.removeprefix("proposal:")
        known = self.list()
        found = [one for one in known if wanted and one["id"].startswith(wanted)]
        exact = [one for one in known if str(one["n"]) == wanted]
        if len(exact or found) != 1:
            what = "more than one proposal" if found else "no proposal"
            msg = f"There is {what} {typed[:40]!r} that waits for owners."
            raise NotFoundError(msg, "`modeldeck member pending` shows what waits.")
        return (exact or found)[0]

    def _document(self, state: State, pending: Pending, *, level: Level) -> ProposalDocument:
        act = pending.act
        changes: list[PolicyChange] = []
        trouble: list[str] = []
        proposed = act.body.get("policy")
        if act.action == "policy.adopt" and isinstance(proposed, dict):
            changes = differing(state.policy.to_json(), proposed)
            members, models = list(state.members.values()), list(state.models)
            trouble = list(warnings(policy_from_json(proposed), members, models=models))
        support: dict[str, Json] = {"digest": act.digest}
        withdraw: dict[str, Json] = {**support, "reason": ""}
        why_not = self._why_not(state, act, verb="support", body=support, level=level)
        why_no_withdraw = self._why_not(state, act, verb="withdraw", body=withdraw, level=level)
        counted, problem = _counted(state, pending), _problem(state, pending)
        owners = [one.name for one in state.owners()]
        reason = act.body.get("reason", "")
        return ProposalDocument(
            id=act.id,
            n=act.n,
            action=act.action,
            subject=act.subject,
            by=act.by,
            at=act.at,
            digest=act.digest,
            text=self._text(state, pending),
            reason=reason if isinstance(reason, str) else "",
            supporters=[
                SupporterDocument(by=name, level=level.word, counts=name in counted)
                for name, level in pending.supporters.items()
            ],
            needed=state.threshold,
            lacks=max(0, state.threshold - len(counted)),
            waits_for=[] if problem else [name for name in owners if name not in counted],
            problem=problem,
            changes=changes,
            details=[one for one in _details(act.body) if not changes and one["after"]],
            warnings=trouble,
            can_support=not why_not,
            why_not=why_not,
            can_withdraw=not why_no_withdraw,
            why_no_withdraw=why_no_withdraw,
        )

    def _text(self, state: State, pending: Pending) -> str:
        name = pending.act.entity
        known = _PROPOSING.get(pending.act.action, "")
        return known.format(name=name) if known else sentence(state.activity[pending.act.n - 1])

    def _why_not(
        self, state: State, act: Act, *, verb: str, body: Mapping[str, Json], level: Level
    ) -> str:
        """Return why the actor cannot support, or withdraw, a proposal; empty when they can."""
        because = self.deck.read_only_because
        if because:
            return f"the workspace is read-only: {because.rstrip('.')}"
        intent = Intent(
            id=f"look-{act.id}",
            by=self.deck.actor.name,
            action=f"proposal.{verb}",
            subject=f"proposal:{act.id}",
            body=body,
            workspace=state.workspace,
            head=state.head,
        )
        try:
            fold.decide(state, intent, level=level, at=self.deck.now_text())
        except ModelDeckError as error:
            return error.message.rstrip(".")
        return ""

    # Deciding

    def support(self, typed: str) -> bool:
        """Support an owners' decision that waits for more owners.

        Parameters
        ----------
        typed : str
            The number of its entry, or the beginning of its id.

        Returns
        -------
        bool
            Whether it is in force now.

        Raises
        ------
        ModelDeckError
            There is none like that, or the actor is no other owner.
        """
        known = self.show(typed)
        body: dict[str, Json] = {"digest": known["digest"]}
        self.deck.commit("proposal.support", f"proposal:{known['id']}", body=body)
        with self.deck.reading() as state:
            return known["id"] not in state.pending

    def withdraw(self, typed: str, reason: str = "") -> ProposalDocument:
        """Withdraw an owners' decision that waits: whoever proposed it, or an owner.

        Parameters
        ----------
        typed : str
            The number of its entry, or the beginning of its id.
        reason : str
            Why; it is kept.

        Returns
        -------
        ProposalDocument
            What was withdrawn, as it was.

        Raises
        ------
        NotFoundError
            None like that waits.
        NotPermittedError
            The actor neither proposed it nor is an owner.
        """
        known = self.show(typed)
        body: dict[str, Json] = {"digest": known["digest"], "reason": reason}
        self.deck.commit("proposal.withdraw", f"proposal:{known['id']}", body=body)
        return known

    def withdrawing(self, typed: str) -> Statement:
        """Return the statement that withdraws a proposal; see :meth:`withdraw`."""
        known = self.show(typed)
        with self.deck.reading() as state:
            needed = state.policy.strictest
        subject, body = f"proposal:{known['id']}", {"digest": known["digest"], "reason": ""}
        return prepare(
            self.deck, "proposal.withdraw", subject=subject, body={**body}, needed=needed
        )

    def adopting(self) -> Statement:
        """Return the statement that proposes the policy of ``modeldeck.toml``.

        Raises
        ------
        ConflictError
            It is in force already.
        NotFoundError, InvalidInputError
            The file is not there, or not as expected.
        NotPermittedError
            The workspace is read-only.
        """
        policy = config.load(self.deck.root).policy
        with self.deck.reading() as state:
            is_same, needed = policy.digest == state.policy_digest, state.policy.strictest
        if is_same:
            msg = "The policy of modeldeck.toml is in force already."
            raise ConflictError(msg, "Change the file first; `modeldeck policy check` looks at it.")
        body: dict[str, Json] = {"policy": policy.to_json()}
        return prepare(self.deck, "policy.adopt", subject="policy", body=body, needed=needed)

    def supporting(self, typed: str) -> Statement:
        """Return the statement that supports a proposal.

        Raises
        ------
        NotFoundError
            There is none of that id.
        NotPermittedError
            The workspace is read-only.
        """
        known = self.show(typed)
        with self.deck.reading() as state:
            needed = state.policy.strictest
        subject, body = f"proposal:{known['id']}", {"digest": known["digest"]}
        return prepare(self.deck, "proposal.support", subject=subject, body={**body}, needed=needed)

    def cast(self, statement: Statement, reason: str = "") -> Recorded:
        """Record a statement of this class exactly as it was shown, with its reason if it has one.

        Raises
        ------
        ModelDeckError
            It was refused, by what the workspace is now; nothing was written.
        """
        return record(self.deck, statement, reason=reason)


def _counted(state: State, pending: Pending) -> Sequence[str]:
    """Return the owners whose support counts: sure enough, and each account once."""
    needed = state.policy.strictest
    owners = {one.name for one in state.owners()}
    sure = {name: level for name, level in pending.supporters.items() if level >= needed}
    held = {name: level for name, level in sure.items() if name in owners}
    return accounts.distinct(held, state.members, needed=needed)


def _problem(state: State, pending: Pending) -> str:
    """Return why nobody can support a proposal any more; empty when somebody can."""
    made, needed = pending.act.level, state.policy.strictest
    if made >= needed:
        return ""
    return f"it was made at the level {made.word}; the policy needs {needed.word} by now"


def _details(body: Mapping[str, Json]) -> list[PolicyChange]:
    return differing({}, dict(body))
