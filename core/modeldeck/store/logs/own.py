"""A person's own formats of lines, from the folder of their settings."""

from __future__ import annotations

import tomllib
from pathlib import Path

from modeldeck.domain.logs.formats import Format
from modeldeck.domain.logs.own import own_formats
from modeldeck.errors import InvalidInputError, NotFoundError
from modeldeck.store import files, places
from modeldeck.store.logs.matching import Pattern

_MAX_BYTES = 1 << 20


def read_own(path: Path | None = None) -> list[Format]:
    """Return a person's own formats; none when there is no such file.

    Parameters
    ----------
    path : Path or None
        The file; None takes ``log-formats.toml`` in the folder of settings. How it is written says
        :mod:`modeldeck.domain.logs.formats`.

    Raises
    ------
    InvalidInputError
        It is no TOML, or something in it is unknown or does not fit.
    """
    path = path or places.user_settings() / "log-formats.toml"
    try:
        text = files.read_bytes(path, limit=_MAX_BYTES).decode()
        document = tomllib.loads(text)
    except NotFoundError:
        return []
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        msg = f"{path} is no TOML: {error}."
        raise InvalidInputError(msg, "Mend it, or move it away.") from None
    return own_formats(document, Pattern)
