"""Reviewing a release and voting on it, by keys alone."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from textual.widgets import Button, Input

from modeldeck.errors import ConflictError
from modeldeck.workspace import Workspace
from modeldeck_tui.screens.overlays import dialogs
from modeldeck_tui.screens.overlays.stating import VoteDialog
from modeldeck_tui.screens.pages.review import ReviewScreen
from tests.screen.driving import LARGE, SMALL, Deck, Size, opened, reviewing


def status(root: Path, release: str = "churn-2") -> str:
    """Return a release's status, read anew."""
    with Workspace.open(root, user="server") as workspace:
        return workspace.releases.show(release)["status"]


def is_off(deck: Deck) -> bool:
    """Say whether the button that decides is off."""
    return deck.app.screen.query_one("#confirm", Button).disabled


def reader(deck: Deck) -> str:
    """Return the value of the field that has the focus."""
    assert isinstance(deck.app.focused, Input)
    return deck.app.focused.value


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_review_of_a_waiting_release_shows_evidence_changes_and_votes(
    root: Path, size: Size
) -> None:
    """Checks with what was measured, each metric with better or worse, votes, who may vote."""

    async def drive() -> None:
        async with reviewing(root, size=size) as deck:
            await deck.until_shown("file size", "⚠  latency p95", "≤ 20.0 MB", "passed")
            await deck.until_shown("▼  +0.09", "▲  +0.09", "recall", "0.81", "0.9")
            await deck.until_shown(
                "✔  carol", "looks good", "·  alice  may vote", "made the version"
            )
            await deck.until_shown("You can approve (a) or reject (x). It lacks 1 more approval.")

    asyncio.run(drive())


def test_evidence_of_a_check_follows_the_cursor(root: Path) -> None:
    """The whole sentence of the check under the cursor stands below."""

    async def drive() -> None:
        async with reviewing(root) as deck:
            await deck.until_shown("bytes, at most 20,000,000")
            await deck.press("j")
            await deck.until_shown("of 200 single rows")

    asyncio.run(drive())


def test_approval_with_the_typed_word_deploys_and_then_shows_live(root: Path) -> None:
    """The vote completes the quorum; the page shows deploying, then live once a server says so."""

    async def drive() -> None:
        async with reviewing(root) as deck:
            await deck.dialog("a")
            await deck.until_shown(
                "APPROVE", "⚠ latency p95", "loss 0.11 → 0.2 worse", "workspace "
            )
            await deck.press("tab")
            await deck.write("good enough")
            await deck.press("tab")
            await deck.write("churn-v2")
            await deck.press("tab", "enter")
            await deck.until_shown("no server has loaded it yet")
            await deck.until_crumb("◌ deploying")
            with Workspace.open(root, user="server") as server:
                live = server.deployments.show("churn@production")
                server.deployments.report(
                    live["id"],
                    generation=live["generation"],
                    manifest=live["manifest"],
                    outcome="ready",
                )
            await deck.until_shown("server ready")
            await deck.until_crumb("✔ live")
            assert isinstance(deck.app.screen, ReviewScreen)

    asyncio.run(drive())
    with Workspace.open(root, user="bob") as workspace:
        votes = workspace.releases.show("churn-2")["approvals"]
    assert [(one["by"], one["reason"]) for one in votes] == [
        ("carol", "looks good"),
        ("alice", "good enough"),
    ]


def test_dialog_follows_what_others_decide_meanwhile(root: Path) -> None:
    """A rejection that comes while the dialog is open turns its button off and is shown in it."""

    async def drive() -> None:
        async with reviewing(root) as deck:
            await deck.dialog("a")
            await deck.until_shown("workspace ")
            await deck.press("tab")
            await deck.write("good")
            await deck.press("enter")
            await deck.write("churn-v2")
            assert not is_off(deck)
            with Workspace.open(root, user="dave") as dave:
                dave.releases.reject("churn-2", "labels are old")
            await deck.until_shown("It is rejected meanwhile", "labels are old")
            assert is_off(deck)
            await deck.press("enter", "enter", "escape")
            await deck.until_crumb("✖ rejected")

    asyncio.run(drive())
    with Workspace.open(root, user="dave") as dave:
        assert [one["by"] for one in dave.releases.show("churn-2")["approvals"]] == [
            "carol",
            "dave",
        ]


