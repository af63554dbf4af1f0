"""Going past a rule, or back in an emergency: overrides, broken glass, revoked versions.

All of them show what will be recorded and want a reason; what changes what serves, or cannot be
taken back, wants a word typed too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from modeldeck.domain.documents import EndpointDocument, ReleaseDocument, VersionDocument
from modeldeck.services.governing.statements import Recorded, Statement
from modeldeck_tui.clean import clean
from modeldeck_tui.present.governing import exceptional as present
from modeldeck_tui.screens.base import Page
from modeldeck_tui.screens.overlays.dialogs import PickDialog
from modeldeck_tui.screens.overlays.stating import Signed, StatementDialog


class Excepting(Page):
    """A page with releases, endpoints or versions under its cursor."""

    def action_override(self) -> None:
        """Ask which failed checks of a blocked release to override, then for the statement."""
        release: ReleaseDocument | None = self.document()
        if release is None:
            return
        left = self.workspace.exceptional.checks(release["id"])
        choices = [("", f"all {len(left)} of them"), *((one, one) for one in left)]

        def chosen(check: str | None) -> None:
            if check is not None:
                self._override(release, [check] if check else left)

        if len(left) == 1:
            chosen(left[0])
        else:
            self.app.push_screen(
                PickDialog(f"OVERRIDE  which check of {release['id']}?", choices), chosen
            )

    def _override(self, release: ReleaseDocument, checks: Sequence[str]) -> None:
        name, exceptional = release["id"], self.workspace.exceptional
        named = "".join(f" --check {one}" for one in checks)
        self._state(
            f"OVERRIDE  {name}",
            present.overriding(release, checks),
            prepare=lambda: exceptional.overriding(name, checks, expect=release["basis"]),
            verb="Override",
            word=_word(release["version"]) if self.is_last(release["environment"]) else "",
            done=f"You overrode {', '.join(checks)} of {name}.",
            command=f"modeldeck release override {name}{named}",
        )

    def action_break_glass(self) -> None:
        """Ask for a version that was live, then for the word, and go back to it at once."""
        endpoint: EndpointDocument | None = self.endpoint_here()
        if endpoint is None:
            return
        name = endpoint["id"]
        choices = [(one, one) for one in self.workspace.exceptional.targets(name)]

        def chosen(version: str | None) -> None:
            if version:
                self._break(endpoint, version)

        if len(choices) == 1:
            chosen(choices[0][0])
        else:
            self.app.push_screen(
                PickDialog(f"BREAK THE GLASS  of {name}: back to?", choices), chosen
            )

    def _break(self, endpoint: EndpointDocument, version: str) -> None:
        name, exceptional = endpoint["id"], self.workspace.exceptional
        self._state(
            f"BREAK THE GLASS  {name}",
            [
                f"It serves {endpoint['version']} now, and will serve {version} within seconds.",
                "Nobody votes on it. Another person has to review it afterwards.",
            ],
            prepare=lambda: exceptional.breaking(name, version),
            verb="Break the glass",
            word=_word(version),
            done=f"{name} goes back to {version}; somebody else has to review that.",
            command=f"modeldeck release break-glass {name} --to {version}",
        )

    def action_review_glass(self) -> None:
        """Ask what was found, and record the review of broken glass."""
        endpoint: EndpointDocument | None = self.endpoint_here()
        if endpoint is None or "glass" not in endpoint:
            return
        name, exceptional = endpoint["id"], self.workspace.exceptional
        self._state(
            f"REVIEW THE BROKEN GLASS  {name}",
            present.broken(endpoint["glass"]),
            prepare=lambda: exceptional.reviewing(name),
            verb="Reviewed",
            done=f"You reviewed the broken glass of {name}.",
            command=f"modeldeck deploy review {name}",
        )

    def action_revoke(self) -> None:
        """Ask for the word, and revoke a version for good."""
        version: VersionDocument | None = self.document()
        if version is None:
            return
        name, exceptional = version["id"], self.workspace.exceptional
        self._state(
            f"REVOKE  {name}",
            present.revoking(version),
            prepare=lambda: exceptional.revoking(name),
            verb="Revoke",
            word=_word(name),
            done=f"{name} is revoked.",
            command=f"modeldeck model revoke {name}",
        )

    def endpoint_here(self) -> EndpointDocument | None:
        """Return the endpoint under the cursor."""
        kind, _colon, name = self.entity().partition(":")
        return self.snapshot.endpoint(name) if self.snapshot and kind == "endpoint" else None

    def is_last(self, environment: str) -> bool:
        """Say whether an environment is the last one: what serves for real."""
        return self.snapshot is None or environment == self.snapshot.last_environment

    def _state(
        self,
        heading: str,
        lines: Sequence[str],
        *,
        prepare: Callable[[], Statement],
        verb: str,
        done: str,
        command: str,
        word: str = "",
    ) -> None:
        """Show a statement that wants a reason, and record it as it was shown."""
        exceptional = self.workspace.exceptional

        def confirmed(answer: Signed | None) -> None:
            if answer is not None:
                self.host.perform(
                    lambda: exceptional.cast(answer.statement, answer.reason),
                    done,
                    command=f"{command} --reason '{clean(answer.reason)}'",
                    tell=how_sure,
                )

        dialog = StatementDialog(
            heading, lines, prepare=prepare, verb=verb, reason="needed", word=word
        )
        self.app.push_screen(dialog, confirmed)


def how_sure(recorded: object) -> str:
    """Return the level and the key of what was recorded."""
    return f"It is {recorded.said}." if isinstance(recorded, Recorded) else ""


def _word(version: str) -> str:
    return version.replace("@", "-v")
