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
        "The policy against modeldeck.toml, what owners propose, and who the members are",
        "modeldeck policy check; modeldeck member list",
        does="page('policy')",
    ),
)
"""The ways there, from everywhere."""

TALKING = (
    action(
        "app.resolve",
        "ctrl+t",
        "resolve",
        "Resolve the thread under the cursor, or open it again",
        "modeldeck thread resolve THREAD; modeldeck thread reopen THREAD",
        danger=1,
        needs="thread",
    ),
    action(
        "app.reword",
        "ctrl+y",
        "edit",
        "Edit your remark under the cursor; the earlier text stays readable",
        "modeldeck annotation edit REMARK TEXT",
        danger=1,
        needs="own_remark",
    ),
)
"""What can be done with what others said."""

REVIEW = (
    action(
        "review.override",
        "o",
        "override",
        "Override failed checks of a blocked release, with a reason",
        "modeldeck release override RELEASE --check NAME --reason TEXT",
        danger=3,
        needs="can_override",
    ),
)
"""What can be done about a release whose gate blocks it."""

DEPLOYMENTS = (
    action(
        "deployments.review_glass",
        "a",
        "review",
        "Review that the glass of the endpoint was broken, with what you found",
        "modeldeck deploy review ENDPOINT --reason TEXT",
        danger=2,
        needs="can_review_glass",
    ),
    action(
        "deployments.break_glass",
        "exclamation_mark",
        "break glass",
        "In an emergency: back to any version that was live there, without votes",
        "modeldeck release break-glass ENDPOINT --to VERSION --reason TEXT",
        danger=3,
        needs="can_break_glass",
    ),
)
"""What can be done in an emergency, and after it."""

MODELS = (
    action(
        "models.revoke",
        "X",
        "revoke",
        "Revoke the version for good: it may go live nowhere any more",
        "modeldeck model revoke VERSION --reason TEXT",
        danger=3,
        needs="can_revoke",
    ),
)
"""What can be done about a bad version."""

_SUPPORT = (
    "support",
    "Support the owners' proposal under the cursor",
    "modeldeck member support PROPOSAL",
)
_WITHDRAW = (
    "withdraw",
    "Withdraw the owners' proposal under the cursor: yours, or as an owner",
    "modeldeck member withdraw PROPOSAL",
)
POLICY = (
    action("policy.support", "a", *_SUPPORT, danger=2, needs="proposal"),
    action("policy.withdraw", "w", *_WITHDRAW, danger=2, needs="can_withdraw_proposal"),
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
