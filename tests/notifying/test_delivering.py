"""Delivering to real receivers: signed, again and again, once, and never in a decision's way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from modeldeck.errors import NotPermittedError
from modeldeck.services.base import processes
from modeldeck.services.notifying import begin, delivering, trying
from modeldeck.services.notifying.delivering import Delivering
from modeldeck.services.notifying.outbox import Outbox
from modeldeck.workspace import Workspace
from tests.notifying.conftest import Configure
from tests.notifying.receiving import PATIENCE_S, Receiver
from tests.talking.inside import Inside

AFTER_COMMIT = begin.after_commit


def say(root: Path, text: str = "@bob, look", user: str = "alice") -> None:
    """Write a remark that mentions bob."""
    with Workspace.open(root, user=user) as workspace:
        workspace.annotations.add("churn@1", text)


def deliver(root: Path, member: str = "alice", patience_s: float = PATIENCE_S) -> Delivering:
    """Deliver what a member's outbox holds."""
    made = Delivering(root, member, patience_s=patience_s)
    assert made.run()
    return made


def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_delivery_is_signed_and_keeps_its_id_until_it_arrives(
    root: Path, server: Receiver, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two answers 500, then it is there: three signed requests with one id, once in the log."""
    monkeypatch.setenv("MODELDECK_HUSH", "s3cret")
    configure(f'a kind="webhook"; url="{server.url("/flaky")}"; secret="env:MODELDECK_HUSH"')
    say(root)
    made = deliver(root)
    assert len({one.id for one in server.got}) == 1
    assert len(server.got) == 3
    assert all(one.is_signed_with("s3cret") for one in server.got)
    assert not server.got[0].is_signed_with("other")
    assert json.loads(server.got[0].body)["action"] == "mention"
    assert server.got[0].data["people"] == ["bob"]
    assert [one["outcome"] for one in made.box.log] == ["failed", "failed", "delivered"]
    assert made.box.pending == []
    deliver(root)
    assert len(server.got) == 3


def test_receivers_get_what_they_ask_for_only(
    root: Path, server: Receiver, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By event and by person; a chat room gets a text."""
    monkeypatch.setenv("MODELDECK_CHAT", server.url("/chat"))
    configure(
        f'other-event kind="webhook"; url="{server.url("/1")}"; events=["decided"]',
        f'other-person kind="webhook"; url="{server.url("/2")}"; people=["carol"]',
        f'mine kind="webhook"; url="{server.url("/3")}"; people=["bob"]; events=["mention"]',
        'chat kind="slack"; url="env:MODELDECK_CHAT"',
    )
    say(root, "<!channel> @bob")
    deliver(root)
    assert sorted(one.path for one in server.got) == ["/3", "/chat"]
    (chat,) = server.at("/chat")
    assert json.loads(chat.body)["text"].endswith("&lt;!channel&gt; @bob")


def test_hanging_receiver_holds_up_neither_a_decision_nor_others(
    root: Path, server: Receiver, configure: Configure
) -> None:
    """While one does not answer, the other has all; what waited arrives when it does."""
    configure(
        f'slow kind="webhook"; url="{server.url("/hang")}"; timeout="30s"',
        f'quick kind="webhook"; url="{server.url("/ok")}"',
    )
    say(root, "@bob one")
    thread = threading.Thread(target=deliver, args=(root,))
    thread.start()
    server.wait("/hang")
    server.wait("/ok")
    say(root, "@bob two")  # recorded while a receiver hangs
    server.wait("/ok", 2)
    assert len(server.at("/hang")) == 1
    server.free.set()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
    assert len(server.at("/hang")) == 2


@pytest.mark.parametrize(
    ("path", "says"),
    [("/hang", "no answer within"), ("/drip", "no answer within"), ("/away", "not followed")],
)
def test_receiver_that_never_answers_is_tried_again_later(
    root: Path, server: Receiver, configure: Configure, path: str, says: str
) -> None:
    """One that hangs, drips, or sends elsewhere: cut off in time, kept, and nobody else called."""
    configure(f'a kind="webhook"; url="{server.url(path)}"; timeout="1s"')
    say(root)
    made = deliver(root, patience_s=0.0)
    (one,) = made.box.pending
    assert says in one["problem"]
    assert one["tries"] >= 1
    assert not server.at("/ok")


def test_receiver_that_asks_for_time_gets_it(
    root: Path, server: Receiver, configure: Configure
) -> None:
    """Retry-After counts for everything that waits for it."""
    configure(f'a kind="webhook"; url="{server.url("/busy")}"')
    say(root)
    say(root, "@bob again")
    made = deliver(root, patience_s=0.0)
    assert len(server.got) == 1
    assert min(one["next_at"] for one in made.box.pending) > time.time() + 3000


def test_command_gets_the_event_and_is_killed_with_its_children_in_time(
    root: Path, tmp_path: Path, configure: Configure
) -> None:
    """Exit code 0 is delivered; its last words are kept; what it started ends with it."""
    out, alive = tmp_path / "event.json", tmp_path / "alive"
    configure(
        f'good kind="command"; command=["sh", "-c", "cat > {out}"]',
        'bad kind="command"; command=["sh", "-c", "echo no room >&2 && exit 3"]',
        f'slow kind="command"; command=["sh", "-c", "sleep 99 & echo $! > {alive} && wait"]; '
        'timeout="1s"',
        'none kind="command"; command=["/no/such/program"]',
    )
    say(root)
    made = deliver(root, patience_s=0.0)
    assert json.loads(out.read_text())["data"]["people"] == ["bob"]
    problems = {one["receiver"]: one["problem"] for one in made.box.pending}
    assert problems["bad"] == "ended with exit code 3: no room"
    assert "killed" in problems["slow"]
    assert "FileNotFoundError" in problems["none"]
    pid = int(alive.read_text())

    def is_gone() -> bool:
        try:
            return b"Z" in Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2][:3]
        except (FileNotFoundError, ProcessLookupError):
            return True

    until(is_gone)