def test_approval_with_a_wrong_word_stays_off(root: Path) -> None:
    """Anything but the word leaves the button off, and Enter in the field decides nothing."""

    async def drive() -> None:
        async with reviewing(root) as deck:
            await deck.dialog("a")
            await deck.press("tab", "tab")
            await deck.write("churn-v1")
            await deck.press("enter", "enter")
            assert isinstance(deck.app.screen, VoteDialog)
            assert is_off(deck)
            await deck.press("escape")
            await deck.until_shown("● waiting")

    asyncio.run(drive())
    assert status(root) == "waiting"


def test_keys_of_the_first_moment_are_ignored(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was typed for the page below does not reach the dialog that just opened."""
    monkeypatch.setattr(dialogs, "DEAF_S", 3600)

    async def drive() -> None:
        async with reviewing(root) as deck:
            await deck.press("a", "enter", "tab", "x", "escape", "enter")
            dialog = deck.app.screen
            assert isinstance(dialog, VoteDialog)
            dialog.listen()
            await deck.until(lambda: deck.app.focused is not None, "the dialog to listen")
            assert deck.app.focused is dialog.query_one("#cancel")
            assert dialog.query_one("#reason", Input).value == ""

    asyncio.run(drive())


def test_held_key_that_opens_a_remark_is_not_written(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The field of a remark is empty when it begins to listen."""
    monkeypatch.setattr(dialogs, "DEAF_S", 3600)

    async def drive() -> None:
        async with reviewing(root) as deck:
            await deck.press("c", "c", "c")
            dialog = deck.app.screen
            assert isinstance(dialog, dialogs.Dialog)
            dialog.listen()
            await deck.until(lambda: deck.app.focused is not None, "the dialog to listen")
            assert reader(deck) == ""

    asyncio.run(drive())


def test_a_held_key_and_enter_decide_nothing(root: Path) -> None:
    """The opening key does nothing in the dialog, however long it is held; Enter is Cancel."""

    async def drive() -> None:
        async with reviewing(root, release="churn-3") as deck:
            await deck.dialog("a")
            await deck.press(*["a"] * 20)
            assert isinstance(deck.app.screen, VoteDialog)
            await deck.press("enter")
            assert isinstance(deck.app.screen, ReviewScreen)

    asyncio.run(drive())
    assert status(root, "churn-3") == "waiting"


def test_rejection_needs_a_reason_and_ends_the_release(root: Path) -> None:
    """Without a reason the button is off; with one the release is rejected by name."""

    async def drive() -> None:
        async with reviewing(root) as deck:
            await deck.dialog("x")
            await deck.until_shown("REJECT", "verdict reject", "workspace ")
            await deck.press("tab", "tab")
            await deck.write("churn-v2")
            await deck.press("shift+tab")
            assert is_off(deck)
            await deck.write("   ")
            assert is_off(deck)
            await deck.write("no")
            assert not is_off(deck)
            await deck.press("enter", "enter", "enter")
            await deck.until_shown("✖  alice", "no")
            await deck.until_crumb("✖ rejected")

    asyncio.run(drive())
    assert status(root) == "rejected"


def test_vote_on_a_release_that_changed_meanwhile_is_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A vote that was under way when somebody else decided is refused, and told to be."""
    monkeypatch.setattr(VoteDialog, "follow", lambda *_anything: None)

    async def drive() -> None:
        async with reviewing(root) as deck:
            await deck.dialog("a")
            await deck.until_shown("workspace ")
            with Workspace.open(root, user="dave") as dave:
                dave.releases.reject("churn-2", "not now")
            await deck.press("tab")
            await deck.write("good")
            await deck.press("enter")
            await deck.write("churn-v2")
            await deck.press("enter", "enter")
            await deck.until_shown("✖  dave")
            await deck.until_crumb("✖ rejected")
            told = [one.message for one in deck.app._notifications]
            assert any("churn-2" in one for one in told), told
            assert not any("You approved" in one for one in told)

    asyncio.run(drive())
    assert status(root) == "rejected"


def test_vote_after_the_live_version_changed_is_refused(root: Path) -> None:
    """What was approved is the step from one version to the next: without the first it is void."""

    async def drive() -> None:
        async with reviewing(root, "dave") as deck:
            await deck.dialog("a")
            with Workspace.open(root, user="alice") as alice:
                alice.deployments.stop("churn@production", "an incident")
            await deck.press("tab", "tab")
            await deck.write("churn-v2")
            await deck.until_shown("It is outdated meanwhile")
            assert is_off(deck)
            await deck.press("enter", "enter", "escape")
            await deck.until_crumb("○ outdated")

    asyncio.run(drive())
    assert status(root) == "outdated"


def test_what_is_recorded_is_what_was_shown_field_by_field(root: Path) -> None:
    """Every field of the entry stands in the dialog, digests to the last letter, and no other."""
    shown: list[str] = []

    async def drive() -> None:
        async with reviewing(root) as deck:
            await deck.dialog("x")
            await deck.press("tab")
            await deck.write("labels are old")
            await deck.press("enter")
            await deck.write("churn-v2")
            await deck.until_shown("nonce ", "reason labels are old")
            shown.append(" ".join(deck.text.split()))
            await deck.press("enter", "enter")
            await deck.until_crumb("✖ rejected")

    asyncio.run(drive())
    with Workspace.open(root, user="bob") as workspace:
        n = workspace.activity.list(1)[0]["n"]
        entry = json.loads(workspace.activity.entry(n)["raw"])
    signed = {name: entry[name] for name in ("action", "by", "head", "id", "subject", "workspace")}
    fields = {**signed, **entry["body"]}
    assert len(fields) == 18
    missing = [name for name, value in fields.items() if f"{name} {value}" not in shown[0]]
    assert missing == []


def test_every_vote_for_the_last_environment_is_cast_from_the_review(root: Path) -> None:
    """Elsewhere the keys open the review; there the vote can be taken back, with a reason too."""

    async def drive() -> None:
        async with opened(root, "dave") as deck:
            for key in ("a", "x"):
                await deck.press("4")
                await deck.until_shown("Waiting for me", "churn-2")
                row = next(line for line in deck.lines if "churn-" in line)
                await deck.press(*(["j"] if "churn-3" in row else []), key)
                await deck.until_shown("Releases › churn-2", "95 % INTERVAL")
                assert isinstance(deck.app.screen, ReviewScreen)
                await deck.press("escape")
        async with reviewing(root, "dave") as deck:
            await deck.press("u")
            await deck.until_shown("Cannot take back: you have not voted")

    asyncio.run(drive())
    assert status(root) == "waiting"


def test_own_vote_is_taken_back_from_the_review(root: Path) -> None:
    """The dialog shows the statement that abstains, and wants a reason and the version."""

    async def drive() -> None:
        async with reviewing(root, "carol") as deck:
            await deck.dialog("u")
            await deck.until_shown("TAKE BACK", "verdict abstain")
            await deck.press("tab")
            await deck.write("a doubt")
            await deck.press("enter")
            await deck.write("churn-v2")
            await deck.press("enter", "enter")
            await deck.until_shown("2 more approvals", "took it back", "Votes · 0 of 2")

    asyncio.run(drive())
    with Workspace.open(root, user="carol") as workspace:
        assert workspace.releases.show("churn-2")["approvals"][-1]["verdict"] == "abstain"


def test_review_whose_policy_changed_names_what_changed_and_takes_no_vote(root: Path) -> None:
    """Policy and live version are named with what they were and are; the keys say so too."""

    async def drive() -> None:
        async with reviewing(root, "dave", size=LARGE) as deck:
            before = deck.app.workspace.policies.show()["digest"][:12]
            with Workspace.open(root, user="alice") as alice:
                text = (root / "modeldeck.toml").read_text()
                (root / "modeldeck.toml").write_text(text.replace("approvals = 2", "approvals = 1"))
                alice.policies.adopt()
                after = alice.policies.show()["digest"][:12]
                alice.deployments.stop("churn@production", "an incident")
            wanted = f"policy {before} → {after}"
            live = "live version churn@1 (generation 1) → nothing (generation 2)"
            await deck.until_shown(f"Changed since you opened it: {wanted}; {live}")
            await deck.press("a")
            await deck.until_shown(f"Cannot approve: it changed since you opened it: {wanted}")

    asyncio.run(drive())
    with Workspace.open(root, user="dave") as dave:
        assert len(dave.releases.show("churn-2")["approvals"]) == 1


def test_statement_that_was_shown_is_refused_on_another_base_with_what_changed(root: Path) -> None:
    """Whoever confirms an old dialog is told which part changed, and nothing is recorded."""
    with Workspace.open(root, user="dave") as dave:
        statement = dave.reviewing.statement("churn-2", "approve")
        with Workspace.open(root, user="alice") as alice:
            alice.deployments.stop("churn@production", "an incident")
        n = dave.activity.list(1)[0]["n"]
        with pytest.raises(
            ConflictError, match=r"live version: churn@1 \(generation 1\) → nothing"
        ):
            dave.reviewing.cast(statement, "fine")
        assert dave.activity.list(1)[0]["n"] == n


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_review_has_data_code_card_and_live_at_every_size(root: Path, size: Size) -> None:
    """By tabs on a small screen, beside the rest on a large one; what is not known says so."""

    async def drive() -> None:
        async with reviewing(root, size=size) as deck:
            await deck.press("right_square_bracket")
            await deck.until_shown("its manifest names no data")
            await deck.press("right_square_bracket")
            await deck.until_shown("between: ")
            await deck.press("right_square_bracket")
            await deck.until_shown("• Estimator")
            await deck.press("right_square_bracket")
            await deck.until_shown("churn@1  live", "not measured: no report of it is kept")
            if size == LARGE:
                await deck.until_shown(
                    "Code ─", "Card ─", "Live · churn@production", "Discussion ─"
                )

    asyncio.run(drive())


def test_author_of_a_version_is_told_why_not(root: Path) -> None:
    """The page says who may not vote and why; the key says it again and opens nothing."""

    async def drive() -> None:
        async with reviewing(root, "bob") as deck:
            await deck.until_shown("You cannot approve: bob made the version")
            await deck.press("a")
            await deck.until_shown("Cannot approve: bob made the version")
            assert isinstance(deck.app.screen, ReviewScreen)

    asyncio.run(drive())


def test_read_only_screen_says_so_and_refuses(root: Path) -> None:
    """The header shows RO with its reason, and voting and annotating are refused with it."""

    async def drive() -> None:
        async with opened(root, size=LARGE, is_read_only=True) as deck:
            assert " RO " in deck.lines[0]
            await deck.press("a")
            await deck.until_shown("Cannot approve: the workspace is read-only")
            await deck.press("enter")
            await deck.until_shown("Releases › churn-2", "● waiting")
            for key, word in (("a", "approve"), ("x", "reject"), ("c", "annotate")):
                await deck.press(key)
                await deck.until_shown(f"Cannot {word}: the workspace is read-only")
                assert isinstance(deck.app.screen, ReviewScreen)

    asyncio.run(drive())


def test_remark_on_a_release_appears_beside_the_votes(root: Path) -> None:
    """What c writes is kept in the ledger and stands in the review."""

    async def drive() -> None:
        async with reviewing(root) as deck:
            await deck.dialog("c")
            await deck.write("mind the recall")
            assert reader(deck) == "mind the recall"
            await deck.press("enter")
            await deck.until_shown("✎  alice", "mind the recall")

    asyncio.run(drive())
    with Workspace.open(root, user="bob") as workspace:
        assert [one["text"] for one in workspace.annotations.list()] == ["mind the recall"]
