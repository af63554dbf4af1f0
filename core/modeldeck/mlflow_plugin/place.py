"""The workspace that a store of MLflow's stands on."""

from __future__ import annotations

import threading
from urllib.parse import unquote, urlsplit

from modeldeck.errors import NotFoundError
from modeldeck.mlflow_plugin.writing import Writers
from modeldeck.services.moving.experiments import DEFAULT, Experiment, Experiments, id_of
from modeldeck.workspace import Workspace

SCHEME = "modeldeck"


def path_of(uri: str) -> str:
    """Return the folder that an address names; empty takes the environment's, or goes upwards.

    ``modeldeck:///srv/team`` names ``/srv/team``, ``modeldeck://team`` a folder here.
    """
    parts = urlsplit(uri)
    return unquote(f"{parts.netloc}{parts.path}")


class Place:
    """A workspace, its writers and its experiments; used by several threads."""

    def __init__(self, uri: str) -> None:
        self.workspace = Workspace.open(path_of(uri) or None)
        if self.workspace.deck.shows:
            self.workspace.deck.need_writable()
        self.root = self.workspace.root
        self.lock = threading.RLock()
        self.writers = Writers(self.root, self.workspace.deck.runs)
        self.known = Experiments(self.root)

    def experiments(self) -> list[Experiment]:
        """Return all experiments: those that MLflow named, and those that runs belong to."""
        found = {one.slug: one for one in self.known.all()}
        with self.lock:
            names = {one["experiment"] for one in self.workspace.runs.list()}
        for name in sorted({DEFAULT, *names} - found.keys()):
            found[name] = self._own(name)
        return list(found.values())

    def experiment(self, identifier: str) -> Experiment:
        """Return an experiment by MLflow's id of it.

        Raises
        ------
        NotFoundError
            There is none.
        """
        for one in self.experiments():
            if one.id == str(identifier):
                return one
        msg = f"There is no experiment with the id {str(identifier)[:80]!r}."
        raise NotFoundError(msg, "`mlflow experiments search` lists those there are.")

    def named(self, name: str) -> Experiment | None:
        """Return an experiment by its name; None without one."""
        return next((one for one in self.experiments() if one.name == name), None)

    def _own(self, slug: str) -> Experiment:
        return Experiment(slug, "Default" if id_of(slug) == "0" else slug)
