"""Events: what people are told of, and whom it concerns."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from modeldeck import clock
from modeldeck.domain.entry import Json
from modeldeck.domain.notifying import events, payloads
from modeldeck.domain.notifying.events import Event, Remark
from modeldeck.domain.policy import Policy
from modeldeck.domain.state import Activity
from tests.domain.chain import World, digest


class Told:
    """A world whose events are collected as it goes on."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.before: dict[str, str] = {}
        self.world.state.touched.clear()

    def new(self, line: Activity | None = None, remark: Remark = events.NO_REMARK) -> list[Event]:
        """Return the events of the last entry."""
        state = self.world.state
        found = events.of_entry(
            state, line or state.activity[-1], before=self.before, remark=remark
        )
        state.touched.clear()
        self.before = {key: one.status for key, one in state.releases.items()}
        return found


@pytest.fixture
def told(world: World) -> Told:
    """Return a world to be told of."""
    return Told(world)


def test_release_tells_of_each_step(told: Told) -> None:
    """It waits, is decided, deployed; a later version fails; the endpoint goes back."""
    world = told.world
    version = world.register()
    world.gate(version, "production")
    told.new()
    release = world.request(version)
    (event,) = told.new()
    assert (event.kind, event.people, event.subject) == (
        "waits",
        ("ann", "carol", "dave"),
        f"release:{release}",
    )
    world.vote(release, "dave")
    assert told.new() == []
    world.vote(release, "carol")
    (event,) = told.new()
    assert (event.kind, event.people, event.responsible) == ("decided", ("bob",), "carol")
    assert "approved by carol" in event.title
    world.report("churn@production", "ready")
    (event,) = told.new()
    assert (event.kind, event.responsible) == ("deployed", "server")
    world.ship(world.register())
    told.new()
    third = world.register()
    world.gate(third, "production")
    last = world.request(third)
    for person in ("carol", "dave"):
        world.vote(last, person)
    told.new()
    world.report("churn@production", "failed", reason="no memory")
    kinds = [(one.kind, one.text) for one in told.new()]
    assert ("failed", "no memory") in kinds
    target = world.state.endpoints["churn@production"].lived[0]
    body: dict[str, Json] = {
        "generation": world.state.endpoints["churn@production"].generation,
        "reason": "worse",
        "to": target.version,
        "manifest": target.manifest,
    }
    world.act("dave", "deployment.rollback", "endpoint:churn@production", body)
    (event,) = [one for one in told.new() if one.kind == "rolled-back"]
    assert event.text == "worse"
    assert "bob" in event.people


@pytest.mark.parametrize(
    ("verdict", "says"), [("reject", "was rejected"), ("request-changes", "needs changes")]
)
def test_verdict_against_a_release_tells_who_asked(told: Told, verdict: str, says: str) -> None:
    """With the reason."""
    world = told.world
    version = world.register()
    world.gate(version, "production")
    release = world.request(version)
    told.new()
    world.vote(release, "carol", verdict, reason="recall is low")
    (event,) = told.new()
    assert says in event.title
    assert "recall is low" in event.text
    assert event.people == ("bob",)


def test_blocked_and_outdated_releases_are_told_too(told: Told) -> None:
    """Whatever ends a release is a decision about it."""
    world = told.world
    bad = world.register()
    world.request(bad)
    told.new()
    world.gate(bad, "production", passed=False)
    (event,) = told.new()
    assert "blocked by its gate" in event.title
    waiting = world.register()
    world.gate(waiting, "production")
    world.request(waiting)
    told.new()
    world.act("ann", "policy.adopt", "policy:policy", {"policy": world.state.policy.to_json()})
    assert "outdated" in {one.title.rsplit(" ", 1)[-1] for one in told.new()}


