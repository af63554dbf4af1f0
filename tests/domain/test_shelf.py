"""Archiving and deleting runs: who may, what stands against it, all or none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from modeldeck.domain import fold
from modeldeck.domain.entry import Json
from modeldeck.domain.levels import Evidence, Level
from modeldeck.domain.reading.shelf import MOST_RUNS, deleted_runs
from modeldeck.domain.state import Activity
from modeldeck.errors import ConflictError, InvalidInputError, NotFoundError, NotPermittedError
from tests.domain.chain import World

FIRST, SECOND = "20261123-071011-k3f9wz", "20261123-071012-7m2q9d"


def put(
    world: World, verb: str, *runs: str, by: str = "bob", users: tuple[str, ...] = ("bob",)
) -> Activity:
    """Put runs away, or bring them back."""
    body: dict[str, Json] = {"runs": [*runs], "reason": ""}
    if verb == "delete":
        body["users"] = [*users]
    return world.act(by, f"run.{verb}", f"run:{runs[0]}", body)


def test_archived_and_deleted_runs_come_back(world: World) -> None:
    """Each way there and back; a run may be archived and deleted."""
    done = put(world, "archive", FIRST, SECOND, by="carol")
    assert done.entity == f"run:{FIRST}"
    assert set(world.state.archived) == {FIRST, SECOND}
    put(world, "delete", FIRST)
    known = deleted_runs(world.state)[FIRST]
    assert (known.by, known.n) == ("bob", world.state.n)
    put(world, "undelete", FIRST, by="carol")
    assert not deleted_runs(world.state)
    put(world, "unarchive", SECOND, FIRST)
    assert not world.state.archived
    assert world.state.shelved_n == world.state.n


def test_runs_of_one_entry_are_put_away_together_or_not_at_all(world: World) -> None:
    """One of them that is archived already keeps the other one in the list."""
    put(world, "archive", FIRST)
    with pytest.raises(ConflictError, match="k3f9wz is archived already"):
        put(world, "archive", SECOND, FIRST)
    assert set(world.state.archived) == {FIRST}
    with pytest.raises(NotFoundError, match="7m2q9d is not archived"):
        put(world, "unarchive", FIRST, SECOND)
    put(world, "delete", FIRST)
    with pytest.raises(ConflictError, match="deleted already"):
        put(world, "archive", FIRST)
    with pytest.raises(NotFoundError, match="not deleted"):
        put(world, "undelete", SECOND)


def test_only_a_runs_user_or_an_owner_deletes_it(world: World) -> None:
    """Who says that the runs are of others is refused, unless an owner; a forged entry is void."""
    with pytest.raises(NotPermittedError, match="Only bob or an owner"):
        put(world, "delete", FIRST, by="carol")
    with pytest.raises(NotPermittedError, match="Only bob or an owner"):
        put(world, "delete", FIRST, by="carol", users=("bob", "carol"))
    body: dict[str, Json] = {"runs": [FIRST], "reason": "", "users": ["bob"]}
    assert world.fold(world.intent("carol", "run.delete", f"run:{FIRST}", body)).is_void
    assert world.fold(world.intent("eve", "run.delete", f"run:{FIRST}", body)).is_void
    put(world, "delete", FIRST, by="ann")


def test_deleting_needs_the_level_of_the_strictest_environment(world: World) -> None:
    """Where an environment asks for signatures a claimed name deletes nothing; archiving it may."""
    policy = world.state.policy
    name, known = next(iter(policy.environments.items()))
    strict = replace(known, trust="signed")
    world.state.policy = replace(policy, environments={**policy.environments, name: strict})
    with pytest.raises(NotPermittedError, match="signed"):
        put(world, "delete", FIRST)
    body: dict[str, Json] = {"runs": [FIRST], "reason": "", "users": ["bob"]}
    intent = world.intent("bob", "run.delete", f"run:{FIRST}", body)
    fold.decide(world.state, intent, level=Level.SIGNED, at=world.at())
    assert world.fold(intent, Evidence()).is_void
    put(world, "archive", FIRST)


def test_run_that_a_version_was_made_of_cannot_be_deleted(world: World) -> None:
    """The refusal names the version, and the open release of it; a deleted run makes none."""
    body: dict[str, Json] = {"manifest": "a" * 64, "run": FIRST, "authors": ["bob"]}
    version = world.act("bob", "version.register", "model:churn", body).entity[8:]
    with pytest.raises(ConflictError, match="version churn@1 was made of it"):
        put(world, "delete", SECOND, FIRST)
    world.gate(version, "production")
    release = world.request(version, "production")
    with pytest.raises(ConflictError, match=f"open release {release}"):
        put(world, "delete", FIRST)
    put(world, "archive", FIRST)
    put(world, "delete", SECOND)
    again: dict[str, Json] = {"manifest": "b" * 64, "run": SECOND, "authors": ["bob"]}
    with pytest.raises(ConflictError, match="is deleted"):
        world.act("bob", "version.register", "model:churn", again)


@pytest.mark.parametrize(
    "runs",
    [
        [],
        ["../../etc"],
        [SECOND],
        [FIRST, FIRST],
        [FIRST, 3],
        [FIRST, [SECOND]],
        [FIRST, "x\x1b[2J"],
        [FIRST, *(f"20261123-071011-{n:06}" for n in range(MOST_RUNS))],
    ],
)
def test_entry_that_names_no_runs_is_void(world: World, runs: list[Json]) -> None:
    """Whatever stands in the list, every reader goes on and nothing is put away."""
    for verb, more in (("archive", {}), ("delete", {"users": ["ann"]})):
        body: dict[str, Json] = {"runs": runs, "reason": "", **more}  # type: ignore[dict-item]  # as above
        intent = world.intent("ann", f"run.{verb}", f"run:{FIRST}", body)
        with pytest.raises(InvalidInputError):
            fold.decide(world.state, intent, level=Level.CLAIMED, at=world.at())
        assert world.fold(intent).is_void
    assert not world.state.archived
    assert not world.state.deleted
