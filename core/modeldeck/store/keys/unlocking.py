"""Signing with keys that may be locked: by an agent, without a question, or with one.

An agent that holds the key, forwarded or not, signs by itself. What a file holds without a
passphrase signs too. Only then somebody is asked, up to three times, at the screen or at the
terminal of the command, and once for all that one deed signs (:mod:`modeldeck.store.keys.answers`);
a hardware key always has something to say: that it wants to be touched.
"""

from __future__ import annotations

from dataclasses import replace

from modeldeck.domain.membership import keys
from modeldeck.domain.membership.questions import Asker, Question
from modeldeck.errors import NotPermittedError
from modeldeck.store.keys import answers, running
from modeldeck.store.keys.running import Done

TRIES = 3
"""How often a passphrase is asked for."""

_LOCKED = (b"incorrect passphrase", b"incorrect pin", b"pin incorrect", b"pin required")
_NO_FILE = (b"no private key found", b"couldn't load public key", b"no such file")


def sign(
    arguments: list[str],
    payload: bytes,
    *,
    public: str,
    path: str,
    may_ask: bool,
    asker: Asker | None,
) -> str:
    """Run ``ssh-keygen -Y sign``; return the armoured signature.

    Parameters
    ----------
    arguments : list of str
        Of ``ssh-keygen``.
    payload : bytes
        What is signed.
    public, path : str
        The key, and its file if it has one.
    may_ask : bool
        Whether it may ask at the terminal.
    asker : Asker or None
        Asks at the screen, so that no terminal is needed.

    Raises
    ------
    NotPermittedError, UnavailableError
        It could not be signed, or the person cancelled.
    """
    is_hardware = keys.is_hardware(public)
    about = Question("", keys.fingerprint(public), path=path, is_hardware=is_hardware)
    done = None
    if not is_hardware or (asker is None and not may_ask):
        done = running.keygen(arguments, payload, may_ask=False)
    if done is None or (_is_locked(done) and (may_ask or asker is not None)):
        done = _with_questions(arguments, payload, about=about, asker=asker)
    if done.returncode or b"BEGIN SSH SIGNATURE" not in done.stdout:
        raise _failure(done, about, has_asked=may_ask or asker is not None)
    return done.stdout.decode()


def _with_questions(
    arguments: list[str], payload: bytes, *, about: Question, asker: Asker | None
) -> Done:
    known = None if about.is_hardware else answers.remembered(about.fingerprint)
    if known is not None:
        done = running.asked(arguments, payload, asker=answers.Given(known), about=about)
        if not _is_locked(done):
            return done
        answers.remember(about.fingerprint, None)
    attempt = 1
    while True:
        done = _asked(arguments, payload, about=replace(about, attempt=attempt), asker=asker)
        if not _is_locked(done) or attempt == TRIES:
            return done
        attempt += 1


def _asked(arguments: list[str], payload: bytes, *, about: Question, asker: Asker | None) -> Done:
    """Run ``ssh-keygen`` with one answer of the person's, at the screen or at the terminal."""
    if asker is None:
        name = about.path or "the key"
        touch = " Touch it when it asks for that." if about.is_hardware else ""
        running.tell_terminal(f"Signing with {name} ({about.fingerprint}).{touch}")
        if about.is_hardware:  # a token asks for what it needs itself
            return running.keygen(arguments, payload, may_ask=True)
        asker = answers.Given(running.ask_terminal(f"Enter passphrase for {name}: "))
    heard = answers.Heard(asker)
    done = running.asked(arguments, payload, asker=heard, about=about)
    if not done.returncode and not about.is_hardware:
        answers.remember(about.fingerprint, heard.answer)
    return done


def _is_locked(done: Done) -> bool:
    """Say whether a key stayed locked: without a passphrase, by a wrong one, by a wrong PIN."""
    said = done.stderr.lower()
    return bool(done.returncode) and any(one in said for one in _LOCKED)


def _failure(done: Done, about: Question, *, has_asked: bool) -> NotPermittedError:
    name = about.path or about.fingerprint
    if _is_locked(done) and has_asked:
        msg = f"The passphrase of {name} was wrong {TRIES} times."
        return NotPermittedError(msg, "Nothing was written.")
    if _is_locked(done):
        msg = f"The key {name} has a passphrase, no agent holds it, and nobody can be asked here."
        return NotPermittedError(msg, f"Nothing was written. Put it into an agent: ssh-add {name}")
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    msg = f"Signing with {name} failed: {(lines or ['?'])[-1]}"
    if any(one in done.stderr.lower() for one in _NO_FILE):
        msg = f"The private key of {name} ({about.fingerprint}) is neither here nor in an agent."
    hint = "Nothing was written. Put the key into an agent (ssh-add), or name another one."
    return NotPermittedError(msg, hint)
