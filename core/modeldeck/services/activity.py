"""The activity: every ledger entry as one readable line, void ones with their reason."""

from __future__ import annotations

from collections.abc import Sequence

from modeldeck import clock, ids
from modeldeck.domain.documents import ActivityDocument, EntryDocument
from modeldeck.domain.filters import fields, query
from modeldeck.domain.levels import Level
from modeldeck.domain.membership import keys
from modeldeck.domain.state import Activity as Line
from modeldeck.domain.state import State
from modeldeck.errors import NotFoundError
from modeldeck.services.base import builders
from modeldeck.services.base.deck import Deck
from modeldeck.store import ledger


class Activity:
    """The activity of one workspace."""

    def __init__(self, deck: Deck) -> None:
        self.deck = deck

    def list(
        self, limit: int = 0, *, since_n: int = 0, where: str = ""
    ) -> Sequence[ActivityDocument]:
        """Return the entries, newest first.

        Parameters
        ----------
        limit : int
            At most so many; 0 takes all.
        since_n : int
            Only entries after this number.
        where : str
            The filter language of :mod:`modeldeck.domain.filters.query`; empty takes all.

        Raises
        ------
        InvalidInputError
            The filter is not understood.
        """
        with self.deck.reading() as state:
            found = state.activity[since_n:][::-1]
            shown = Shown(state)
            if not where:
                return [shown.document(one) for one in (found[:limit] if limit else found)]
            now, me = clock.to_text(self.deck.now()), self.deck.actor.name
            test = query.parse(where, fields.ACTIVITY, now=now, me=me)
            fitting = [one for one in map(shown.document, found) if test(one)]
            return fitting[:limit] if limit else fitting

    @property
    def revision(self) -> tuple[int, ...]:
        """What changes whenever an entry that was read before is shown in another way."""
        with self.deck.reading() as state:
            removed = sum(1 for one in state.annotations.values() if one.redacted_by)
            n_anew = self.deck.ledger.n_anew
            waiting = sorted(one.act.n for one in state.pending.values())
            return (n_anew, len(state.breaks), len(state.settled), removed, *waiting)

    def entry(self, n: int) -> EntryDocument:
        """Return one entry with the bytes of its file.

        Raises
        ------
        NotFoundError
            There is no such entry.
        """
        with self.deck.reading() as state:
            if not 1 <= n <= state.n:
                msg = f"There is no entry {n}."
                raise NotFoundError(msg, f"Entries go from 1 to {state.n}.")
            document = Shown(state).document(state.activity[n - 1])
            is_signed = state.activity[n - 1].level is Level.SIGNED
        data, _owner = ledger.read_file(self.deck.root, n)
        raw = data.decode("utf-8", "backslashreplace")
        return EntryDocument(
            n=n,
            activity=document,
            file=str(ledger.entry_path(self.deck.root, n)),
            raw=raw,
            is_signed=is_signed,
        )


_ABOUT_PROPOSALS = {"proposal.support": "supported", "proposal.withdraw": "withdrew"}


class Shown:
    """Entries as they are shown, with what later ones said about them."""

    def __init__(self, state: State) -> None:
        self.settled, self.waiting, self.state = state.settled, state.waiting, state
        self.proposed = {one.act.n for one in state.pending.values()}
        self.removed = {
            state.ids[one.id]: builders.redacted_text(one)
            for one in state.annotations.values()
            if one.redacted_by and one.id in state.ids
        }

    def document(self, line: Line) -> ActivityDocument:
        """Return one entry."""
        known = _document(line)
        if line.is_broken:
            known["broken"] = True
        if line.n in self.settled or line.n in self.waiting:
            because = self.settled.get(line.n, line.reason)
            known["reason"] = because
            known["text"] = f"{sentence(line._replace(is_void=False))}: {because}"
        if line.n in self.proposed:
            known["text"] = f"proposed, waits for other owners: {known['text']}"
        if line.n in self.state.withdrawn:
            n = self.state.withdrawn[line.n]
            by = self.state.activity[n - 1].by
            known["text"] = f"proposed, {by} withdrew it by entry {n}: {known['text']}"
        if line.action in _ABOUT_PROPOSALS and not line.is_void:
            known["text"] = self._about_proposal(line)
        if line.n in self.removed:
            known["text"] += f" ({self.removed[line.n]})"
        return known

    def _about_proposal(self, line: Line) -> str:
        n = self.state.ids.get(line.subject.partition(":")[2], 0)
        if not 1 <= n <= len(self.state.activity):
            return sentence(line)
        about = self.state.activity[n - 1]
        did = _ABOUT_PROPOSALS[line.action]
        return f"{did} entry {n} of {about.by}: {sentence(about)}"


def _document(line: Line) -> ActivityDocument:
    return ActivityDocument(
        n=line.n,
        at=line.at,
        by=line.by,
        host=line.host,
        action=line.action,
        verdict=_text(line, "verdict"),
        subject=line.entity,
        level=line.level.word,
        void=line.is_void,
        reason=line.reason or _text(line, "reason"),
        text=sentence(line),
        digest=line.digest,
    )


