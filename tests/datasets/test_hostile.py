"""Names and paths that lead astray, against all that takes one; formulas in what is saved."""

from __future__ import annotations

import csv
import os
import random
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from modeldeck import ids
from modeldeck.errors import DamageError, InvalidInputError, ModelDeckError, NotFoundError
from modeldeck.services.base import descriptions
from modeldeck.services.datasets import paths
from modeldeck.store import contents
from modeldeck.tracking import start_run
from modeldeck.workspace import Workspace
from modeldeck_tui.clean import clean
from modeldeck_tui.present.datasets import differences, versions
from modeldeck_tui.present.rows import Rows, titled
from modeldeck_tui.screens import saving
from tests.datasets.conftest import write_sales

WORDS = (
    "..",
    ".",
    "",
    "/",
    "//",
    "~",
    "%2e%2e",
    "%00",
    "\0",
    "\n",
    "\\",
    "C:\\x",
    "con",
    "nul",
    "-rf",
    "a" * 300,
    "/proc/self/root",
    "/proc/self/fd/0",
    "/dev/zero",
    "/dev/stdin",
    "datasets/fifo.csv",
    "datasets/link.csv",
    "datasets/socket.csv",
    "datasets/loop/x.csv",
    "datasets/away/secret.csv",
    ".modeldeck/ledger",
    "datasets/../.modeldeck",
    "file:///etc/passwd",
    "\ud800",
    "\u202etxt",
    "sales@1",
    "@1",
    "sales@",
    "sales@-1",
    "sales@01",
    "sales@1@2",
    "dataset:",
)


CALLS = (
    "add a path",
    "add a name",
    "diff",
    "show",
    "version",
    "tables",
    "verify",
    "entity",
    "log",
)


@pytest.fixture
def hostile(deck: Workspace, tmp_path: Path) -> Workspace:
    """Return a workspace whose ``datasets/`` holds links, a pipe, a socket and a loop."""
    folder = deck.root / "datasets"
    outside = tmp_path / "outside"
    outside.mkdir()
    write_sales(outside / "secret.csv", range(9))
    os.mkfifo(folder / "fifo.csv")
    (folder / "link.csv").symlink_to(outside / "secret.csv")
    (folder / "away").symlink_to(outside)
    (folder / "loop").symlink_to(folder / "loop")
    here = Path.cwd()
    os.chdir(folder)  # a socket's path has at most 108 bytes
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("socket.csv")
    os.chdir(here)
    return deck


def calls(deck: Workspace) -> dict[str, Callable[[str], object]]:
    """Return everything that takes a path or a name."""

    def logged(text: str) -> object:
        with start_run("x", workspace=deck.root, user="ann", capture_output=False) as run:
            return run.log_dataset(text)

    good = deck.root / "datasets" / "good.csv"
    return {
        "add a path": lambda text: deck.datasets.add("sales", text),
        "add a name": lambda text: deck.datasets.add(text, good),
        "diff": lambda text: deck.datasets.diff(text, text),
        "show": deck.datasets.show,
        "version": deck.datasets.version,
        "tables": deck.datasets.tables,
        "verify": lambda text: deck.datasets.verify(text or "x"),
        "entity": lambda text: deck.annotations.entity(f"dataset:{text}"),
        "log": logged,
    }


