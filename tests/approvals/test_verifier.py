"""The fast verifier beside ``ssh-keygen``, names that are patterns, and ten thousand votes."""

from __future__ import annotations

import base64
import random
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modeldeck import ids
from modeldeck.errors import InvalidInputError
from modeldeck.store.ledger import Ledger
from modeldeck.store.verifying import Verifier, key_in, verifier, verify
from tests.approvals import keys
from tests.approvals.keys import EVERY, Key, armoured, mpint, string
from tests.approvals.signed import Signed, many_votes

FAST = tuple(one for one in EVERY if one not in {"sk", "rsa1024"})
_ORDER = 2**252 + 27742317777372353535851937790883648493

Case = tuple[bytes, str]
Change = Callable[[bytes, str, Key, random.Random], Case]


def _blob(signature: str) -> bytes:
    return base64.b64decode("".join(signature.splitlines()[1:-1]))


def _payload(payload: bytes, signature: str, _: Key, rng: random.Random) -> Case:
    at = rng.randrange(len(payload))
    return payload[:at] + bytes([payload[at] ^ 1 << rng.randrange(8)]) + payload[
        at + 1 :
    ], signature


def _byte(payload: bytes, signature: str, _: Key, rng: random.Random) -> Case:
    blob = bytearray(_blob(signature))
    blob[rng.randrange(len(blob))] ^= 1 << rng.randrange(8)
    return payload, armoured(bytes(blob))


def _cut(payload: bytes, signature: str, _: Key, rng: random.Random) -> Case:
    blob = _blob(signature)
    return payload, armoured(rng.choice([blob[: rng.randrange(len(blob))], blob + b"\0"]))


def _text(payload: bytes, signature: str, _: Key, rng: random.Random) -> Case:
    at = rng.randrange(len(signature))
    odd = rng.choice(["", " ", "\n", "=", "\r\n", "A", "é"])
    return payload, signature[:at] + odd + signature[at + rng.choice([0, 1]) :]


def _namespace(payload: bytes, _: str, key: Key, rng: random.Random) -> Case:
    return payload, key.sign(payload, rng.choice([b"file", b"git", b"", b"modeldeck-approval\0"]))


def _hash(payload: bytes, _: str, key: Key, rng: random.Random) -> Case:
    return payload, key.sign(payload, hash_name=rng.choice(["sha256", "sha1", "md5", "sha384"]))


def _other_key(payload: bytes, signature: str, key: Key, _: random.Random) -> Case:
    other = keys.make("ed25519")
    return payload, armoured(_blob(signature).replace(string(key.blob), string(other.blob)))


def _numbers(payload: bytes, signature: str, key: Key, rng: random.Random) -> Case:
    """Write the numbers of a signature in another form, or as others that may verify too."""
    blob = _blob(signature)
    inner = key.inner(b"other bytes") if rng.random() < 0.3 else _inner(blob)
    kind, value = _split(inner)
    odd = rng.choice(
        [
            value[:32] + (int.from_bytes(value[32:64], "little") + _ORDER).to_bytes(33, "little"),
            value[:32] + _raised(value),
            b"\0" + value,
            value[:-1],
            mpint(0) + mpint(1),
            string(b"\0\0" + value[4:36]) + value[36:],
        ]
    )
    made = string(kind) + string(odd)
    return payload, armoured(blob[: -len(string(inner))] + string(made))


def _raised(value: bytes) -> bytes:
    """Return S + L in as many bytes: the same signature, for who does not look at S."""
    return (int.from_bytes(value[32:64], "little") + _ORDER).to_bytes(40, "little")[:32]


def _inner(blob: bytes) -> bytes:
    at = 10
    for _ in range(4):
        at += 4 + int.from_bytes(blob[at : at + 4])
    return blob[at + 4 :]


def _split(inner: bytes) -> tuple[bytes, bytes]:
    size = int.from_bytes(inner[:4])
    return inner[4 : 4 + size], inner[8 + size :]


def _algorithm(payload: bytes, signature: str, _: Key, rng: random.Random) -> Case:
    blob = _blob(signature)
    inner = _inner(blob)
    name = rng.choice([b"ssh-rsa", b"rsa-sha2-256", b"ssh-ed25519", b"ecdsa-sha2-nistp256", b""])
    made = string(name) + string(_split(inner)[1])
    return payload, armoured(blob[: -len(string(inner))] + string(made))


def _good(payload: bytes, signature: str, _: Key, __: random.Random) -> Case:
    return payload, signature


CHANGES: tuple[Change, ...] = (
    _good,
    _payload,
    _byte,
    _cut,
    _text,
    _namespace,
    _hash,
    _other_key,
    _numbers,
    _algorithm,
)


def test_signature_that_ssh_keygen_takes_in_another_form_is_none() -> None:
    """Of what it does not look at, a version below its own and the reserved field, none differs."""
    key = keys.make("ed25519")
    signature = key.sign(b"payload")
    blob = _blob(signature)
    older = armoured(blob[:6] + b"\0\0\0\0" + blob[10:])
    at = 10 + len(string(key.blob)) + len(string(keys.NAMESPACE))
    filled = armoured(blob[:at] + string(b"more") + blob[at + 4 :])
    one = Verifier(None)
    assert one.key(b"payload", signature, keys=[key.public]) == key.public
    for other in (older, filled):
        assert verify(b"payload", other, key=key.public)
        assert one.key(b"payload", other, keys=[key.public]) == ""


