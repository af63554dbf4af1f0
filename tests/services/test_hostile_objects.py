"""Objects that a member made by hand: documents say that they cannot be read, nothing raises."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from modeldeck import clock
from modeldeck.domain.documents import GateDocument, VersionDocument
from modeldeck.domain.entry import Json
from modeldeck.errors import DamageError
from modeldeck.services.base import builders, manifests
from modeldeck.services.founding import init
from modeldeck.store import files
from modeldeck.store.objects import ObjectStore
from modeldeck.workspace import Workspace

DEEP = b"[" * 200_000
DIGEST = "a" * 64


def _manifest(predicate: object = None, subject: object = ()) -> bytes:
    if subject == ():
        subject = [{"name": "model.skops", "digest": {"sha256": DIGEST}}]
    return json.dumps(
        {"_type": manifests.STATEMENT, "subject": subject, "predicate": predicate}
    ).encode()


UNREADABLE = {
    "deep": DEEP,
    "deeper than anything": _manifest({"pipeline": json.loads("[" * 500 + "]" * 500)}),
    "not utf-8": b"\xff\xfe\x00",
    "utf-16": _manifest({}).decode().encode("utf-16"),
    "surrogate": _manifest({"metrics": {"\ud800": 1}}),
    "list": b"[]",
    "empty": b"",
    "another type": b'{"_type":"x"}',
    "long number": _manifest({}).replace(b"null", b"9" * 5000).replace(b"{}", b"9" * 5000),
}
ODD: dict[str, object] = {
    "no predicate": None,
    "predicate of a text": "x",
    "sizes of texts": {"sizes_bytes": {"a": "b"}},
    "sizes of nothing": {"sizes_bytes": {"a": None, "b": True, "c": -1, "d": 1.5}},
    "sizes without end": {"sizes_bytes": {"a": 10**4000, "b": float("inf")}},
    "tables of other kinds": {
        "sizes_bytes": [1],
        "metrics": [1],
        "goals": 5,
        "dataset": [1],
        "libraries": 5,
        "pipeline": "x",
    },
    "metrics of other kinds": {"metrics": {"a": [{}], "b": None, "c": True, "d": {"e": 1}}},
    "metrics without end": {"metrics": {"a": 10**4000, "b": float("nan"), "c": float("-inf")}},
    "pipeline of other kinds": {
        "pipeline": {"parameters": [1], "estimator": {"type": 5, "parameters": [1]}},
        "goals": {"a": [1]},
        "dataset": {"rows": "x", "columns": [1, {}, {"name": []}]},
        "libraries": {"a": {"b": []}},
        "python": [1],
        "authors": 7,
    },
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a new workspace of ann's."""
    init(tmp_path / "ws", owner="ann", trust="claimed")
    return tmp_path / "ws"


def _register(workspace: Workspace, manifest: bytes) -> VersionDocument:
    deck = workspace.deck
    body: dict[str, Json] = {"manifest": deck.objects.put(manifest), "run": "", "authors": []}
    deck.commit("version.register", "model:m", body=body)
    return workspace.models.versions("m")[-1]


@pytest.mark.parametrize("name", UNREADABLE)
def test_version_whose_manifest_cannot_be_read_says_so(root: Path, name: str) -> None:
    """It is listed with its problem; what needs the manifest is refused; verify names it."""
    with Workspace.open(root, user="ann") as workspace:
        version = _register(workspace, UNREADABLE[name])
        assert "is not a manifest" in version["problem"]
        assert (version["size_bytes"], version["metrics"], version["parameters"]) == (0, {}, {})
        for needs in (workspace.models.card, workspace.models.files, workspace.models.verify):
            with pytest.raises(DamageError, match="not a manifest"):
                needs("m@1")
        assert workspace.lineage.of("version:m@1")
        problems = workspace.ledger_check.run()["problems"]
        assert any("not a manifest" in one["problem"] for one in problems)
    with Workspace.open(root, user="ann") as workspace:
        assert workspace.models.show("m")["versions"] == 1


@pytest.mark.parametrize("name", ODD)
def test_version_with_an_odd_manifest_is_shown_without_what_is_odd(root: Path, name: str) -> None:
    """List, card, differences, files and origin of it can be asked for."""
    plain = _manifest({"metrics": {"a": 1.5}, "sizes_bytes": {"model.skops": 7}})
    with Workspace.open(root, user="ann") as workspace:
        before = _register(workspace, plain)
        assert (before["size_bytes"], before["metrics"]) == (7, {"a": 1.5})
        version = _register(workspace, _manifest(ODD[name]))
        assert "problem" not in version
        assert version["size_bytes"] == 0
        assert json.loads(files.dumps(version)) == version
        assert workspace.models.card("m@2").startswith("# m@2")
        for pair in (("m@1", "m@2"), ("m@2", "m@1"), ("m@2", "m@2")):
            assert isinstance(workspace.models.diff(*pair), list)
        assert workspace.models.files("m@2") == [("model.skops", DIGEST)]
        assert workspace.lineage.of("version:m@2")


