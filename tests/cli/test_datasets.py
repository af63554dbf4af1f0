"""``modeldeck dataset``: what it prints, its exit codes, and a model that names its data."""

from __future__ import annotations

import gzip
import os
import signal
import sys
from pathlib import Path

import pytest

from modeldeck.errors import InvalidInputError
from modeldeck.services.datasets import tables
from tests.cli.program import Program
from tests.datasets.conftest import write_sales

PIPELINE = """
experiment = "sales"
[data]
dataset = "sales@1"
target = "paid"
drop = ["id", "price"]
[estimator]
type = "sklearn.dummy.DummyClassifier"
[evaluation]
metrics = ["accuracy"]
folds = 2
[register]
model = "payer"
"""


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """Return the program on a workspace in which nothing was done yet."""
    (tmp_path / "ws" / "pipelines").mkdir(parents=True)
    made = Program(tmp_path, tmp_path / "ws")
    made("init", str(made.root), "--owner", "alice")
    return made


@pytest.fixture
def sales(program: Program) -> Path:
    """Return a table in the workspace's datasets/."""
    (program.root / "datasets").mkdir(exist_ok=True)
    return write_sales(program.root / "datasets" / "sales.csv", range(300))


def test_data_version_goes_from_file_to_model_and_back(program: Program, sales: Path) -> None:
    """Added, trained from, shown with what used it, compared with a later file, verified."""
    added = program(
        "dataset", "add", "sales", str(sales), "--reason", "The first.", "--key-column", "id",
        "--target", "paid",
    )  # fmt: skip
    assert "sales@1 is added: 300 rows, 4 columns" in added.out
    again = program("dataset", "add", "sales", str(sales), "--json").json
    assert again["existed"]
    assert again["dataset"]["reason"] == "The first."

    (program.root / "pipelines" / "sales.toml").write_text(PIPELINE)
    write_sales(sales, range(100, 420), seed=2, shift=4)
    trained = program("train", "pipelines/sales.toml")
    assert "sales@1" in trained.out
    shown = program("dataset", "show", "sales").out
    assert "payer@1" in shown
    assert "▁" in shown
    assert "sales@1" in program("model", "show", "payer@1").out
    lineage = program("lineage", "payer@1", "--json").json
    assert (lineage[0]["kind"], lineage[0]["id"]) == ("dataset", "sales@1")

    diff = program("dataset", "diff", "sales@1", str(sales), "--limit", "2")
    assert "120 added, 100 removed, 200 changed (by id)" in diff.out
    assert "KS" in diff.out
    found = program("dataset", "diff", "sales@1", str(sales), "--whole-rows", "--json").json
    assert found["rows"]["by"] == []
    assert [one["column"] for one in found["moves"] if one["moved"]] == ["id", "price"]
    verified = program("dataset", "verify")
    assert "changed since" in verified.out
    assert program("dataset", "list", "--json").json[0]["id"] == "sales@1"
    assert "added the data sales@1" in program("activity").out


def test_damaged_contents_end_with_the_code_of_damage(program: Program, sales: Path) -> None:
    """``verify`` names the version and exits with 10, also as JSON."""
    added = program("dataset", "add", "sales", str(sales), "--json").json
    digest = added["dataset"]["digest"]
    kept = program.root / ".modeldeck" / "objects" / digest[:2] / digest
    kept.chmod(0o644)
    kept.write_bytes(b"x")
    done = program("dataset", "verify", "--json", expect=10)
    assert done.json[0]["snapshot"] == "damaged"
    assert "sales@1" in done.err


BAD = (
    ("add sales nowhere.csv", 3),
    ("add Sales! datasets/sales.csv", 4),
    ("add sales datasets/sales.csv --snapshot link", 4),
    ("add sales datasets/sales.csv --target pait", 4),
    ("add sales s3://bucket/sales.csv", 4),
    ("add sales datasets", 4),
    ("show sales@9", 3),
    ("diff sales@9 datasets/sales.csv", 3),
    ("diff datasets/sales.csv datasets/sales.csv --limit -1", 4),
    ("diff datasets/sales.csv datasets/sales.csv --key-column city", 4),
    ("verify nothing", 3),
    ("add sales", 2),
)


def test_bad_calls_of_dataset_say_what_is_wrong_with_their_code(
    program: Program, sales: Path
) -> None:
    """Each with the documented exit code and a hint, and nothing is recorded."""
    os.mkfifo(sales.with_name("fifo.csv"))
    for words, code in BAD:
        done = program("dataset", *words.split(), expect=code)
        assert len(done.err.splitlines()) >= 2, words
    assert program("dataset", "list", "--json").json == []


@pytest.mark.usefixtures("fresh")
def test_table_that_ends_its_process_is_refused(program: Program, tmp_path: Path) -> None:
    """A process that dies while it reads is the file's fault, not a bug of the program."""
    path = tmp_path / "bomb.csv.gz"
    path.write_bytes(gzip.compress(b"a\n1\n"))
    spec = {"do": "profile", "files": [{"path": str(path), "name": "x", "format": "csv.gz"}]}
    assert tables.ask(program.root, spec)["rows"] == 1
    with pytest.MonkeyPatch.context() as patch:
        code = f"import os; os.kill(os.getpid(), {signal.SIGKILL.value})"
        patch.setattr(
            "modeldeck.services.base.processes.command",
            lambda *_: [sys.executable, "-c", code],
        )
        with pytest.raises(InvalidInputError, match="ended its process"):
            tables.ask(program.root, spec)