@pytest.mark.parametrize(
    "n_times", [60, pytest.param(10_000, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])]
)
def test_fast_verifier_vouches_for_nothing_that_ssh_keygen_refuses(
    rng: random.Random, seed: int, n_times: int
) -> None:
    """Good and bad signatures of every kind of key: what holds here holds there."""
    pool = {kind: keys.make(kind) for kind in EVERY}
    n_good = 0
    for count in range(n_times):
        kind, change = EVERY[count % len(EVERY)], CHANGES[(count // 2) % len(CHANGES)]
        payload = rng.randbytes(rng.randrange(1, 200))
        case = change(payload, pool[kind].sign(payload), pool[kind], rng)
        vouched, named = verifier.vouches(*case), key_in(case[1])
        accepted = bool(named) and verify(*case, key=named)
        about = f"seed {seed}, case {count}: {kind}, {change.__name__}"
        assert accepted or not vouched, about
        assert accepted or change is not _good, about
        assert vouched or kind not in FAST or change is not _good, about
        n_good += accepted
    assert 0 < n_good < n_times


def counted(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return a list that gets a line for each process that is started."""
    calls: list[object] = []
    real = subprocess.run

    def run(*args: Any, **options: Any) -> subprocess.CompletedProcess[bytes]:  # noqa: ANN401 -- as the original
        calls.append(args)
        return real(*args, **options)

    monkeypatch.setattr(subprocess, "run", run)
    return calls


@pytest.mark.parametrize("kind", FAST)
def test_signature_of_a_common_key_starts_no_process(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first few are asked of ssh-keygen, whatever is behind them is checked here."""
    key, known = keys.make(kind), Verifier(None)
    signatures = [(b"%d" % n, key.sign(b"%d" % n)) for n in range(verifier.FEW + 20)]
    calls = counted(monkeypatch)
    for payload, signature in signatures:
        assert known.key(payload, signature, keys=(key.public,)) == key.public
    assert len(calls) == verifier.FEW
    assert known.key(b"other", signatures[0][1], keys=(key.public,)) == ""
    assert len(calls) == verifier.FEW + 1


def test_machine_without_the_library_verifies_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where cryptography cannot be loaded, ssh-keygen is asked for everything."""
    monkeypatch.setitem(__import__("sys").modules, "cryptography.exceptions", None)
    key, known = keys.make("ed25519"), Verifier(None)
    for n in range(verifier.FEW + 3):
        payload = b"%d" % n
        assert known.key(payload, key.sign(payload), keys=(key.public,)) == key.public


def test_line_of_the_cache_that_was_torn_spoils_no_other(tmp_path: Path) -> None:
    """A writer that was killed after one byte of a bad verdict makes the next one no bad one."""
    cache, key = tmp_path / "signatures", keys.make("ed25519")
    cache.write_text("!")
    signature = key.sign(b"x")
    assert Verifier(cache).key(b"x", signature, keys=(key.public,)) == key.public
    again = Verifier(cache)
    assert again.key(b"x", signature, keys=(key.public,)) == key.public
    assert len(cache.read_text().split()) == 2


def _odd_names(rng: random.Random) -> list[str]:
    known = [
        "*",
        "*@team",
        "ca?ol",
        "carol,dave",
        "!carol",
        "-n",
        "-f/etc/passwd",
        "carol\ndave",
        "carol dave",
        'carol namespaces="file"',
        "carol cert-authority",
        "#carol",
        "carol\0",
        "carol\tdave",
        '"carol"',
        "сarol",
        "carol\u200b",
        "",
        "c" * 300,
    ]
    letters = 'carol*?!,"-# \n\t=@\\'
    while len(known) < 200:
        name = "".join(rng.choice(letters) for _ in range(rng.randrange(1, 12)))
        if set(name) & set('*?!,"# \n\t=@\\'):
            known.append(name)
    return known


def test_name_that_is_a_pattern_an_option_or_a_list_is_no_members(rng: random.Random) -> None:
    """Two hundred names that an allowed-signers file would read as something else are refused."""
    for name in _odd_names(rng):
        with pytest.raises(InvalidInputError):
            ids.check_name(name, "a member")


def test_wildcard_principal_in_a_workspace_makes_nobody_somebody(
    world: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lists of signers that lie in the workspace, or in the user's home, are never read."""
    stranger = keys.make("ed25519")
    line = f"* {stranger.public}\n"
    for name in ("allowed_signers", ".modeldeck/allowed_signers", ".ssh/allowed_signers"):
        path = world.root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(line)
    monkeypatch.setenv("HOME", str(world.root))
    release = world.waiting()
    done = world.write(world.signed(world.ballot(release, "carol"), stranger))
    assert "does not verify under a key of its author" in done.reason
    body = {**world.joining("*"), "name": "*"}
    assert world.fold(world.intent("ann", "member.add", "member:*", body)).is_void


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_ten_thousand_signed_votes_start_a_handful_of_processes_once(
    memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two hundred releases with fifty votes each; ``make bench ONLY=votes`` takes the time."""
    world = Signed(memory / "ws")
    many_votes(world, people=50, releases=200)
    calls = counted(monkeypatch)
    for _ in range(2):
        ledger = Ledger(world.root, Verifier(memory / "signatures"))
        ledger.refresh()
        assert not any(one.is_void for one in ledger.state.activity)
        assert ledger.state.n > 10_000
        assert len(calls) == verifier.FEW
    assert world.pointer == "churn@200"