def test_metrics_keep_numbers_and_texts_of_those_without_end() -> None:
    """A metric is a number; what is not finite is the text for it."""
    raw = _manifest({"metrics": {"a": 1, "b": float("nan"), "c": True, "d": 0.5, "e": [1]}})
    value = manifests.read_json(raw.replace(b"0.5", b"1e999"))
    assert isinstance(value, dict)
    found = manifests.predicate(value)["metrics"]
    assert found == {"a": 1, "b": "NaN", "d": "Infinity"}


def _one(name: object, digest: object = DIGEST) -> object:
    return {"name": name, "digest": {"sha256": digest}}


@pytest.mark.parametrize(
    "subject",
    [
        None,
        "x",
        {},
        ["x"],
        [None],
        [{}],
        [{"name": "a"}],
        [{"name": "a", "digest": "x"}],
        [_one(5)],
        [_one(["a"])],
        [_one("")],
        [_one("a", "b")],
        [_one("a", [])],
        [_one("../a")],
        [_one("/a")],
        [_one("a/../b")],
        [_one("a//b")],
        [_one("./a")],
        [_one("a/")],
        [_one("a\\b")],
        [_one("a\0b")],
        [_one("a" * 2000)],
        [_one("a"), _one("a")],
        [_one(f"f{n}") for n in range(manifests.MAX_FILES + 1)],
    ],
)
def test_manifest_with_odd_files_is_not_taken_out(tmp_path: Path, subject: object) -> None:
    """Each file is named once, inside the folder, by a digest; else there is no list of files."""
    value = manifests.read_json(_manifest({}, subject))
    assert isinstance(value, dict)
    with pytest.raises(DamageError, match="names"):
        manifests.parts(value)


CHECK = {
    "name": "loads",
    "kind": "loads",
    "metric": "",
    "required": True,
    "passed": True,
    "value": None,
    "threshold": 1,
    "margin": "NaN",
    "reason": "",
}
REPORT = {"passed": True, "version": "m@1", "environment": "staging", "checks": [CHECK]}


def _document(folder: Path, raw: bytes) -> GateDocument:
    (folder / "tmp").mkdir()
    objects = ObjectStore(folder)
    objects.tmp = folder / "tmp"
    found = builders.gate_document(objects, objects.put(raw), by="ann", at="")
    assert found is not None
    return found


def test_gate_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    """What the tests below change is a report."""
    found = _document(tmp_path, json.dumps(REPORT).encode())
    assert found["passed"]
    assert found["checks"] == [CHECK]


CHANGES: tuple[dict[str, object], ...] = (
    {"checks": 5},
    {"checks": ["x"]},
    {"checks": [{}]},
    {"checks": [{**CHECK, "name": 5}]},
    {"checks": [{**CHECK, "passed": "yes"}]},
    {"passed": 1},
    {"version": ["x"]},
)


@pytest.mark.parametrize(
    "raw",
    [DEEP, b"\xff", b"[1]", *(json.dumps({**REPORT, **one}).encode() for one in CHANGES)],
)
def test_gate_report_that_cannot_be_read_is_shown_as_failed_and_says_so(
    tmp_path: Path, raw: bytes
) -> None:
    """It has one check, which says what is wrong with the report."""
    found = _document(tmp_path, raw)
    assert not found["passed"]
    (check,) = found["checks"]
    assert not check["passed"]
    assert check["reason"] == "Its object is not a gate report."


def test_release_on_a_report_that_cannot_be_read_can_be_looked_at(root: Path) -> None:
    """List and card show the release with its unreadable report."""
    with Workspace.open(root, user="ann") as workspace:
        version = _register(workspace, _manifest({}))
        deck, state = workspace.deck, workspace.deck.state
        base: dict[str, Json] = {
            "environment": "staging",
            "manifest": version["manifest"],
            "replaces": "none",
            "generation": 0,
            "policy": state.policy_digest,
        }
        gate: dict[str, Json] = {**base, "report": deck.objects.put(DEEP), "passed": True}
        deck.commit("gate.report", "version:m@1", body=gate)
        expires = clock.to_text(deck.now() + timedelta(hours=1))
        body = {**base, "issued": deck.now_text(), "expires": expires, "reason": ""}
        deck.commit("release.request", "version:m@1", body=body)
        (release,) = workspace.releases.list()
        assert release["gate"] is not None
        assert "not a gate report" in release["gate"]["checks"][0]["reason"]
        assert "not a gate report" in workspace.models.card("m@1")


def test_remark_of_an_odd_object_is_shown_as_missing(root: Path) -> None:
    """A text nested too deeply, or none, is no text."""
    with Workspace.open(root, user="ann") as workspace:
        for raw in (DEEP, b'{"text":5}', b"[]", b'{"text":"\\ud800"}'):
            body: dict[str, Json] = {"object": workspace.deck.objects.put(raw)}
            workspace.deck.commit("annotation.add", "model:m", body=body)
        found = {one["text"] for one in workspace.annotations.list()}
    assert found == {builders.REDACTED}
