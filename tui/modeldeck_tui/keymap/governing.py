"""The part of the table of keys about the inbox, the policy, and what owners propose."""

from __future__ import annotations

from modeldeck_tui.keymap.action import action

WAYS = (
    action(
        "app.inbox",
        "I",
        "inbox",
        "What waits for you, what you wait for, what ends soon",
        "modeldeck inbox --all",
        does="page('inbox')",
    ),
    action(
        "app.policy",
        "J",
        "policy",
        "The policy: modeldeck.toml against what is in force, and what owners propose",
        "modeldeck policy check",
        does="page('policy')",
    ),
)
"""The ways there, from everywhere."""

_SUPPORT = (
    "support",
    "Support the owners' proposal under the cursor",
    "modeldeck member support PROPOSAL",
)
POLICY = (
    action("policy.support", "a", *_SUPPORT, danger=2, needs="proposal"),
    action(
        "policy.propose",
        "p",
        "propose",
        "Propose the policy of modeldeck.toml to the owners",
        "modeldeck policy adopt",
        danger=2,
    ),
)
"""What can be done on the page of the policy."""