def test_mention_tells_whom_an_edit_adds_and_never_the_author(told: Told) -> None:
    """Who was mentioned before, is no member, or wrote it is not told."""
    world = told.world
    world.act("bob", "annotation.add", "model:churn", {"object": digest("x")})
    text = "@carol, @bob and @nobody"
    (event,) = told.new(remark=Remark("r1", text))
    assert (event.kind, event.people, event.remark) == ("mention", ("carol",), "r1")
    (event,) = told.new(remark=Remark("r1", "@carol @dave", text))
    assert event.people == ("dave",)
    assert told.new(remark=Remark("r1", text, text)) == []
    world.fold(world.intent("eve", "annotation.add", "model:churn", {"object": digest("x")}))
    assert told.new(remark=Remark("r2", "@carol")) == []


def test_reminder_comes_in_the_last_hours_of_a_request_only(told: Told) -> None:
    """Not before, not after, and not for what is decided; the key stays the same."""
    world = told.world
    version = world.register()
    world.gate(version, "production")
    release = world.request(version)
    ends = clock.from_text(world.state.releases[release].expires)

    def due(hours: float) -> list[Event]:
        now = clock.to_text(ends - timedelta(hours=hours))
        return events.reminders(world.state, now=now)

    assert due(25) == due(-1) == []
    (first,), (second,) = due(11), due(1)
    assert first.key == second.key
    assert (first.people, first.responsible) == (("ann", "carol", "dave", "bob"), "bob")
    world.vote(release, "carol", "reject", reason="no")
    assert due(11) == []


def test_texts_from_outside_leave_as_plain_ascii() -> None:
    """Neither a control character nor a call of the whole channel gets out."""
    event = {
        "kind": "mention",
        "subject": "release:x",
        "title": "<!channel> \x1b[31m \u202e \x7f & é",
        "text": "<https://evil|ok>\r\n\0",
    }
    chat = payloads.chat_body(event, name="<t>")
    hook = payloads.webhook_body(event, workspace="w", name="t")
    for body in (chat, hook):
        assert all(0x20 <= one < 0x7F for one in body)
        json.loads(body)
    text = json.loads(chat)["text"]
    assert text.startswith("[&lt;t&gt;] &lt;!channel&gt; \ufffd[31m")
    assert not set("<>\x1b\x7f\u202e\0") & set(text)
    assert json.loads(hook)["data"]["title"] == event["title"]
    assert json.loads(hook)["entity"] == "release"


def test_reply_tells_the_others_of_its_thread_once(told: Told) -> None:
    """Not who wrote it, nor whom it mentions (a mention tells them), nor who left."""
    world = told.world
    for name in ("carol", "dave", "bob"):
        known = [*world.state.annotations]
        action = "thread.reply" if known else "thread.start"
        subject = f"thread:{known[0]}" if known else "model:churn"
        world.act(name, action, subject, {"object": digest(name)})
    told.new()
    first = next(iter(world.state.annotations))
    done = world.act("bob", "thread.reply", f"thread:{first}", {"object": digest("more")})
    written = next(reversed(world.state.annotations))
    found = told.new(remark=Remark(written, "what does @dave say?"))
    kinds = {one.kind: one.people for one in found}
    assert kinds == {"mention": ("dave",), "reply": ("carol",)}
    assert [one.n for one in found] == [done.n, done.n]
    world.act("ann", "member.revoke", "member:carol", {"reason": "left"})
    world.act("bob", "thread.reply", f"thread:{first}", {"object": digest("still")})
    written = next(reversed(world.state.annotations))
    (event,) = told.new(remark=Remark(written, "still here?"))
    assert (event.kind, event.people, event.title) == ("reply", ("dave",), "bob replied on churn")


def test_proposal_tells_the_other_owners_until_it_is_decided(policy: Policy) -> None:
    """Once, as what waits; support and withdrawal tell nobody anything."""
    world = World()
    world.found(policy, owners=("ann", "ben", "cleo"), threshold=2)
    told = Told(world)
    done = world.act("ann", "policy.adopt", "policy:test", {"policy": policy.to_json()})
    (event,) = told.new()
    assert (event.kind, event.people) == ("waits", ("ben", "cleo"))
    assert event.title == "ann proposes policy.adopt on test: it waits for owners"
    assert event.subject == f"proposal:{next(iter(world.state.pending))}"
    body: dict[str, Json] = {"digest": done.digest, "reason": ""}
    world.act("ben", "proposal.withdraw", event.subject, body)
    assert told.new() == []
