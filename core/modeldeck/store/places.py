"""Where things are: the paths inside a workspace, and the user's own folders.

::

    modeldeck.toml   pipelines/   datasets/      people edit these
    runs/<yyyy-mm>/<run-id>/                     one folder a run
    endpoints/<environment>/<model>/             servers' logs and prediction logs
    .modeldeck/ledger/   one file a decision     .modeldeck/objects/ab/<sha-256>   blobs
    .modeldeck/tmp/u<user id>/   files on their way, closed to others
    .modeldeck/trash/<yyyy-mm-dd>/   what garbage collection and repairs moved away
    .modeldeck/lock      only lowers contention
"""

from __future__ import annotations

import functools
import hashlib
import os
from pathlib import Path

CONFIG = "modeldeck.toml"
HIDDEN = ".modeldeck"

_kept = functools.lru_cache(maxsize=64)  # they are asked for with every file of a workspace


@_kept
def ledger_folder(root: Path) -> Path:
    """Return the folder of ledger entries."""
    return root / HIDDEN / "ledger"


@_kept
def objects_folder(root: Path) -> Path:
    """Return the folder of objects."""
    return root / HIDDEN / "objects"


@_kept
def tmp_folder(root: Path) -> Path:
    """Return the folder of files on their way."""
    return root / HIDDEN / "tmp"


def trash_folder(root: Path) -> Path:
    """Return the folder of what was moved away and may come back for some days."""
    return root / HIDDEN / "trash"


@_kept
def lock_file(root: Path) -> Path:
    """Return the lock file that writers queue at."""
    return root / HIDDEN / "lock"


def endpoint_folder(root: Path, environment: str, *, model: str) -> Path:
    """Return the folder of an endpoint's logs."""
    return root / "endpoints" / environment / model


def user_cache(workspace: str) -> Path:
    """Return this user's cache for a workspace, wherever it lies; it may be deleted at any time."""
    return _user_folder("XDG_CACHE_HOME", ".cache") / workspace[:16]


def user_views(workspace: str, root: Path) -> Path:
    """Return this user's cache for what one copy of a workspace shows: copies go on apart."""
    path = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()
    return user_cache(workspace) / path[:16]


def user_state() -> Path:
    """Return this user's state folder: remembered heads, servers' own copies, bug reports."""
    return _user_folder("XDG_STATE_HOME", ".local/state")


def user_log_indexes() -> Path:
    """Return this user's cache of logs' indexes; it may be deleted at any time."""
    return _user_folder("XDG_CACHE_HOME", ".cache") / "logs"


def user_settings() -> Path:
    """Return the folder of this user's settings."""
    return _user_folder("XDG_CONFIG_HOME", ".config")


def _user_folder(variable: str, fallback: str) -> Path:
    named = os.environ.get(variable, "")
    return _folder_below(named if named.startswith("/") else str(Path.home() / fallback))


@_kept
def _folder_below(base: str) -> Path:
    return Path(base) / "modeldeck"