def _text(line: Line, name: str) -> str:
    value = line.body.get(name, "")
    return value if isinstance(value, str) else ""


def sentence(line: Line) -> str:
    """Return what an entry did, without its author, as a short sentence."""
    if line.is_void:
        return f"tried {line.action} on {_short(line.subject)}: void, {line.reason}"
    entity, subject = _short(line.entity), _short(line.subject)
    environment = _text(line, "environment")
    verdicts = {
        "approve": "approved",
        "reject": "rejected",
        "request-changes": "asked for changes of",
        "abstain": "took back the vote on",
    }
    passed = "passes" if line.body.get("passed") is True else "does not pass"
    outcome = _text(line, "outcome")
    sentences = {
        "workspace.found": "founded the workspace",
        "member.add": f"added {subject} as a member",
        "member.change": f"changed {subject}: {_changes(line)}",
        "member.revoke": f"revoked {subject}",
        "policy.adopt": "adopted another policy",
        "proposal.support": "supported a proposal of the owners",
        "proposal.withdraw": "withdrew a proposal of the owners",
        "version.register": f"registered {entity}",
        "dataset.add": f"added the data {entity}",
        "gate.report": f"ran the gate of {environment}: {subject} {passed}",
        "release.request": f"asked to release {subject} to {environment} ({entity})",
        "release.vote": f"{verdicts.get(_text(line, 'verdict'), 'voted on')} {subject}",
        "release.withdraw": f"withdrew {subject}",
        "release.override": f"overrode {_checks(line)} of {subject}",
        "version.revoke": f"revoked {subject}",
        "deployment.break-glass": f"broke the glass of {subject}: back to {_text(line, 'to')}",
        "deployment.review": f"reviewed the broken glass of {subject}",
        "deployment.start": f"started {subject}",
        "deployment.stop": f"stopped {subject}",
        "deployment.rollback": f"rolled {subject} back to {_text(line, 'to')}",
        "deployment.report": f"reported {subject} {outcome}",
        "predictions.seal": f"sealed predictions of {subject}",
        "run.stop": f"asked run {subject} to stop",
        **_put_away(line),
        **_said(line),
        "tag.add": f"tagged {entity} {_tag(line)}",
        "tag.remove": f"took the tag {_tag(line)} from {entity}",
        "workspace.sync": f"took in what was new in the workspace {_text(line, 'name')}",
        "ledger.acknowledge": f"acknowledged the broken place at entry {_number(line, 'n')}",
        "ledger.restore": f"declared the entries after {_number(line, 'n')} lost",
        "ledger.adopt": f"adopted this copy up to entry {_number(line, 'n')}",
        "workspace.upgrade": f"upgraded the rules to version {_number(line, 'to')}",
    }
    return sentences.get(line.action, line.action)


def _said(line: Line) -> dict[str, str]:
    """Return the sentences of entries about remarks and threads."""
    entity, subject = _short(line.entity), _short(line.subject)
    return {
        "annotation.add": f"annotated {subject}",
        "annotation.edit": f"edited a remark on {entity}",
        "annotation.withdraw": "took back a remark",
        "annotation.redact": f"removed the text of a remark on {entity}",
        "thread.start": f"began a thread about {subject}",
        "thread.reply": f"replied in a thread about {entity}",
        "thread.resolve": f"resolved a thread about {entity}",
        "thread.reopen": f"reopened a thread about {entity}",
    }


def _put_away(line: Line) -> dict[str, str]:
    """Return the sentences of entries that may be about many runs."""
    runs = line.body.get("runs")
    more = len(runs) - 1 if isinstance(runs, list) else 0
    what = f"run {_short(line.subject)}" + (f" and {more} more" if more > 0 else "")
    return {
        "run.archive": f"archived {what}",
        "run.unarchive": f"brought {what} back from the archive",
        "run.delete": f"deleted {what}",
        "run.undelete": f"took back the deletion of {what}",
    }


def _checks(line: Line) -> str:
    checks = line.body.get("checks")
    return ", ".join(map(str, checks)) if isinstance(checks, list) else ""


def _changes(line: Line) -> str:
    """Return what an entry changed about a member; foreign bodies are shown as far as they go."""
    words = {
        "add_roles": "now",
        "remove_roles": "no longer",
        "add_keys": "new key",
        "revoke_keys": "revoked key",
    }
    found = []
    for name, word in words.items():
        value = line.body.get(name)
        known = value if isinstance(value, list) else []
        found += [f"{word} {keys.fingerprint(str(one)) or one}" for one in known]
    owner = {"yes": ["now an owner"], "no": ["no longer an owner"]}
    return ", ".join([*found, *owner.get(_text(line, "owner"), [])])


def _number(line: Line, name: str) -> str:
    value = line.body.get(name, "")
    return str(value) if type(value) is int else "?"


def _tag(line: Line) -> str:
    return "=".join(one for one in (_text(line, "tag"), _text(line, "value")) if one)


def _short(entity: str) -> str:
    kind, _colon, name = entity.partition(":")
    return ids.short(name) if kind == "run" else name or kind
