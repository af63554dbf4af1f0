"""The policy: environments in order, what each asks of a release, and the gates.

It is read from the tables of ``modeldeck.toml``, adopted by an entry, and from then on only the
adopted one counts. Its parts are in :mod:`modeldeck.domain.policies`.
"""

from __future__ import annotations

from modeldeck.domain.policies.entries import CHECK_KINDS, policy_from_json, policy_problem
from modeldeck.domain.policies.environments import BreakGlass, Check, Environment, Policy
from modeldeck.domain.policies.tables import policy_from_table, seconds, span_s

__all__ = [
    "CHECK_KINDS",
    "BreakGlass",
    "Check",
    "Environment",
    "Policy",
    "policy_from_json",
    "policy_from_table",
    "policy_problem",
    "seconds",
    "span_s",
]
