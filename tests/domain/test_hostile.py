"""Crafted entries: whatever one holds, it is void at most; the fold goes on with the same state."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modeldeck.domain import fold
from modeldeck.domain.entry import Json, read_entry
from modeldeck.domain.policy import Check, Environment, Policy
from modeldeck.domain.state import Act, State
from modeldeck.errors import DamageError, InvalidInputError
from tests.domain.chain import World

Change = Callable[[dict[str, Any]], None]

GOOD: dict[str, tuple[str, dict[str, Json]]] = {
    "member.add": (
        "member:eve",
        {
            "name": "eve",
            "kind": "person",
            "uid": 7,
            "roles": [],
            "environments": [],
            "keys": ["ssh-ed25519 EVE"],
        },
    ),
    "version.register": ("model:wine", {"manifest": "a" * 64, "run": "", "authors": []}),
    "annotation.add": ("run:x", {"object": "a" * 64}),
    "dataset.add": (
        "dataset:sales",
        {"digest": "a" * 64, "description": "b" * 64, "reason": "new rows"},
    ),
    "tag.add": ("version:churn@1", {"tag": "a", "value": "b"}),
    "policy.adopt": (
        "policy",
        {"policy": Policy({"other": Environment("other", trust="claimed")}, {}).to_json()},
    ),
}
"""A body of an action that is all right, by an owner."""

ODD: tuple[Json, ...] = ("x", "", 5, -1, 2**53 - 1, True, [], ["x"], [1], [{}], {}, {"a": "x"})


def _policy() -> Policy:
    checks = (Check("exact", "threshold", metric="accuracy", min="0.9"),)
    return Policy(
        {"production": Environment("production", trust="claimed", gate="g")}, {"g": checks}
    )


def _founded() -> World:
    world = World()
    world.found(_policy())
    return world


def _tables(state: State) -> dict[str, object]:
    """Return what an entry may change, without its place in the chain."""
    place = {"n", "head", "heads", "activity", "last", "last_counts", "_journal", "_plain"}
    return copy.deepcopy(
        {one.name: getattr(state, one.name) for one in fields(state) if one.name not in place}
    )


@pytest.mark.parametrize("value", ODD, ids=repr)
@pytest.mark.parametrize("name", [one.name for one in fields(Environment)])
def test_policy_with_an_odd_setting_of_an_environment_never_ends_the_fold(
    name: str, value: Json
) -> None:
    """Each setting with a value of each kind: adopted or void, and the next entry is read."""
    world = _founded()
    body: Any = _policy().to_json()
    body["environments"][0][name] = value
    world.fold(world.intent("ann", "policy.adopt", "policy", {"policy": body}))
    world.member("bob")


@pytest.mark.parametrize("value", ODD, ids=repr)
@pytest.mark.parametrize("name", [one.name for one in fields(Check)])
def test_policy_with_an_odd_setting_of_a_check_never_ends_the_fold(name: str, value: Json) -> None:
    """The same for what a check may hold."""
    world = _founded()
    body: Any = _policy().to_json()
    body["gates"]["g"][0][name] = value
    world.fold(world.intent("ann", "policy.adopt", "policy", {"policy": body}))
    world.member("bob")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("approvals", "x"),
        ("approvals", True),
        ("approvals", 101),
        ("name", 5),
        ("gate", ["x"]),
        ("trust", ["signed"]),
        ("roles", {"a": "x"}),
        ("roles", {"a": 2**50}),
        ("roles", {"a": 60, "b": 60}),
        ("deploy_roles", [1]),
        ("request_ttl_s", "72h"),
        ("request_ttl_s", -1),
        ("approval_ttl_s", 2**52),
        ("rollback_depth", 2**50),
        ("self_approval", 1),
    ],
)
def test_policy_with_a_setting_of_the_wrong_kind_or_size_is_void(name: str, value: Json) -> None:
    """What no workspace needs is refused, before anything is computed with it."""
    world = _founded()
    body: Any = _policy().to_json()
    body["environments"][0][name] = value
    before = _tables(world.state)
    assert world.fold(world.intent("ann", "policy.adopt", "policy", {"policy": body})).is_void
    assert _tables(world.state) == before


@pytest.mark.parametrize(
    ("name", "value"), [("min", "high"), ("max", "nan"), ("kind", "magic"), ("models", [1])]
)
def test_policy_with_a_check_that_nobody_can_make_is_void(name: str, value: Json) -> None:
    """A threshold is the text of a finite number, a kind one of those there are."""
    world = _founded()
    body: Any = _policy().to_json()
    body["gates"]["g"][0][name] = value
    assert world.fold(world.intent("ann", "policy.adopt", "policy", {"policy": body})).is_void


def test_level_is_asked_for_before_the_rule_reads_the_body(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may not write a policy at all does not get one read."""
    world = World()
    signed = Policy({"production": Environment("production", trust="signed")}, {})
    world.found(signed, keys=("ssh-ed25519 ANN",))

    def read(_state: State, _act: Act) -> None:
        pytest.fail("the body was read")

    rule = fold.ACTIONS["policy.adopt"]
    read_rule = fold.Rule(rule.fields, read, rule.apply, is_owners=True)
    monkeypatch.setitem(fold.ACTIONS, "policy.adopt", read_rule)
    done = world.fold(world.intent("ann", "policy.adopt", "policy", {"policy": {}}))
    assert "level signed" in done.reason