def test_nothing_is_contacted_without_consent_to_just_that(
    root: Path, tmp_path: Path, server: Receiver, configure: Configure
) -> None:
    """A command that somebody put into the shared file does not run; nor one changed since."""
    ran = tmp_path / "ran"
    command = f'["sh", "-c", "echo x >> {ran}"]'
    lines = (
        f'evil kind="command"; command={command}',
        f'hook kind="webhook"; url="{server.url("/ok")}"',
    )
    configure(*lines, trust=False)
    with Workspace.open(root, user="alice") as alice:
        AFTER_COMMIT(alice.deck, alice.deck.state.n)
        assert not Outbox(alice.id, "alice").path.exists()
        alice.notifying.trust(["hook"])
        assert [one["problem"] != "" for one in alice.notifying.status()["receivers"]] == [
            True,
            False,
        ]
    say(root)
    made = deliver(root, patience_s=0.0)
    assert not ran.exists()
    assert "did not agree" in made.box.pending[0]["problem"]
    assert len(server.got) == 1
    configure(*lines)
    with Workspace.open(root, user="alice") as alice:
        assert alice.notifying.send()["waiting"] == []
    assert ran.read_text() == "x\n"
    configure(f'evil kind="command"; command={command.replace("echo x", "echo y")}', trust=False)
    say(root)
    deliver(root, patience_s=0.0)
    assert ran.read_text() == "x\n"


def test_event_is_sent_by_whom_it_is_by_or_by_the_named_sender(
    root: Path, server: Receiver, configure: Configure
) -> None:
    """Without a sender everybody sends what they did; with one, that one sends all."""
    line = f'a kind="webhook"; url="{server.url("/ok")}"'
    configure(line)
    with Workspace.open(root, user="carol") as carol:
        carol.notifying.trust()
    say(root, user="carol")
    deliver(root)
    assert server.got == []
    deliver(root, "carol")
    assert len(server.got) == 1
    configure(line, top='sender = "alice"')
    say(root, user="carol")
    with Workspace.open(root, user="carol") as carol:
        with pytest.raises(NotPermittedError, match="alice sends for all"):
            carol.notifying.send()
        assert not carol.notifying.status()["sends"]
    deliver(root)
    assert len(server.got) == 2


