"""What can be done with runs: training a pipeline, stopping, making versions and releases."""

from __future__ import annotations

from collections.abc import Sequence

from modeldeck.domain.documents import RunDocument, VersionDocument
from modeldeck_tui.clean import clean
from modeldeck_tui.screens.base import Page
from modeldeck_tui.screens.overlays.dialogs import ConfirmDialog, NameDialog, PickDialog


class RunActions(Page):
    """A page with runs or versions under its cursor."""

    def action_train(self) -> None:
        """Ask which pipeline, then train it in a job of its own."""
        snapshot = self.snapshot
        if snapshot is None or not snapshot.pipelines:
            self.host.tell("There is no file in pipelines/ to train.", severity="warning")
            return
        choices = [(name, name) for name in snapshot.pipelines]
        self.app.push_screen(PickDialog("TRAIN a pipeline", choices), self._train)

    def _train(self, pipeline: str | None) -> None:
        if pipeline:
            self.host.perform(
                lambda: self.workspace.training.start(f"pipelines/{pipeline}"),
                f"Training {pipeline} has begun.",
                command=f"modeldeck train pipelines/{pipeline}",
            )

    def action_stop(self) -> None:
        """Ask whether to stop a run."""
        run: RunDocument | None = self.document()
        if run is None:
            return
        name = run["id"].rsplit("-", 1)[-1]
        dialog = ConfirmDialog(
            f"STOP  run {name}",
            [f"{run['experiment']} {run['name']} ends within seconds, as cancelled."],
            verb="Stop it",
            reason="optional",
        )

        def done(reason: str | None) -> None:
            if reason is not None:
                self.host.perform(
                    lambda: self.workspace.runs.stop(name, reason),
                    f"Run {name} was asked to stop.",
                    command=f"modeldeck run stop {name}",
                )

        self.app.push_screen(dialog, done)

    def action_promote(self) -> None:
        """Make a version of a run, or ask for a release of a version."""
        entity, document = self.entity(), self.document()
        if document is None:
            return
        if entity.startswith("run:"):
            run: RunDocument = document
            name = run["id"].rsplit("-", 1)[-1]
            dialog = NameDialog(
                f"REGISTER  run {name} as a version of which model?", run["experiment"]
            )

            def register(model: str | None) -> None:
                if model:
                    self.host.perform(
                        lambda: self.workspace.models.register(name, model),
                        f"Run {name} is a version of {model} now: p on the models' page goes on.",
                        command=f"modeldeck model register {name} --name {model}",
                    )

            self.app.push_screen(dialog, register)
        else:
            self._request(document)

    def _request(self, version: VersionDocument) -> None:
        snapshot = self.snapshot
        environments = snapshot.environments if snapshot else ()
        choices = []
        for name in environments:
            live = snapshot.endpoint(f"{version['model']}@{name}") if snapshot else None
            before = live["version"] if live and live["version"] else "nothing"
            choices.append((name, f"{name}: {before} → {version['id']}"))
        dialog = PickDialog(f"RELEASE  {version['id']} to which environment?", choices)

        def request(environment: str | None) -> None:
            if environment:
                self.host.tell(f"Testing {clean(version['id'])} for {environment} …")
                self.host.perform(
                    lambda: self.workspace.releases.request(version["id"], environment),
                    f"A release of {version['id']} to {environment} was asked for.",
                    command=f"modeldeck release request {version['id']}"
                    f" --environment {environment}",
                )

        self.app.push_screen(dialog, request)

    # Putting runs away

    def chosen(self) -> list[str]:
        """Return the runs that an action is about."""
        kind, _colon, name = self.entity().partition(":")
        return [name] if kind == "run" else []

    def action_archive(self) -> None:
        """Archive runs, or bring archived ones back; z undoes it."""
        runs = self.chosen()
        if not runs:
            return
        shelf, names = self.workspace.shelf, _named(runs)
        is_back = self._are(runs, "archived_at")
        verb = "unarchive" if is_back else "archive"
        there, back = (
            (shelf.unarchive, shelf.archive) if is_back else (shelf.archive, shelf.unarchive)
        )
        self.host.perform(
            lambda: there(runs),
            f"{names} {_is(runs)} {'back in the list' if is_back else 'archived'}.",
            command=f"modeldeck run {verb} {_typed(runs)}",
            undo=lambda _done: back(runs),
        )
        self._unmark(runs)

    def action_delete(self) -> None:
        """Delete runs after a dialog, or take a deletion back."""
        runs = self.chosen()
        if not runs:
            return
        shelf, names = self.workspace.shelf, _named(runs)
        if self._are(runs, "deleted_at"):
            self.host.perform(
                lambda: shelf.undelete(runs),
                f"{names} {_is(runs)} there again.",
                command=f"modeldeck run undelete {_typed(runs)}",
                undo=lambda _done: shelf.delete(runs),
            )
            return
        lines = [
            f"{names} {'leaves' if len(runs) == 1 else 'leave'} every list.",
            "The files stay until garbage collection. Until then z takes that back,",
            "or X on the runs that /is:deleted shows.",
        ]
        dialog = ConfirmDialog(f"DELETE  {names}", lines, verb="Delete", reason="optional")

        def done(reason: str | None) -> None:
            if reason is not None:
                self.host.perform(
                    lambda: shelf.delete(runs, reason=reason),
                    f"{names} {_is(runs)} deleted.",
                    command=f"modeldeck run delete {_typed(runs)}",
                    undo=lambda _done: shelf.undelete(runs),
                )
                self._unmark(runs)

        self.app.push_screen(dialog, done)

    def _unmark(self, runs: Sequence[str]) -> None:
        """Take the marks from runs that leave the table."""
        if self.table is not None:
            self.table.mark([f"run:{one}" for one in runs], is_on=False)

    def _are(self, runs: Sequence[str], key: str) -> bool:
        """Say whether all of some runs are archived, or deleted."""
        snapshot = self.snapshot
        known = [snapshot.run(one) for one in runs] if snapshot is not None else []
        return bool(known) and all(one is not None and key in one for one in known)


def _named(runs: Sequence[str]) -> str:
    return f"Run {runs[0][-6:]}" if len(runs) == 1 else f"{len(runs):,} runs"


def _is(runs: Sequence[str]) -> str:
    return "is" if len(runs) == 1 else "are"


def _typed(runs: Sequence[str]) -> str:
    return " ".join(one[-6:] for one in runs)
