"""Signatures of hardware keys: verified by ``ssh-keygen`` like any other."""

from __future__ import annotations

import shutil

import pytest

from modeldeck.domain.membership import keys
from modeldeck.store.verifying import Verifier, key_in, verify
from tests.store.tokens import Token

pytestmark = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="ssh-keygen (openssh-client) is not installed"
)


@pytest.mark.parametrize(
    "kind", ["sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"]
)
def test_signature_of_a_hardware_key_verifies_under_it_alone(kind: str) -> None:
    """Its key is taken and found; another payload, namespace or key is refused."""
    token, other = Token(kind), Token(kind)
    signature = token.sign(b"approve")
    assert keys.parse(f"{token.public} ann@token") == token.public
    assert key_in(signature) == token.public
    assert verify(b"approve", signature, key=token.public)
    assert not verify(b"approved", signature, key=token.public)
    assert not verify(b"approve", signature, key=other.public)
    assert not verify(b"approve", token.sign(b"approve", "git"), key=token.public)
    held = (other.public, token.public)
    assert Verifier(None).key(b"approve", signature, keys=held) == token.public
    assert Verifier(None).key(b"approve", signature, keys=(other.public,)) == ""
