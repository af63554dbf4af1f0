"""Threads: who may say what, and releases that wait for them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from modeldeck import clock
from modeldeck.domain import fold
from modeldeck.domain.entry import Json
from modeldeck.domain.levels import Evidence
from modeldeck.domain.policy import Environment, Policy
from modeldeck.domain.talking import mentions, places, threads
from modeldeck.errors import (
    ConflictError,
    InvalidInputError,
    ModelDeckError,
    NotFoundError,
    NotPermittedError,
)
from tests.domain.chain import World, digest

RUN = "run:20261123-071011-k3f9wz"


def wanting(policy: Policy) -> Policy:
    """Return a policy that wants threads resolved in each of its environments."""
    every = policy.environments.values()
    return replace(
        policy, environments={one.name: replace(one, resolve_threads=True) for one in every}
    )


@pytest.fixture
def strict(world: World) -> World:
    """Return a world whose policy wants threads resolved."""
    body: dict[str, Json] = {"policy": wanting(world.state.policy).to_json()}
    world.act("ann", "policy.adopt", "policy:policy", body)
    return world


def start(world: World, subject: str, by: str = "carol") -> str:
    """Begin a thread; return its id."""
    world.act(by, "thread.start", subject, {"object": digest(f"text {world.state.n}")})
    return next(reversed(world.state.annotations))


def resolve(world: World, thread: str, by: str = "carol") -> None:
    """Resolve a thread."""
    body: dict[str, Json] = {"reason": "", "issued": world.at()}
    world.act(by, "thread.resolve", f"thread:{thread}", body)


def waiting(world: World) -> str:
    """Return a release that waits for votes."""
    version = world.register()
    world.gate(version, "production")
    return world.request(version)


def test_open_thread_holds_a_release_up_until_it_is_resolved(strict: World) -> None:
    """All votes are there, yet nothing is decided before the last word about the thread."""
    release = waiting(strict)
    thread = start(strict, f"release:{release}")
    strict.vote(release, "dave")
    strict.vote(release, "carol")
    assert strict.status(release) == "waiting"
    assert threads.lacks(strict.state, strict.state.releases[release]) == ["1 thread resolved"]
    resolve(strict, thread)
    assert strict.status(release) == "deploying"
    assert strict.state.endpoints["churn@production"].pointer.release == release


def test_thread_about_the_version_holds_its_release_up_too(strict: World) -> None:
    """What is said of what ships counts like what is said of the release."""
    release = waiting(strict)
    start(strict, f"version:{strict.state.releases[release].version}")
    strict.vote(release, "dave")
    strict.vote(release, "carol")
    assert strict.status(release) == "waiting"


def test_threads_hold_nothing_up_where_the_policy_does_not_say_so(world: World) -> None:
    """Without the setting a discussion is a discussion."""
    release = waiting(world)
    start(world, f"release:{release}")
    world.vote(release, "dave")
    world.vote(release, "carol")
    assert world.status(release) == "deploying"


def test_resolving_decides_nothing_after_the_request_expired(strict: World) -> None:
    """Votes that were complete in time are no use to a request whose time is over."""
    release = waiting(strict)
    thread = start(strict, f"release:{release}")
    strict.vote(release, "dave")
    strict.vote(release, "carol")
    late = strict.state.releases[release].expires.replace("2026", "2027")
    body: dict[str, Json] = {"reason": "", "issued": late}
    strict.act("carol", "thread.resolve", f"thread:{thread}", body)
    assert strict.status(release) == "waiting"


def test_resolving_dated_before_a_vote_is_refused(strict: World) -> None:
    """Within a release time does not run backwards."""
    release = waiting(strict)
    thread = start(strict, f"release:{release}")
    early = clock.to_text(strict.now - timedelta(minutes=6))
    strict.vote(release, "dave")
    for issued in (early, "yesterday"):
        body: dict[str, Json] = {"reason": "", "issued": issued}
        with pytest.raises((ConflictError, InvalidInputError)):
            strict.act("carol", "thread.resolve", f"thread:{thread}", body)


def test_reopened_thread_holds_the_release_up_again(strict: World) -> None:
    """Anybody may say that something is not settled."""
    release = waiting(strict)
    thread = start(strict, f"release:{release}")
    resolve(strict, thread)
    strict.act("dave", "thread.reopen", f"thread:{thread}", {"reason": "not so"})
    strict.vote(release, "dave")
    strict.vote(release, "carol")
    assert strict.status(release) == "waiting"


@pytest.mark.parametrize("by", ["dave", "bob"])
def test_thread_is_not_resolved_by_others(world: World, by: str) -> None:
    """Neither by somebody else nor by who asked for the release."""
    thread = start(world, f"release:{waiting(world)}")
    with pytest.raises(NotPermittedError, match="carol"):
        resolve(world, thread, by=by)


def test_owner_resolves_a_thread_but_not_about_their_own_work(world: World) -> None:
    """An owner who made what is discussed asks whoever began it."""
    version = world.register(by="ann")
    theirs, other = start(world, f"version:{version}"), start(world, "model:churn")
    resolve(world, other, by="ann")
    with pytest.raises(NotPermittedError, match="does not resolve"):
        resolve(world, theirs, by="ann")
    world.act("ann", "member.revoke", "member:carol", {"reason": "left"})
    resolve(world, theirs, by="ann")
    assert threads.thread(world.state, theirs).resolved_by == "ann"


def test_reply_to_a_plain_annotation_makes_a_thread_of_it(world: World) -> None:
    """It begins with the annotation, which cannot be taken back any more; replies can."""
    world.act("bob", "annotation.add", RUN, {"object": digest("plain")})
    first = next(iter(world.state.annotations))
    assert threads.of(world.state, RUN) == ()
    world.act("carol", "thread.reply", f"thread:{first}", {"object": digest("reply")})
    reply = next(reversed(world.state.annotations))
    (thread,) = threads.of(world.state, RUN)
    assert (thread.id, thread.by, thread.is_resolved) == (first, "bob", False)
    assert world.state.annotations[reply].thread == first
    with pytest.raises(ConflictError, match="begins"):
        world.act("bob", "annotation.withdraw", f"annotation:{first}", {})
    world.act("carol", "annotation.withdraw", f"annotation:{reply}", {})
    world.act("dave", "thread.reply", f"thread:{reply}", {"object": digest("another")})
    assert next(reversed(world.state.annotations.values())).thread == first


def test_remark_is_edited_by_its_author_with_a_new_text(world: World) -> None:
    """The earlier texts stay in order; nobody else may, nor is the same text a new one."""
    thread = start(world, RUN)
    first = world.state.annotations[thread].object
    world.act("carol", "annotation.edit", f"annotation:{thread}", {"object": digest("b")})
    edited = world.state.annotations[thread]
    assert edited.objects == (first, digest("b"))
    assert edited.earlier[0].at == edited.at < edited.edited_at
    with pytest.raises(NotPermittedError):
        world.act("dave", "annotation.edit", f"annotation:{thread}", {"object": digest("c")})
    with pytest.raises(ConflictError, match="just that text"):
        world.act("carol", "annotation.edit", f"annotation:{thread}", {"object": first})
    world.act("carol", "annotation.redact", f"annotation:{thread}", {"reason": "a name"})
    with pytest.raises(ConflictError, match="removed"):
        world.act("carol", "annotation.edit", f"annotation:{thread}", {"object": digest("d")})


def test_thread_below_the_level_of_the_environment_holds_nothing_up() -> None:
    """Where votes need a signature, a claimed thread stops nobody; a signed reply to it does."""
    world = World()
    policy = Policy({"production": Environment("production", trust="signed")}, {})
    world.found(wanting(policy), keys=("ssh-ed25519 ANN",))
    sure = Evidence(key="ssh-ed25519 ANN")
    version = _signed(world, "version.register", "model:churn", sure, manifest=True)
    base = {**world.base(version, "production"), **world.span(), "reason": ""}
    world.fold(world.intent("ann", "release.request", f"version:{version}", base), sure)
    release = next(iter(world.state.releases.values()))
    text: dict[str, Json] = {"object": digest("x")}
    world.fold(world.intent("ann", "thread.start", f"release:{release.id}", text))
    thread = next(iter(world.state.annotations))
    assert not threads.blocking(world.state, release)
    world.fold(world.intent("ann", "thread.reply", f"thread:{thread}", text), sure)
    assert [one.id for one in threads.blocking(world.state, release)] == [thread]
    body: dict[str, Json] = {"reason": "", "issued": world.at()}
    claimed = world.fold(world.intent("ann", "thread.resolve", f"thread:{thread}", body))
    assert claimed.is_void
    assert "level" in claimed.reason
    assert not world.fold(
        world.intent("ann", "thread.resolve", f"thread:{thread}", body), sure
    ).is_void


def _signed(world: World, action: str, subject: str, sure: Evidence, *, manifest: bool) -> str:
    body: dict[str, Json] = {"manifest": digest(str(manifest)), "run": "", "authors": ["ann"]}
    done = world.fold(world.intent("ann", action, subject, body), sure)
    assert not done.is_void, done.reason
    return done.entity.removeprefix("version:")


@pytest.mark.parametrize(
    "subject",
    [
        "",
        "run:",
        "entry:4",
        "run:x#",
        "run:x#foo",
        "run:x#log:0",
        "run:x#auc@1",
        "run:x#metric:a@",
        "endpoint:churn@production#log:5",
        "run:x#log:../../etc/passwd:5",
        "run:x#metric:" + "a" * 400 + "@1",
    ],
)
def test_thread_about_no_place_is_refused(world: World, subject: str) -> None:
    """A subject in a form of its own would split what is said about one thing."""
    with pytest.raises(InvalidInputError):
        world.act("carol", "thread.start", subject, {"object": digest("x")})


@pytest.mark.parametrize("action", ["thread.reply", "thread.resolve", "thread.reopen"])
def test_act_on_a_thread_that_is_not_there_is_refused(world: World, action: str) -> None:
    """Whatever is done with it."""
    bodies: dict[str, dict[str, Json]] = {
        "thread.reply": {"object": digest("x")},
        "thread.resolve": {"reason": "", "issued": world.at()},
        "thread.reopen": {"reason": ""},
    }
    with pytest.raises(NotFoundError):
        world.act("carol", action, "thread:nothing", bodies[action])


def test_place_is_read_as_it_is_written() -> None:
    """Metrics may have colons and at signs in their names; a line has a number from 1."""
    for text, kind in (
        ("metric:val/auc@120", "run"),
        ("metric:log:5@3", "run"),
        ("metric:p@0.5@-1", "run"),
        ("log:57", "run"),
        ("log:server-a-1.log:2", "endpoint"),
    ):
        assert str(places.parse(text, kind=kind)) == text
    assert str(places.parse("p@0.5@12", kind="run")) == "metric:p@0.5@12"
    for text in ("log:57", "metric:a@1", "a@1", ""):
        with pytest.raises(ModelDeckError):
            places.parse(text, kind="endpoint")


def test_mention_is_found_only_where_one_is_meant() -> None:
    """Addresses, versions and endpoints mention nobody."""
    text = "@carol: mail dave@example.org about churn@7, churn@bob, @@eve and -@eve; (@Dave)"
    assert mentions.names(text) == ("carol", "dave")
    assert mentions.known(text, ["dave"]) == ("dave",)
    assert mentions.unknown("@crol?", ["carol", "dave"]) == {"crol": "carol"}


def test_actions_of_threads_are_in_the_table() -> None:
    """Resolving and editing need the level of the strictest environment."""
    assert fold.ACTIONS["thread.resolve"].is_strict
    assert fold.ACTIONS["annotation.edit"].is_strict
    assert not fold.ACTIONS["thread.reply"].is_strict
