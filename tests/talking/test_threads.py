"""Threads as people use them: places, mentions, editing, removing, the inbox, the commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from modeldeck.domain.entry import Json
from modeldeck.domain.policies import timing
from modeldeck.errors import InvalidInputError, NotFoundError, NotPermittedError
from modeldeck.services.base.config import NewMember
from modeldeck.workspace import Workspace
from tests.talking.inside import Inside


def test_thread_about_a_point_and_a_line_names_what_is_there(root: Path, run: str) -> None:
    """A step, a metric, a line that is not there is refused with the nearest one."""
    with Workspace.open(root, user="carol") as carol:
        point = carol.threads.start(f"{run[-6:]}#auc@10", "why so low?")
        line = carol.threads.start(f"run:{run}#log:2", "what is that?")
        assert (point["entity"], point["place"]) == (f"run:{run}", "metric:auc@10")
        assert line["subject"] == f"run:{run}#log:2"
        for wrong, hint in (("#auc@11", "Step 10"), ("#acc@10", "run show"), ("#log:3", "2 lines")):
            with pytest.raises(NotFoundError) as caught:
                carol.threads.start(f"{run[-6:]}{wrong}", "x")
            assert hint in f"{caught.value.message} {caught.value.hint}"
        for wrong in (f"{run}#nonsense", "churn@1#log:1", f"{run}#log:0"):
            with pytest.raises((InvalidInputError, NotFoundError)):
                carol.threads.start(wrong, "x")
        assert {one["id"] for one in carol.threads.list(run)} == {point["id"], line["id"]}
        assert [one["id"] for one in carol.threads.list(f"{run}#auc@10")] == [point["id"]]
        assert len(carol.annotations.list(run)) == 2
        carol.annotations.add(f"{run}#log:1", "a plain remark on a line")
        assert carol.annotations.list(f"{run}#log:1")[0]["subject"] == f"run:{run}#log:1"


def test_edited_remark_shows_its_earlier_texts_until_they_are_removed(root: Path) -> None:
    """All of them go when one is removed, from the disk too, and the ledger holds."""
    with Workspace.open(root, user="bob") as bob:
        thread = bob.threads.start("churn@1", "call 555-0199")
        bob.threads.edit(thread["id"][:8], "call 555-0200")
        (remark,) = bob.threads.show(thread["id"])["remarks"]
        assert [one["text"] for one in remark["earlier"]] == ["call 555-0199"]
        assert bob.annotations.list()[0]["text"] == "call 555-0200"
        assert bob.annotations.redact(thread["id"], "numbers")["removed"]
        (remark,) = bob.threads.show(thread["id"])["remarks"]
        assert (remark["state"], remark["earlier"]) == ("removed", [])
        assert bob.ledger_check.run(data=True)["ok"]
    there = [one.read_bytes() for one in root.parent.rglob("*") if one.is_file()]
    assert not any(b"555-0" in one for one in there)


def test_mention_waits_in_the_inbox_until_it_is_answered(root: Path) -> None:
    """An answer, or the end of the thread, takes it out; a name of nobody is named."""
    with Workspace.open(root, user="carol") as carol, Workspace.open(root, user="bob") as bob:
        first = carol.threads.start("churn@1", "@bob and @bbo, is that right?")
        assert first["strange"] == {"bbo": "bob"}
        second = carol.threads.start("model:churn", "@bob?")
        plain = carol.annotations.add("churn@1", "see above, @bob")
        kinds = [(one["kind"], one["subject"]) for one in bob.overview.inbox()]
        assert kinds == [("mention", f"thread:{one['id']}") for one in (first, second, plain)]
        bob.threads.reply(first["id"], "yes")
        bob.annotations.add("churn@1", "so it is")
        carol.threads.resolve(second["id"])
        assert bob.overview.inbox() == []
        (item,) = carol.overview.inbox()
        assert (item["kind"], item["title"], item["detail"]) == ("thread", "bob on churn@1", "yes")
        removed = carol.annotations.add("churn@1", "@bob once more")
        carol.annotations.redact(removed["id"], "x")
        assert bob.overview.inbox() == []


def test_mention_of_an_earlier_member_of_that_name_waits_for_nobody(root: Path) -> None:
    """Who is added later under the same name was not meant."""
    with Workspace.open(root, user="alice") as alice:
        alice.annotations.add("churn@1", "@bob, look")
        alice.members.revoke("bob", "left")
        alice.members.add(NewMember("bob"))
    with Workspace.open(root, user="bob") as bob:
        assert bob.threads.waiting() == []


def test_requester_sees_which_thread_holds_their_release_up(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so in the inbox, in the release, and in the thread."""
    path = root / "modeldeck.toml"
    wanted = path.read_text().replace("\nroles =", "\nresolve_threads = true\nroles =")
    path.write_text(wanted)
    with Workspace.open(root, user="alice") as alice:
        alice.policies.adopt()
    with Workspace.open(root, user="alice") as alice, Workspace.open(root, user="carol") as carol:
        body: dict[str, Json] = {"environment": "production", "report": "a" * 64, "passed": True}
        with alice.deck.reading() as state:
            endpoint = state.endpoint("churn", "production")
            version = state.versions["churn@1"]
            body |= {
                "manifest": version.manifest,
                "replaces": endpoint.base,
                "generation": endpoint.generation,
                "policy": state.policy_digest,
            }
        alice.deck.commit("gate.report", "version:churn@1", body=body)
        monkeypatch.setattr(type(alice.models), "verify", lambda *_: None)
        release = alice.releases.request("churn@1", "production")["id"]
        thread = carol.threads.start(release, "Which customers is that?")
        assert thread["blocks"] == [release]
        (item,) = [one for one in alice.overview.inbox() if one["kind"] == "thread"]
        assert item["detail"] == f"holds up {release}: Which customers is that?"
        assert "1 thread resolved" in alice.releases.show(release)["missing"]
        for person in ("bob", "carol"):
            with Workspace.open(root, user=person) as one:
                assert one.releases.approve(release)["status"] == "waiting"
        with pytest.raises(NotPermittedError):
            alice.threads.resolve(thread["id"])
        with monkeypatch.context() as frozen:
            frozen.setattr(timing, "freeze", lambda *_, **__: timing.Frozen("", "It is frozen."))
            with pytest.raises(NotPermittedError, match="would deploy"):
                carol.threads.resolve(thread["id"], "I see")
        carol.threads.resolve(thread["id"], "I see")
        assert alice.releases.show(release)["status"] == "deploying"


