"""What a start may load: fresh interpreters, and a look at what came in."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCIENCE = {"joblib", "numpy", "polars", "scipy", "skops", "sklearn"}
SERVER = {"httptools", "uvicorn", "uvloop"}
TERMINAL = {"click", "rich", "textual", "typer"}

_COMMAND = """
import sys
sys.argv = ["modeldeck", *{arguments!r}]
from modeldeck_tui.cli import main
try:
    main()
except SystemExit:
    pass
"""


def loaded_by(code: str, folder: Path) -> set[str]:
    """Run code in a fresh interpreter and return the top-level packages that it loaded."""
    report = folder / "loaded.json"
    tail = (
        f"\nimport json, sys\nwith open({str(report)!r}, 'w') as file:"
        "\n    json.dump(sorted({name.split('.')[0] for name in sys.modules}), file)\n"
    )
    subprocess.run(
        [sys.executable, "-P", "-c", code + tail],
        check=True,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
    )
    return set(json.loads(report.read_text()))


@pytest.mark.parametrize(
    "code",
    [
        "import modeldeck",
        "import modeldeck.tracking",
        "import modeldeck; modeldeck.start_run",
    ],
)
def test_import_of_modeldeck_loads_nothing_heavy(code: str, tmp_path: Path) -> None:
    """A training script that logs with us pays for neither view, science, server nor terminal."""
    unwanted = SCIENCE | SERVER | TERMINAL | {"tinydb", "watchdog"}
    assert loaded_by(code, tmp_path) & unwanted == set()


def test_import_of_the_workspace_loads_no_science(tmp_path: Path) -> None:
    """Looking into a workspace needs no numerical library, server or terminal."""
    loaded = loaded_by("import modeldeck.workspace, modeldeck.store.verifying", tmp_path)
    assert loaded & (SCIENCE | SERVER | TERMINAL | {"cryptography"}) == set()


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["release", "--help"]])
def test_help_of_the_command_line_loads_no_screen(arguments: list[str], tmp_path: Path) -> None:
    """Asking for help loads no Textual, no view, no science and no server."""
    loaded = loaded_by(_COMMAND.format(arguments=arguments), tmp_path)
    assert "typer" in loaded
    assert loaded & (SCIENCE | SERVER | {"textual", "tinydb"}) == set()


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "list", "--limit", "3", "--sort", "id"],
        ["logs", "a@b", "c@d", "--grep", "x", "--hide", "y", "-n", "3"],
    ],
)
def test_a_command_on_a_workspace_loads_no_screen(arguments: list[str], tmp_path: Path) -> None:
    """A command that lists (here: finds no workspace) loads neither Textual nor science."""
    loaded = loaded_by(_COMMAND.format(arguments=arguments), tmp_path)
    assert "modeldeck" in loaded
    assert loaded & (SCIENCE | SERVER | {"textual", "pydantic"}) == set()


def test_import_of_the_screen_loads_no_science(tmp_path: Path) -> None:
    """The screen starts without numerical libraries and without a server."""
    loaded = loaded_by("import modeldeck_tui.app", tmp_path)
    assert "textual" in loaded
    assert loaded & (SCIENCE | SERVER) == set()