@pytest.mark.parametrize("call", CALLS)
def test_name_or_path_that_leads_astray_is_refused_with_a_reason(
    hostile: Workspace,
    call: str,
    *,
    rng: random.Random,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each word alone and put together with others ends in one of our errors, and at once."""
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    monkeypatch.setenv("HOME", str(tmp_path / "empty"))
    write_sales(hostile.root / "datasets" / "good.csv", range(5))
    joined = ["/".join(rng.sample(WORDS, 2)) for _ in range(25)]
    act = calls(hostile)[call]
    for text in (*WORDS, *joined):
        if call == "add a name" and ids.is_name(text):
            continue
        with pytest.raises(ModelDeckError) as caught:
            act(text)
        assert caught.value.exit_code in {2, 3, 4}, (text, caught.value)
    assert not hostile.datasets.list()


def test_nothing_outside_is_read_through_a_link(hostile: Workspace) -> None:
    """A linked file, and a file below a linked folder, are named and not opened."""
    for text in ("datasets/link.csv", "datasets/away/secret.csv"):
        with pytest.raises(InvalidInputError, match=r"plain file|through a link"):
            hostile.datasets.add("sales", hostile.root / text)
    with pytest.raises(InvalidInputError, match="is a link, a pipe or a device"):
        hostile.datasets.add("all", hostile.root / "datasets")
    assert list(hostile.datasets.candidates()) == []


@pytest.mark.parametrize(
    "source",
    ["../outside/secret.csv", "/etc/passwd", "datasets/away/secret.csv", ".modeldeck/x", "a\\b/c"],
)
def test_source_that_somebody_wrote_into_a_description_leads_nowhere_else(
    hostile: Workspace, source: str
) -> None:
    """Verifying looks at the working file only inside the workspace."""
    assert paths.working(hostile.root, source) is None


def test_shapes_of_a_description_are_checked_one_by_one(deck: Workspace) -> None:
    """Whatever is put in the place of one of its values, it is refused or read, never a crash."""
    path = write_sales(deck.root / "datasets" / "sales.csv", range(40))
    version = deck.datasets.add("sales", path)["dataset"]
    known = dict(deck.datasets.description(version))
    known.pop("v")
    state = deck.deck.state.dataset_versions["sales@1"]
    odd: tuple[object, ...] = ("x", "", -1, 2**60, True, None, [], {}, [{}], [["a", 1]], "\x1b[2J")
    read = refused = 0
    for name in known:
        for value in odd:
            stored = descriptions.write(deck.deck.objects, {**known, name: value})
            try:
                object.__setattr__(state, "description", stored)
                descriptions.document(deck.deck.state, deck.deck.objects, version=state)
                descriptions.read(deck.deck.objects, state)
                read += 1
            except DamageError:
                refused += 1
    assert refused > read


def test_texts_of_a_dataset_reach_no_terminal_as_they_are(deck: Workspace) -> None:
    """Control sequences in names of columns and values are made visible in every line."""
    evil = "\x1b]0;owned\x07"
    path = deck.root / "datasets" / "evil.csv"
    other = deck.root / "datasets" / "other.csv"
    rows = [f"{evil}a", "[/x]", "\u202eb", "=cmd()"] * 20
    for place, values in ((path, rows), (other, [*rows, f"{evil}new"])):
        with place.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([f"col{evil}", "n"])
            writer.writerows([one, at] for at, one in enumerate(values))
    deck.datasets.add("evil", path)
    detail = deck.datasets.show("evil")
    lines = [
        *versions.column_lines(detail),
        *versions.about_lines(detail),
        *versions.file_lines(detail),
    ]
    texts = [cell.text for line in lines for cell in line.cells] + [one.detail for one in lines]
    found = deck.datasets.diff("evil@1", "datasets/other.csv")
    texts += [text for text, _style in differences.diff_lines(found)]
    assert any("owned" in one for one in texts)
    for text in texts:
        assert text == clean(text)


def test_formulas_are_quoted_in_what_is_saved(
    deck: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A spreadsheet that opens a saved table of columns runs nothing."""
    monkeypatch.chdir(tmp_path)
    path = deck.root / "datasets" / "t.csv"
    path.write_text("=cmd(),+sum,-x,@ref\n" + "=1+1,2,3,4\n" * 3)
    deck.datasets.add("formulas", path)
    lines = versions.column_lines(deck.datasets.show("formulas"))
    saving.save_rows("columns", Rows.of(lines, titled(*versions.COLUMN_TITLES)))
    saved = next(tmp_path.glob("modeldeck-columns-*.csv"))
    with saved.open(newline="") as file:
        cells = [row[0] for row in csv.reader(file)][1:]
    assert cells == ["'=cmd()", "'+sum", "'-x", "'@ref"]


def test_contents_of_too_many_files_or_too_deep_are_refused(
    deck: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder's files are counted before anything is read."""
    monkeypatch.setattr(contents, "MAX_FILES", 5)
    monkeypatch.setattr(contents, "MAX_DEPTH", 3)
    many, deep, empty = (deck.root / "datasets" / name for name in ("many", "deep", "empty"))
    many.mkdir()
    empty.mkdir()
    for number in range(6):
        (many / f"{number}.csv").write_text("a\n1\n")
    deep.joinpath(*"abcdefg").mkdir(parents=True)
    for folder in (many, deep):
        with pytest.raises(InvalidInputError, match="more than 5 files"):
            deck.datasets.add("x", folder)
    with pytest.raises(InvalidInputError, match="holds no file"):
        deck.datasets.add("x", empty)
    with pytest.raises(NotFoundError):
        deck.datasets.add("x", deck.root / "datasets" / "nothing.csv")