def test_commands_of_threads_work_on_hostile_texts(inside: Inside) -> None:
    """Control characters come out as marks; unknown things end with their exit codes."""
    text = "\x1b]52;c;AAAA\x07[/x] @nobody\n\u202eevil"
    made = inside.json("thread", "start", "churn@1", text, user="bob")
    assert made["strange"] == {"nobody": ""}
    shown = inside("thread", "show", made["id"][:6], user="bob")
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "[/x]" in shown
    inside("thread", "resolve", made["id"], user="carol", expect=6)
    inside("thread", "reply", "nothing", "x", expect=3)
    inside("thread", "start", "churn@1", " ", expect=4)
    inside("annotate", "churn@1", "@crol, look", user="bob")
    assert "did you mean @carol?" in inside.err
    (remark,) = [one for one in inside.json("annotation", "list") if "crol" in one["text"]]
    inside("annotation", "edit", remark["id"], "@carol, look", user="bob")
    inside("thread", "edit", remark["id"], "x", user="bob", expect=3)
    assert [one["kind"] for one in inside.json("inbox", user="carol")] == ["mention"]
    inside("thread", "reply", remark["id"], "so I did", user="carol")
    inside("thread", "resolve", remark["id"], "--reason", "seen", user="bob")
    assert [one["id"] for one in inside.json("thread", "list", "churn@1")] == [made["id"]]
    assert "by bob" in inside("thread", "show", remark["id"])
    inside("thread", "reopen", remark["id"], user="dave")
    assert remark["id"][:12] in inside("thread", "list", "--all")
    assert "(edited)" in inside("annotation", "list")
