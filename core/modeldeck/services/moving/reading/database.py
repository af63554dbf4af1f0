"""MLflow's database: ``mlflow.db``, read by the standard library, never written.

The file is opened with ``mode=ro``, and with ``immutable=1`` where even a reader would have to
write (a write-ahead log in a folder that is not ours). Its schema is somebody else's: only plain
tables are read, columns as they are there, with limits on the length of values and on time.
Inputs: ``mlflow/store/tracking/dbmodels/models.py`` and ``…/model_registry/dbmodels/models.py``.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

from modeldeck.errors import DamageError, InvalidInputError
from modeldeck.services.moving.reading.tree import Tree
from modeldeck.services.moving.reading.values import (
    Point,
    Skipped,
    SourceExperiment,
    SourceModel,
    SourceRun,
    SourceVersion,
    is_sound,
    number_of,
    text_of,
    unique,
    version_of,
)
from modeldeck.store import files

MAX_LENGTH = 16 << 20
MAGIC = b"SQLite format 3\0"
_PATIENCE_S = 120.0
_STEPS = 100_000
_LEFT = {"trace_info": "traces", "inputs": "links of runs to datasets", "webhooks": "webhooks"}
_ROOTS = ("mlruns", "mlartifacts")
_STATUSES = {"RUNNING": 1, "SCHEDULED": 2, "FINISHED": 3, "FAILED": 4, "KILLED": 5}

Row = Mapping[str, object]


class Database:
    """A database of MLflow, and the folder in which it lies, where artifacts are looked for."""

    kind = "mlflow.db"

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        descriptor = files.open_regular(self.path)
        try:
            head = os.pread(descriptor, len(MAGIC), 0)
        finally:
            files.close(descriptor)
        if head != MAGIC:
            msg = f"{path} is no SQLite database."
            raise InvalidInputError(msg, "Name an mlruns folder, or an mlflow.db.")
        self.tree = Tree(self.path.parent)
        self.artifact_roots: list[tuple[str, ...]] = [(name,) for name in _ROOTS]
        self.skipped: list[Skipped] = []
        try:
            self._connection = _connected(self.path)
            self._columns = self._tables()
        except sqlite3.Error as error:
            raise self._damage(error) from error
        if not {"experiments", "runs"} <= self._columns.keys():
            self.close()
            msg = f"{path} is a database, but not one of MLflow."
            raise InvalidInputError(msg, "Name the mlflow.db that MLFLOW_TRACKING_URI names.")

    def close(self) -> None:
        """Close the database."""
        with contextlib.suppress(AttributeError, sqlite3.Error):
            self._connection.close()
        self.tree.close()

    def _tables(self) -> dict[str, set[str]]:
        """Return the columns of every plain table; views of a crafted file are none."""
        names = self._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        found = {}
        for (name,) in names.fetchall():
            rows = self._connection.execute("SELECT name FROM pragma_table_info(?)", (name,))
            found[str(name)] = {str(one) for (one,) in rows}
        return found

    def _rows(
        self, table: str, *, where: str = "", key: object = None, order: str = ""
    ) -> list[Row]:
        """Return the rows of a table, all or those whose column is a key."""
        if table not in self._columns or (where and where not in self._columns[table]):
            return []
        clause = f' WHERE "{where}" = ?' if where else ""
        by = f' ORDER BY "{order}"' if order in self._columns[table] else ""
        text = f'SELECT * FROM "{table}"{clause}{by}'  # noqa: S608 -- names of our own
        until = time.monotonic() + _PATIENCE_S
        self._connection.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
        try:
            cursor = self._connection.execute(text, (key,) if where else ())
            names = [one[0] for one in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor]
        except sqlite3.Error as error:
            raise self._damage(error) from error

    def _damage(self, error: sqlite3.Error) -> DamageError:
        self.close()
        msg = f"{self.path} cannot be read: {error}."
        return DamageError(msg, "Copy it while no MLflow server writes to it, and name the copy.")

    def experiments(self) -> list[SourceExperiment]:
        """Return the experiments, also deleted ones."""
        return [
            SourceExperiment(
                id=text_of(one["experiment_id"]),
                name=text_of(one.get("name")) or text_of(one["experiment_id"]),
                created_ms=number_of(one.get("creation_time")),
                is_deleted=one.get("lifecycle_stage") == "deleted",
                tags=self._pairs("experiment_tags", "experiment_id", key=one["experiment_id"]),
            )
            for one in self._rows("experiments", order="experiment_id")
        ]

    def runs(self, experiment: SourceExperiment) -> Iterator[SourceRun]:
        """Yield the runs of an experiment, in the order of their ids."""
        rows = self._rows("runs", where="experiment_id", key=experiment.id, order="run_uuid")
        for one in rows:
            identifier = text_of(one["run_uuid"])
            yield SourceRun(
                id=identifier,
                experiment=experiment.id,
                name=text_of(one.get("name")),
                user=text_of(one.get("user_id")),
                status=_STATUSES.get(text_of(one.get("status")), 1),
                started_ms=number_of(one.get("start_time")) or experiment.created_ms,
                ended_ms=number_of(one.get("end_time")),
                is_deleted=one.get("lifecycle_stage") == "deleted",
                artifact_uri=text_of(one.get("artifact_uri")),
                parameters=self._pairs("params", "run_uuid", key=identifier),
                tags=self._pairs("tags", "run_uuid", key=identifier),
            )

    def points(self, run: SourceRun) -> list[Point]:
        """Return all values of a run's metrics, by time and step.

        Notes
        -----
        MLflow's database has no infinities: it keeps ±1.7976931348623157e308 for them, and so does
        what is read here. NaN is a row of its own kind (``is_nan``).
        """
        found, n_bad = [], 0
        for one in self._rows("metrics", where="run_uuid", key=run.id):
            at, step = number_of(one.get("timestamp")), number_of(one.get("step"))
            value = float("nan") if one.get("is_nan") else one.get("value")
            if not isinstance(value, int | float) or not is_sound(at, step):
                n_bad += 1
                continue
            found.append(Point(text_of(one.get("key")), at, float(value), step))
        if n_bad:
            self._skip(f"metrics of run {run.id}", f"{n_bad} rows hold no number")
        return sorted(unique(found), key=lambda one: (one.key, one.at, one.step))

    def models(self) -> list[SourceModel]:
        """Return the models that MLflow 3 logged beside runs."""
        return [
            SourceModel(
                text_of(one["model_id"]),
                text_of(one.get("name")) or text_of(one["model_id"]),
                text_of(one.get("source_run_id")),
                uri=text_of(one.get("artifact_location")),
            )
            for one in self._rows("logged_models", order="model_id")
        ]

    def left(self) -> list[Skipped]:
        """Return what lies there that is never taken."""
        found: list[Skipped] = []
        for table, name in _LEFT.items():
            if table in self._columns:
                count = self._connection.execute(f'SELECT count(*) FROM "{table}"')  # noqa: S608
                n = count.fetchone()[0]
                if n:
                    found.append({"what": f"{n} {name}", "reason": f"ModelDeck has no {name}"})
        return found

    def versions(self) -> Iterator[SourceVersion]:
        """Yield the versions of registered models."""
        for one in self._rows("model_versions"):
            model, number = text_of(one.get("name")), number_of(one.get("version"))
            aliases = self._rows("registered_model_aliases", where="name", key=model)
            tags = self._rows("model_version_tags", where="name", key=model)
            yield version_of(
                one,
                (model, number),
                aliases=tuple(
                    sorted(
                        text_of(row["alias"])
                        for row in aliases
                        if number_of(row["version"]) == number
                    )
                ),
                tags={
                    text_of(row["key"]): text_of(row["value"])
                    for row in tags
                    if number_of(row["version"]) == number
                },
            )

    def _pairs(self, table: str, column: str, *, key: object) -> dict[str, str]:
        rows = self._rows(table, where=column, key=key)
        return {text_of(one["key"]): text_of(one["value"]) for one in rows}

    def _skip(self, what: str, reason: str) -> None:
        self.skipped.append({"what": what, "reason": reason})


def _connected(path: Path) -> sqlite3.Connection:
    """Open a database read-only; immutable where a reader would have to write."""
    name = quote(str(path))
    for options in ("mode=ro", "mode=ro&immutable=1"):
        connection = sqlite3.connect(
            f"file:{name}?{options}", uri=True, timeout=5.0, check_same_thread=False
        )
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_LENGTH)
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        try:
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA query_only = ON")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.OperationalError:
            connection.close()
            if "immutable" in options:
                raise
            continue
        return connection
    raise AssertionError