def test_same_event_has_the_same_id_whoever_sends_it(
    root: Path, server: Receiver, configure: Configure
) -> None:
    """A receiver that remembers ids drops the second one when the sender changed meanwhile."""
    line = f'a kind="webhook"; url="{server.url("/ok")}"'
    configure(line)
    with Workspace.open(root, user="dave") as dave:
        dave.notifying.trust()
    say(root)
    deliver(root)
    configure(line, top='sender = "dave"')
    deliver(root, "dave")
    first, second = server.got
    assert first.id == second.id


def test_reminder_is_sent_once(
    root: Path, server: Receiver, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often and by whichever process is looked; a decided release is not remembered."""
    configure(f'a kind="webhook"; url="{server.url("/ok")}"')
    monkeypatch.setattr(delivering, "REMIND_EVERY_S", 0.0)
    with Workspace.open(root, user="alice") as alice:
        monkeypatch.setattr(type(alice.models), "verify", lambda *_: None)
        monkeypatch.setattr(type(alice.gates), "run", lambda *_: None)
        release = alice.releases.request("churn@1", "production")["id"]
        later = alice.deck.now() + timedelta(hours=60)

        def late(member: str = "alice") -> Delivering:
            made = Delivering(root, member)
            made.deck.now = lambda: later
            assert made.run()
            return made

        late()
        made = late()
        assert [one.data["kind"] for one in server.got] == ["expiring"]
        assert server.got[0].data["subject"] == f"release:{release}"
        assert len(made.box.reminded) == 1
        alice.releases.withdraw(release)
        made = late()
        assert [one.data["kind"] for one in server.got] == ["expiring", "decided"]
        assert made.box.reminded == {}


def test_delivery_given_up_after_days_is_in_the_log(
    root: Path, server: Receiver, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As is one whose receiver is not there any more; the log does not grow for ever."""
    configure(f'a kind="webhook"; url="{server.url("/away")}"')
    monkeypatch.setattr(trying, "GIVE_UP_S", -1.0)
    monkeypatch.setattr("modeldeck.services.notifying.outbox.MOST_LOG", 3)
    for _ in range(5):
        say(root)
    made = deliver(root)
    assert made.box.pending == []
    assert {one["outcome"] for one in made.box.log} == {"given up"}
    assert len(Outbox(made.workspace, "alice").look().log) == 3
    monkeypatch.setattr(trying, "GIVE_UP_S", 1e9)
    say(root)
    deliver(root, patience_s=0.0)
    configure(f'b kind="webhook"; url="{server.url("/ok")}"')
    assert "no such receiver" in deliver(root).box.log[-1]["detail"]


def test_removed_text_is_not_sent_afterwards(
    root: Path, server: Receiver, configure: Configure
) -> None:
    """What still waits says instead who removed it; it is on no disk any more."""
    configure(f'a kind="webhook"; url="{server.url("/away")}"')
    say(root, "@bob 555-0199")
    deliver(root, patience_s=0.0)
    with Workspace.open(root, user="alice") as alice:
        alice.annotations.redact(alice.annotations.list()[0]["id"], "a number")
    made = deliver(root, patience_s=0.0)
    assert made.box.pending[0]["event"]["text"] == "text removed by alice: a number"
    assert b"555-0199" not in made.outbox.path.read_bytes()


@pytest.mark.parametrize("damage", ["torn", "other history", "gone"])
def test_outbox_that_is_damaged_begins_at_the_end(
    root: Path, server: Receiver, configure: Configure, damage: str
) -> None:
    """What was sent is not sent again, and what comes is."""
    configure(f'a kind="webhook"; url="{server.url("/ok")}"')
    say(root)
    outbox = deliver(root).outbox
    if damage == "torn":
        outbox.path.write_bytes(outbox.path.read_bytes()[:20])
    elif damage == "gone":
        outbox.path.unlink()
    else:
        box = outbox.load()
        box.n, box.head = 2, "f" * 64
        outbox.save(box)
    deliver(root)
    say(root)
    deliver(root)
    assert len(server.got) == 2


def test_commit_starts_a_process_that_delivers_and_waits_for_none(
    root: Path, server: Receiver, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A killed one is made up for by the next decision's: nothing is lost, ids stay the same."""
    configure(f'a kind="webhook"; url="{server.url("/hang")}"')
    monkeypatch.setattr(begin, "after_commit", AFTER_COMMIT)
    say(root)  # returns although the receiver hangs
    (first,) = server.wait("/hang")
    outbox = Outbox(Workspace.open(root, is_read_only=True).id, "alice")
    assert outbox.is_tended()
    (child,) = [one for one in processes._STARTED if one.poll() is None]
    os.kill(child.pid, signal.SIGKILL)
    child.wait(PATIENCE_S)
    server.free.set()
    say(root, "@bob more")
    again = server.wait("/hang", 3)[1:]
    until(lambda: not outbox.look().pending)
    assert {one.id for one in again} > {first.id}
    assert [one["outcome"] for one in outbox.look().log] == ["delivered", "delivered"]


def test_only_one_process_delivers(root: Path, server: Receiver, configure: Configure) -> None:
    """A second one ends at once, and leaves word that there is something new."""
    configure(f'a kind="webhook"; url="{server.url("/hang")}"')
    say(root)
    thread = threading.Thread(target=deliver, args=(root,))
    thread.start()
    server.wait("/hang")
    command = processes.command("notify", ["--workspace", str(root), "--member", "alice"])
    done = subprocess.run(
        command, env=processes.environment(), timeout=PATIENCE_S, check=False, capture_output=True
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert len(server.got) == 1
    server.free.set()
    thread.join(PATIENCE_S)


def test_entries_that_come_while_the_last_one_ends_are_not_left(
    root: Path, server: Receiver, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever finds the lock taken leaves word, which is looked for after giving it back."""
    configure(f'a kind="webhook"; url="{server.url("/ok")}"')
    say(root)
    made = Delivering(root, "alice")
    ends: list[int] = []

    def late(self: Delivering) -> None:
        if not ends:
            ends.append(1)
            say(root, "@bob late")
            self.outbox.wake()

    monkeypatch.setattr(Delivering, "_end_threads", late)
    made.run()
    server.wait("/ok", 2)


def test_commands_show_agree_test_and_send(
    root: Path, server: Receiver, configure: Configure, inside: Inside
) -> None:
    """Each with its exit code; no secret is shown."""
    inside("notify", "status")
    inside("notify", "test", expect=3)
    inside("notify", "send", expect=6)
    configure(
        f'good kind="webhook"; url="{server.url("/ok")}"',
        f'bad kind="webhook"; url="{server.url("/away")}"',
        trust=False,
    )
    assert "notify trust bad" in inside("notify", "status")
    inside("notify", "trust", "nobody", expect=3)
    assert "/away" in inside("notify", "trust")
    tested = inside.json("notify", "test", expect=12)
    assert [one["delivered"] for one in tested] == [True, False]
    inside("notify", "test", "good")
    say(root)
    left = inside.json("notify", "send", "--patience", "0", expect=12)
    assert [one["receiver"] for one in left["waiting"]] == ["bad"]
    assert "not followed" in inside("notify", "status")
    configure(f'good kind="webhook"; url="{server.url("/ok")}"')
    inside("notify", "send")
    say(root)
    assert "Nothing waits" in inside("notify", "send")
    (root / "modeldeck.toml").write_text(
        (root / "modeldeck.toml").read_text().replace("good", "GOOD")
    )
    inside("notify", "status", expect=4)


def test_watch_delivers_as_things_happen_until_it_is_stopped(
    root: Path, server: Receiver, configure: Configure
) -> None:
    """A remark of another process is told within moments; SIGTERM ends it with code 0."""
    configure(f'a kind="webhook"; url="{server.url("/ok")}"', top='sender = "alice"')
    environment = {**processes.environment(), "MODELDECK_USER": "alice"}
    command = [sys.executable, "-P", "-m", "modeldeck_tui.cli", "-w", str(root), "--json"]
    process = subprocess.Popen(
        [*command, "notify", "watch"], env=environment, stdout=subprocess.PIPE, text=True
    )
    outbox = Outbox(Workspace.open(root, is_read_only=True).id, "alice")
    until(outbox.is_tended)
    say(root, user="carol")
    server.wait("/ok")
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["outcome"] == "delivered"
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0
    process.stdout.close()
