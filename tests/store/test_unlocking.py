"""Signing with keys that are locked: agents, passphrases, touches, at a screen and a terminal."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from modeldeck.domain.membership.questions import Question
from modeldeck.errors import NotPermittedError
from modeldeck.store.keys.answers import asked_once, remembered
from modeldeck.store.signing import Signer, signer_from_file
from modeldeck.store.verifying import verify
from tests.store.agents import hold, make_key, running_agent

pytestmark = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="ssh-keygen (openssh-client) is not installed"
)

SECRET = "correct horse\tbattery ☂"
CHILD = """
import sys
from modeldeck.errors import ModelDeckError
from modeldeck.store.signing import signer_from_file
try:
    signature = signer_from_file(sys.argv[1]).sign(b"x", may_ask=True)
    print("SIGNED" if "BEGIN SSH" in signature else "?")
except ModelDeckError as error:
    print("REFUSED", error)
except KeyboardInterrupt:
    print("INTERRUPTED")
"""


class Person:
    """Answers questions, one after the other, and keeps them."""

    def __init__(self, *answers: str | None) -> None:
        self.answers = list(answers)
        self.asked: list[Question] = []

    def ask(self, question: Question, is_withdrawn: Callable[[], bool]) -> str | None:
        self.asked.append(question)
        return self.answers.pop(0)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Signer]:
    """Return a plain key and one with a passphrase."""
    folder = tmp_path_factory.mktemp("keys")
    made = {name: make_key(folder, name, said) for name, said in (("plain", ""), ("own", SECRET))}
    return {name: signer_from_file(path) for name, path in made.items()}


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Have temporary files in a folder of the test's own, with no agent; nothing may stay there."""
    folder = Path(tempfile.mkdtemp(prefix="t-"))  # a socket's path may not be long
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    yield folder
    left = sorted(folder.rglob("*"))
    shutil.rmtree(folder)
    assert left == []


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch, places: Path) -> Iterator[str]:
    """Run an agent without keys."""
    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "tempdir", None)
        with running_agent() as socket:
            monkeypatch.setenv("SSH_AUTH_SOCK", socket)
            yield socket


def holds(signer: Signer, signature: str) -> bool:
    """Say whether a signature verifies."""
    return verify(b"x", signature, key=signer.public)


def test_key_without_passphrase_asks_nobody(keys: dict[str, Signer]) -> None:
    """No agent, a plain file: signed at once."""
    person = Person()
    assert holds(keys["plain"], keys["plain"].sign(b"x", may_ask=False, asker=person))
    assert person.asked == []


def test_key_in_an_agent_asks_nobody(keys: dict[str, Signer], agent: str) -> None:
    """The file is encrypted, the agent holds the key."""
    own = keys["own"]
    hold(own.path, SECRET)
    person = Person()
    assert holds(own, own.sign(b"x", may_ask=False, asker=person))
    assert holds(own, Signer(own.public, f"{own.path}.pub").sign(b"x", may_ask=False))
    assert holds(own, Signer(own.public).sign(b"x", may_ask=False))
    assert person.asked == []


@pytest.mark.parametrize("has_agent", [False, True])
def test_passphrase_is_asked_at_the_screen(
    keys: dict[str, Signer], has_agent: bool, request: pytest.FixtureRequest
) -> None:
    """Without an agent, and with one that holds other keys; the question names the key."""
    if has_agent:
        request.getfixturevalue("agent")
        hold(keys["plain"].path)
    own, person = keys["own"], Person(SECRET)
    assert holds(own, own.sign(b"x", may_ask=False, asker=person))
    (question,) = person.asked
    assert (question.fingerprint, question.path) == (own.fingerprint, own.path)
    assert question.has_answer
    assert "passphrase" in question.prompt