@pytest.mark.parametrize(
    "error", [TypeError, ValueError, KeyError, AttributeError, RecursionError, OverflowError]
)
def test_rule_that_breaks_makes_its_entry_void(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """Whatever a rule stumbles over, its entry is void, and deciding is refused in words."""
    world = _founded()

    def broken(_state: State, _act: Act) -> None:
        raise error

    rule = fold.ACTIONS["tag.add"]
    monkeypatch.setitem(fold.ACTIONS, "tag.add", fold.Rule(rule.fields, broken, rule.apply))
    body: dict[str, Json] = {"tag": "a", "value": ""}
    intent = world.intent("ann", "tag.add", "run:x", body)
    assert "cannot be understood" in world.fold(intent).reason
    with pytest.raises(InvalidInputError, match="cannot be understood"):
        world.act("ann", "tag.add", "run:x", body)


@pytest.mark.parametrize(
    "action", ["member.add", "version.register", "annotation.add", "tag.add", "policy.adopt"]
)
def test_entry_that_breaks_after_its_changes_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    """An entry counts as a whole or not at all; what is shown of it is not built either."""
    world = _founded()
    world.member("bob")
    world.register()
    world.state.touched.clear()
    rule = fold.ACTIONS[action]

    def half(state: State, act: Act) -> str:
        rule.apply(state, act)
        raise KeyError(act.id)

    broken = fold.Rule(rule.fields, rule.check, half, is_owners=rule.is_owners)
    monkeypatch.setitem(fold.ACTIONS, action, broken)
    subject, body = GOOD[action]
    before = _tables(world.state)
    assert world.fold(world.intent("ann", action, subject, body)).is_void
    after = _tables(world.state)
    assert {table for table, _ in world.state.touched} <= {"versions", "models"}
    assert {**after, "touched": set()} == {**before, "touched": set()}


JSON = st.recursive(
    st.one_of(st.text(max_size=8), st.integers(-3, 3), st.booleans(), st.just(2**53 - 1)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=6,
)


@given(
    st.data(),
    st.sampled_from(sorted(fold.ACTIONS)),
    st.sampled_from(("ann", "bob", "srv", "x")),
    st.sampled_from(
        ("", ":", "model:churn", "version:churn@1", "release:churn-1", "endpoint:churn@production")
    ),
)
def test_entry_of_any_body_never_ends_the_fold(
    data: st.DataObject, action: str, by: str, subject: str
) -> None:
    """The right fields with any values, from anybody about anything."""
    world = _founded()
    world.member("bob")
    world.member("srv", kind="server")
    version = world.register()
    world.request(version)
    body = {name: data.draw(_typed(kind)) for name, kind in fold.ACTIONS[action].fields.items()}
    try:
        intent = world.intent(by, action, subject, body)
        world.fold(intent)
    except InvalidInputError:
        return  # such an entry cannot be written
    world.member("eve")


def _typed(kind: type) -> st.SearchStrategy[Any]:
    known: dict[type, st.SearchStrategy[Any]] = {
        str: st.text(max_size=8),
        int: st.integers(-3, 3) | st.just(2**53 - 1),
        bool: st.booleans(),
        list: st.lists(JSON, max_size=3),
        dict: st.dictionaries(st.text(max_size=6), JSON, max_size=3),
    }
    return known[kind]


def _entry() -> dict[str, Any]:
    return {
        "v": 1,
        "n": 2,
        "prev": "0" * 64,
        "id": "i",
        "at": "2026-11-25T15:00:00.000000Z",
        "by": "ann",
        "host": "h",
        "workspace": "",
        "head": "",
        "action": "é",
        "subject": "",
        "body": {},
        "signature": "",
    }


def _bytes(value: object, **options: Any) -> bytes:  # noqa: ANN401 -- of json.dumps
    settings = {"sort_keys": True, "separators": (",", ":"), "ensure_ascii": False, **options}
    return json.dumps(value, **settings).encode() + b"\n"


def test_entry_in_its_one_form_is_read() -> None:
    """The bytes that the next test changes are an entry."""
    assert read_entry(_bytes(_entry())).by == "ann"


@pytest.mark.parametrize(
    "data",
    [
        json.dumps(_entry()).encode("utf-16"),
        json.dumps(_entry()).encode("utf-32"),
        b"\xef\xbb\xbf" + _bytes(_entry()),
        _bytes(_entry(), indent=1),
        _bytes(_entry(), separators=(", ", ": ")),
        _bytes(_entry(), sort_keys=False),
        _bytes(_entry(), ensure_ascii=True),
        _bytes(_entry())[:-1],
        _bytes(_entry()) + b"\n",
        _bytes(_entry()).replace(b'"n":2', b'"n":-0'),
        _bytes(_entry()).replace(b"\xc3\xa9", b"\xe9"),
        _bytes({**_entry(), "at": "٢٠٢٦-11-25T15:00:00.000000Z"}),
        b"[" * 200_000,
    ],
)
def test_entry_in_any_other_form_is_none(data: bytes) -> None:
    """Other encodings, marks, spaces, orders and digits are refused, whatever they hold."""
    with pytest.raises(DamageError):
        read_entry(data)
