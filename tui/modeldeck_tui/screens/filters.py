"""Filters that a person keeps by name: ``@best`` stands for one wherever a filter is typed.

They lie in the person's state folder, in ``filters.json``: ``{page: {name: filter}}``. The file is
replaced whole; one that cannot be read counts as empty.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping

from modeldeck_tui.screens.saving import state_folder

NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,31}")
MOST_BYTES = 1 << 20
LISTS = {
    "runs": "runs",
    "models": "models",
    "releases": "releases",
    "deploys": "deployments",
    "activity": "activity",
    "datasets": "datasets",
}
"""The commands that open a list, with the page of each."""


def kept(page: str) -> Mapping[str, str]:
    """Return the filters that were kept for a page, by name."""
    return _read().get(page, {})


def keep(page: str, name: str, *, text: str) -> None:
    """Keep a filter under a name, or none where the text is empty.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    whole = _read()
    of_page = {**whole.get(page, {}), name: text}
    whole[page] = {one: known for one, known in sorted(of_page.items()) if known}
    path = state_folder() / "filters.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.write_text(json.dumps(whole, indent=1) + "\n", "utf-8")
    temporary.replace(path)


def meant(page: str, text: str) -> str:
    """Return the filter that ``@name`` stands for; any other text stands for itself."""
    typed = text.strip()
    return kept(page).get(typed[1:], text) if typed.startswith("@") else text


def _read() -> dict[str, dict[str, str]]:
    path = state_folder() / "filters.json"
    try:
        if path.stat().st_size > MOST_BYTES:
            return {}
        whole = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(whole, dict):
        return {}
    return {
        str(page): {str(name): text for name, text in of_page.items() if isinstance(text, str)}
        for page, of_page in whole.items()
        if isinstance(of_page, dict)
    }