def test_agent_that_is_gone_is_as_none(
    keys: dict[str, Signer], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A forwarded agent whose connection broke leaves its variable behind."""
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "gone"))
    assert holds(keys["own"], keys["own"].sign(b"x", may_ask=False, asker=Person(SECRET)))


def test_wrong_passphrase_is_asked_again_up_to_three_times(keys: dict[str, Signer]) -> None:
    """The third one counts still; after three wrong ones nothing is signed."""
    person = Person("wrong", "", SECRET)
    assert holds(keys["own"], keys["own"].sign(b"x", may_ask=False, asker=person))
    assert [one.attempt for one in person.asked] == [1, 2, 3]
    with pytest.raises(NotPermittedError, match="wrong 3 times"):
        keys["own"].sign(b"x", may_ask=False, asker=Person("a", "b", "c"))


@pytest.mark.parametrize("answers", [(None,), ("wrong", None)])
def test_cancelled_question_signs_nothing(
    keys: dict[str, Signer], answers: tuple[str | None, ...]
) -> None:
    """At the first question, and at a later one."""
    person = Person(*answers)
    with pytest.raises(NotPermittedError, match="cancelled") as caught:
        keys["own"].sign(b"x", may_ask=False, asker=person)
    assert caught.value.hint == "Nothing was written."
    assert person.answers == []


def test_passphrase_is_asked_once_for_all_that_one_deed_signs(keys: dict[str, Signer]) -> None:
    """A wrong one is not remembered, a right one is until the end; a thread begins anew."""
    own, person = keys["own"], Person("wrong", SECRET, SECRET)
    with asked_once(), asked_once():
        for _ in range(3):
            assert holds(own, own.sign(b"x", may_ask=False, asker=person))
        assert len(person.asked) == 2
        found: list[str | None] = []
        thread = threading.Thread(target=lambda: found.append(remembered(own.fingerprint)))
        thread.start()
        thread.join()
        assert (found, remembered(own.fingerprint)) == ([None], SECRET)
    assert remembered(own.fingerprint) is None
    assert holds(own, own.sign(b"x", may_ask=False, asker=person))
    assert len(person.asked) == 3


def test_passphrase_that_changed_meanwhile_is_asked_again(tmp_path: Path) -> None:
    """What is remembered opens nothing any more: it is forgotten, and the person asked."""
    own, person = signer_from_file(make_key(tmp_path, "own", SECRET)), Person(SECRET, "new one")
    with asked_once():
        own.sign(b"x", may_ask=False, asker=person)
        change = ["ssh-keygen", "-q", "-p", "-f", own.path, "-P", SECRET, "-N", "new one", "-a1"]
        subprocess.run(change, check=True, stdin=subprocess.DEVNULL, capture_output=True)
        assert holds(own, own.sign(b"x", may_ask=False, asker=person))
        assert holds(own, own.sign(b"x", may_ask=False, asker=person))
    assert [one.attempt for one in person.asked] == [1, 1]


def test_locked_key_with_nobody_to_ask_says_what_to_do(keys: dict[str, Signer]) -> None:
    """As in a script: the hint names ssh-add."""
    with pytest.raises(NotPermittedError, match="nobody can be asked") as caught:
        keys["own"].sign(b"x", may_ask=False)
    assert f"ssh-add {keys['own'].path}" in caught.value.hint


def test_public_half_alone_says_where_the_private_one_is_missed(
    keys: dict[str, Signer], tmp_path: Path
) -> None:
    """A public key whose agent is not there."""
    shutil.copy(f"{keys['own'].path}.pub", tmp_path / "mine.pub")
    signer = signer_from_file(str(tmp_path / "mine.pub"))
    with pytest.raises(NotPermittedError, match="neither here nor in an agent"):
        signer.sign(b"x", may_ask=False, asker=Person())


FAKE = """#!/bin/sh
# A key that is to be touched: says so in a helper of its own until somebody did.
SSH_ASKPASS_PROMPT=none "$SSH_ASKPASS" "Confirm user presence for key ED25519-SK" &
helper=$!
trap 'kill $helper; wait $helper; exit 143' TERM
until test -e "$TOUCHED"; do read -r _ < "$WAITS" || :; done
kill $helper; wait $helper
echo "-----BEGIN SSH SIGNATURE-----"
"""


class Toucher:
    """Sees the notice, and touches the key or cancels."""

    def __init__(self, folder: Path, *, cancels: bool) -> None:
        self.folder, self.cancels = folder, cancels
        self.asked: list[Question] = []

    def ask(self, question: Question, is_withdrawn: Callable[[], bool]) -> str | None:
        self.asked.append(question)
        if self.cancels:
            return None
        (self.folder / "touched").touch()
        (self.folder / "waits").write_text("\n")
        deadline = time.monotonic() + 20
        while not is_withdrawn():
            assert time.monotonic() < deadline
            os.sched_yield()
        return ""


@pytest.mark.parametrize("cancels", [False, True])
def test_hardware_key_says_that_it_wants_to_be_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cancels: bool
) -> None:
    """The notice goes away when it was touched; cancelled, nothing is signed."""
    program = tmp_path / "ssh-keygen"
    program.write_text(FAKE)
    program.chmod(0o700)
    os.mkfifo(tmp_path / "waits")
    keep = os.open(tmp_path / "waits", os.O_RDWR)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("TOUCHED", str(tmp_path / "touched"))
    monkeypatch.setenv("WAITS", str(tmp_path / "waits"))
    person = Toucher(tmp_path, cancels=cancels)
    signer = Signer("sk-ssh-ed25519@openssh.com AAAA", str(tmp_path / "id_sk"))
    try:
        if cancels:
            with pytest.raises(NotPermittedError, match="cancelled"):
                signer.sign(b"x", may_ask=False, asker=person)
        else:
            assert "BEGIN SSH SIGNATURE" in signer.sign(b"x", may_ask=False, asker=person)
    finally:
        os.close(keep)
    assert [one.has_answer for one in person.asked] == [False]
    assert "presence" in person.asked[0].prompt


def at_terminal(path: str, *typed: bytes) -> str:
    """Sign at a terminal of its own, answering each question; return all that stood there."""
    pid, descriptor = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-P", "-c", CHILD, path])  # noqa: S606 -- the program under test
    shown, answers = b"", list(typed)
    deadline = time.monotonic() + 60
    asked = 0
    while time.monotonic() < deadline:
        if not select.select([descriptor], [], [], 1)[0]:
            continue
        try:
            shown += os.read(descriptor, 4096)
        except OSError:
            break
        if answers and shown.count(b"Enter passphrase") > asked:
            asked = shown.count(b"Enter passphrase")
            os.write(descriptor, answers.pop(0))
    os.waitpid(pid, 0)
    os.close(descriptor)
    return shown.decode()


def test_passphrase_is_asked_at_the_terminal_of_a_command(keys: dict[str, Signer]) -> None:
    """A wrong one is asked again; the key is named, what is typed is not shown."""
    shown = at_terminal(keys["own"].path, b"wrong\n", f"{SECRET}\n".encode())
    assert "SIGNED" in shown
    assert shown.count(f"Signing with {keys['own'].path} ({keys['own'].fingerprint})") == 2
    assert SECRET not in shown


def test_interrupt_at_the_terminal_signs_nothing(keys: dict[str, Signer]) -> None:
    """^C at the question ends the command."""
    shown = at_terminal(keys["own"].path, b"\x03")
    assert "INTERRUPTED" in shown
    assert "SIGNED" not in shown
