"""Verifying signatures by SSH key: what was verified once is remembered, the rest is checked fast.

``sshsig`` reads the format, ``quick`` checks common keys in this process, ``verifier`` asks
``ssh-keygen`` for all that ``quick`` does not vouch for, and remembers the verdicts.
"""

from __future__ import annotations

from modeldeck.store.verifying.sshsig import key_in
from modeldeck.store.verifying.verifier import Verifier, verify

__all__ = ["Verifier", "key_in", "verify"]
