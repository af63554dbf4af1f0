"""The policy under review, owners' proposals, the inbox, and being told of what is new."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from modeldeck.domain.documents import InboxItem
from modeldeck.services.base.config import NewMember
from modeldeck.workspace import Workspace
from modeldeck_tui.hosting import alerts
from modeldeck_tui.hosting.alerts import News, Settings, sequence
from modeldeck_tui.output import cell_width
from modeldeck_tui.present.governing import statement
from modeldeck_tui.screens.overlays.stating import StatementDialog
from tests.screen import hostile, owners
from tests.screen.driving import LARGE, SMALL, Size, opened

CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")
PLAIN = {"TERM": "xterm-256color"}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a workspace whose two owners decide together."""
    for name in ("STATE", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    return owners.make(tmp_path / "shop")


def ask_for_two(root: Path) -> None:
    """Change the file so that it asks for two approvals, one of a role that nobody has."""
    text = (root / "modeldeck.toml").read_text()
    changed = text.replace("approvals = 1", "approvals = 2\nroles = { risk = 1 }")
    (root / "modeldeck.toml").write_text(changed)


# The policy


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_policy_page_shows_the_file_against_what_is_in_force(shop: Path, size: Size) -> None:
    """Each key with what is and what would be, and in a tab what nobody could satisfy then."""
    ask_for_two(shop)

    async def drive() -> None:
        async with opened(shop, "ann", size=size) as deck:
            await deck.press("J")
            await deck.until_shown("modeldeck.toml: 2 keys differ", "environments.production")
            await deck.until_shown("- 1", "+ 2", "+ 1", "Trouble · ")
            await deck.press("right_square_bracket")
            await deck.until_shown("Nobody can approve a release to production")

    asyncio.run(drive())


def test_proposed_policy_is_shown_as_it_is_signed_and_supported_by_key(shop: Path) -> None:
    """One owner proposes from the page, the other supports it there, and it is in force."""
    ask_for_two(shop)

    async def propose() -> None:
        async with opened(shop, "ann") as deck:
            await deck.press("J")
            await deck.until_shown("2 keys differ")
            await deck.dialog("p")
            await deck.until_shown("PROPOSE THE POLICY", "action policy.adopt", "Level claimed")
            assert isinstance(deck.app.screen, StatementDialog)
            await deck.press("y")
            await deck.until_shown("adopt another policy", "1 of 2 owners")

    async def support() -> None:
        async with opened(shop, "oli") as deck:
            await deck.until_shown("▲ 1 to review", "SUPPORT", "adopt another policy")
            await deck.press("enter")
            await deck.until_shown("+ 2", "ann supports it", "oli can support it")
            await deck.dialog("a")
            await deck.until_shown("SUPPORT  adopt another policy", "digest ")
            await deck.press("y")
            await deck.until_shown("modeldeck.toml  says what is in force", "0 proposed")

    asyncio.run(propose())
    asyncio.run(support())
    with Workspace.open(shop, user="ann") as ann:
        assert ann.policies.changes() == []
        assert ann.proposals.list() == []


def test_owner_cannot_support_an_own_proposal_and_is_told_so(shop: Path) -> None:
    """The page says why not, and the key says it again."""
    with Workspace.open(shop, user="ann") as ann:
        ann.members.add(NewMember("cat", roles=("risk",)))
        (proposal,) = ann.proposals.list()
    assert (proposal["text"], proposal["waits_for"]) == ("add the member cat", ["oli"])
    assert {"key": "roles", "before": "", "after": "risk"} in proposal["details"]

    async def drive() -> None:
        async with opened(shop, "ann", size=LARGE) as deck:
            await deck.press("J")
            await deck.until_shown("add the member cat")
            await deck.press("j")
            await deck.until_shown("roles", "+ risk", "ann supports that proposal already")
            await deck.until_shown("w withdraws it", "Members · 2")
            await deck.press("a")
            await deck.until_shown("Cannot support: ann supports that proposal already")

    asyncio.run(drive())


def test_proposal_is_withdrawn_by_key_where_it_waits(shop: Path) -> None:
    """From the inbox by who made it, from the policy's page by another owner; Y shows its JSON."""
    with Workspace.open(shop, user="ann") as ann:
        ann.members.add(NewMember("cat"))
        ann.members.add(NewMember("dan"))

    async def own() -> None:
        async with opened(shop, "ann") as deck:
            await deck.press("I")
            await deck.until_shown("Mine · 2", "PROPOSED", "add the member dan")
            await deck.press("tab")
            await deck.press("Y")
            await deck.until_shown("as JSON", '"action": "member.add"')
            await deck.press("q")
            await deck.until_shown("w withdraw")
            await deck.dialog("w")
            await deck.until_shown("WITHDRAW  add the member dan", "action proposal.withdraw")
            await deck.press("tab")
            await deck.press("y")
            await deck.until_shown("Mine · 1", "add the member cat")

    async def others() -> None:
        async with opened(shop, "oli") as deck:
            await deck.press("J")
            await deck.until_shown("add the member cat")
            await deck.press("j")
            await deck.until_shown("You can support it (a)", "w withdraw")
            await deck.dialog("w")
            await deck.until_shown("WITHDRAW  add the member cat")
            await deck.press("tab")
            await deck.press("y")
            await deck.until_shown("0 proposed")

    asyncio.run(own())
    asyncio.run(others())
    with Workspace.open(shop, user="ann") as ann:
        assert ann.proposals.list() == []
        assert [one["action"] for one in ann.activity.list(2)] == ["proposal.withdraw"] * 2


def test_support_of_a_proposal_that_went_meanwhile_is_refused(shop: Path) -> None:
    """A statement that was shown is recorded as it is, or refused by what the ledger says now."""
    with Workspace.open(shop, user="ann") as ann, Workspace.open(shop, user="oli") as oli:
        ann.members.add(NewMember("cat"))
        shown = oli.proposals.supporting(oli.proposals.list()[0]["id"])
        oli.proposals.cast(oli.proposals.supporting(shown.intent.subject))
        with pytest.raises(Exception, match="no proposal"):
            oli.proposals.cast(shown)
        assert [one["name"] for one in ann.members.list()] == ["ann", "cat", "oli"]


# Statements


def test_every_field_of_a_statement_is_shown_whole_whatever_it_holds(rng: random.Random) -> None:
    """200 statements with hostile values: nothing is cut, nothing a terminal obeys is left."""
    parts = [*hostile.PAYLOADS.values(), "\n", "x" * 90, "漢" * 45, ""]
    for _ in range(200):
        fields = [
            (name, "".join(rng.choices(parts, k=rng.randint(0, 4))))
            for name in (*statement.FIRST, *statement.LAST, "body.other", "body.a.0.b")
        ]
        width = rng.choice((40, 73, 75, 120))
        rows = statement.rows(fields, width)
        shown = {name.strip(): value for row in rows for name, value in row}
        assert set(shown) == {name.removeprefix("body.") for name, _value in fields}
        for name, value in fields:
            text = shown[name.removeprefix("body.")].replace("\n", "")
            assert not CONTROL.search(text)
            assert len(text) == len(value) or (not value and text == "(empty)")
        for row in rows:
            line = statement.GAP.join(f"{name} {value}" for name, value in row)
            assert all(cell_width(one) <= width for one in line.split("\n"))


# The inbox


def test_inbox_has_what_waits_what_is_mine_and_what_ends(root: Path) -> None:
    """Three lists at both sizes, by key and by command; a vote for production opens its review."""
    with Workspace.open(root, user="bob") as bob:
        now = bob.deck.now()
        found = bob.inbox.read()
    assert [one["kind"] for one in found["mine"]] == ["asked", "asked"]
    assert found["expiring"] == []

    with Workspace.open(root, user="bob", now=lambda: now + timedelta(hours=60)) as later:
        found = later.inbox.read()
        assert [one["kind"] for one in later.overview.inbox() if one["kind"] == "ending"]
    assert [one["subject"] for one in found["expiring"]] == ["release:churn-2", "release:churn-3"]
    assert found["mine"] == []

    async def drive() -> None:
        async with opened(root, "bob") as deck:
            await deck.press("I")
            await deck.until_shown("Waiting for me", "Mine · 2", "Expiring · 0", "ASKED")
        async with opened(root, "dave", size=LARGE) as deck:
            await deck.press("colon")
            await deck.write("inbox")
            await deck.press("enter")
            await deck.until_shown("Waiting for me · 2", "churn@2 to production")
            for key in ("a", "x"):
                await deck.press("I", key)
                await deck.until_shown("Releases › churn-2", "95 % INTERVAL")

    asyncio.run(drive())


# Being told


@pytest.mark.parametrize(
    ("settings", "environment", "wanted"),
    [
        (Settings(), PLAIN, "\x07"),
        (Settings(bell=False), PLAIN, ""),
        (Settings(desktop="always"), PLAIN, "\x1b]9;hi\x07\x07"),
        (Settings(), {"TERM": "xterm-kitty"}, "\x1b]9;hi\x07\x07"),
        (Settings(desktop="never"), {"TERM": "foot"}, "\x07"),
        (Settings(bell=False), {**PLAIN, "LC_TERMINAL": "iTerm2"}, "\x1b]9;hi\x07"),
        (Settings(desktop="always"), {"TERM": "dumb"}, ""),
        (Settings(desktop="always"), {}, ""),
        (Settings(desktop="always"), {"TERM": "linux"}, "\x07"),
        (Settings(desktop="always"), {"TERM": "tmux-256color", "TMUX": "x"}, "\x07"),
        (
            Settings(bell=False, tmux=True),
            {"TERM": "screen", "TMUX": "x"},
            "\x1bPtmux;\x1b\x1b]9;hi\x07\x1b\\",
        ),
    ],
)
def test_terminal_gets_what_it_has_and_what_was_asked_for(
    settings: Settings, environment: Mapping[str, str], wanted: str
) -> None:
    """Bell and notification by settings and terminal; in tmux only wrapped, and only if asked."""
    assert sequence("hi", settings, environment=environment) == wanted


@pytest.mark.parametrize("text", hostile.PAYLOADS.values())
def test_no_byte_of_a_text_ends_the_notification(text: str) -> None:
    """Between the begin and the end of the sequence stand printable characters alone."""
    found = sequence(f"a{text}b" * 40, Settings(bell=False, desktop="always"), environment=PLAIN)
    assert found.startswith("\x1b]9;a")
    assert found.endswith("\x07")
    assert found[4:-1].isprintable()
    assert cell_width(found[4:-1]) <= alerts.MOST


def test_each_new_thing_is_told_once_and_nothing_at_first() -> None:
    """What waits when the screen opens is seen; later things are told, each a single time."""

    def item(name: str) -> InboxItem:
        return InboxItem(kind="approve", subject=name, title=name, detail="", since="", urgency=1)

    news = News()
    assert news.heed([item("a")]) == []
    assert news.heed([item("a"), item("b"), item("c")]) == [item("b"), item("c")]
    assert news.heed([item("c")]) == []
    assert news.heed([item("a"), item("b")]) == []
    told = alerts.told("shop", [item("b"), item("c")])
    assert told == "ModelDeck shop: approve b and 1 more"


def test_settings_with_mistakes_are_reported_and_the_rest_counts(tmp_path: Path) -> None:
    """Each line that cannot be used is named with what was expected."""
    path = tmp_path / "config.toml"
    assert alerts.read(path) == Settings()
    path.write_text('[alerts]\nbell = false\ndesktop = "loud"\ntmx = true\ntmux = 1\n')
    found = alerts.read(path)
    assert (found.bell, found.desktop, found.tmux) == (False, "auto", False)
    assert [re.sub(r".*toml: ", "", one) for one in found.problems] == [
        "alerts.desktop: one of auto, always, never is expected, not 'loud'.",
        "alerts.tmx: there is no such setting; there are bell, desktop, tmux.",
        "alerts.tmux: true or false is expected, not 1.",
    ]
    path.write_text("[alerts")
    assert "it is not TOML" in alerts.read(path).problems[0]


def test_something_new_rings_once_while_the_screen_is_open(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A release that somebody asks for meanwhile is told; what waited at the start is not."""
    sent: list[str] = []
    monkeypatch.setenv("TERM", "xterm-kitty")

    async def drive() -> None:
        async with opened(root, "dave") as deck:
            monkeypatch.setattr(deck.app, "alert", sent.append)
            await deck.until(lambda: deck.app.snapshot and deck.app.snapshot.is_whole)
            with Workspace.open(root, user="bob") as bob:
                bob.releases.withdraw("churn-3")
                bob.releases.request("churn@2", "staging", reason="Once more.")
            await deck.until(lambda: sent, "a notification", within_s=60)
            await deck.press("r")

    asyncio.run(drive())
    assert len(sent) == 1
    assert sent[0].startswith("\x1b]9;ModelDeck shop: approve churn@2 to staging")
