"""A log of 1 GB: its end, index, searching, merging, following; beside tail, grep and lnav."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from modeldeck.domain.logs.query import Query, Words, field_test, levels_from
from modeldeck.store.logs import Follower, Log
from modeldeck.store.logs.merged import Merged
from tests.benchmarks.harness import Row, interleaved, process_s
from tests.benchmarks.terminal import terminal

SIZE = 1 << 30
FOLLOWED = 100_000
ROUNDS = 3
LITERAL = "request_id=00000001e240"
REGEX = r"status=5\d\d"
FIELD = "status>=500"
_PEERS = {
    "less": "less: the end of 1 GB on the screen",
    "rg literal": "rg: the literal, all hits",
    "rg regex": "rg: the regular expression, all hits",
    "lnav literal": "lnav: filter by the literal",
}
PROGRAM = [sys.executable, "-P", "-m", "modeldeck_tui.cli", "logs"]
# What the kernel calls a child's maximum begins with that of the process that started it; the mark
# of the child's own memory does not.
_MEMORY = """
import sys
sys.argv = ["modeldeck", "logs", sys.argv[1], "-n", "200"]
from modeldeck_tui.cli import main
try:
    main()
except SystemExit:
    pass
with open("/proc/self/status") as file:
    print(next(int(line.split()[1]) for line in file if "VmHWM" in line) / 1024, file=sys.stderr)
"""


def make(path: Path, size: int) -> None:
    """Write lines of about 150 bytes, a second each hundred, one in a hundred an error."""
    levels = [b"INFO "] * 97 + [b"WARN "] * 2 + [b"ERROR"]
    with path.open("wb") as file:
        first = 0
        while file.tell() < size:
            block = []
            for number in range(first, first + 100_000):
                second = number // 100
                block.append(
                    b"2026-11-23T%02d:%02d:%02d.%02d0000Z %s serve.fraud[%d] request_id=%012x "
                    b"latency_ms=%d.59 status=%d rows=%d version 7 of tumour, as it was approved\n"
                    % (
                        *(second // 3600 % 24, second // 60 % 60, second % 60, number % 100),
                        levels[number % 100],
                        number % 9,
                        number,
                        number % 99,
                        503 if number % 1000 == 999 else 200,
                        number % 7,
                    )
                )
            first += 100_000
            file.write(b"".join(block))


def taken(work: Callable[[], object]) -> float:
    """Return the seconds that something takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def shown_s(command: list[str], text: bytes) -> float:
    """Return the seconds until a program shows a text in a terminal."""
    begun = time.perf_counter()
    environment = {**os.environ, "TERM": "xterm-256color", "LESSHISTFILE": "-"}
    with terminal(command, environment=environment) as shown:
        shown.until_shown(text)
        return time.perf_counter() - begun


def last_words(path: Path) -> bytes:
    """Return what only the last line has: its request's number."""
    with path.open("rb") as file:
        file.seek(-400, os.SEEK_END)
        return file.read().rsplit(b"request_id=", 1)[1].split()[0]


def index(path: Path) -> None:
    """Index a log from nothing."""
    with Log(path) as log:
        while log.advance():
            pass


def search(path: Path, query: Query) -> int:
    """Return how many lines fit."""
    with Log(path) as log:
        return sum(one.line is not None for one in log.search(query))


def merged(paths: list[Path]) -> None:
    """Open several logs and give the last page."""
    with Merged([Log(path, source=source) for source, path in enumerate(paths)]) as logs:
        assert len(logs.before(logs.end, 200).lines) == 200


def follow(folder: Path) -> float:
    """Return the seconds of processor time that following 100,000 lines takes, by 1,000 each."""
    path = folder / "followed.log"
    path.touch()
    follower = Follower(Log(path))
    block = b"2026-11-23T07:10:11.123456Z INFO  200 1 rows 0.85 ms version 1\n" * 1000
    spent = 0.0
    with path.open("ab", buffering=0) as file:
        for _ in range(FOLLOWED // 1000):
            file.write(block)
            begun = time.process_time()
            assert len(follower.poll().lines) == 1000
            spent += time.process_time() - begun
    follower.close()
    path.unlink()
    return spent


def memory(path: Path) -> float:
    """Return the most MB that the command took to show the last lines."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", _MEMORY, path], capture_output=True, text=True, check=True
    )
    return float(done.stderr.split()[-1])


def row(case: str, value: float, unit: str, budget: float | None = None) -> Row:
    """Return a row without a peer."""
    return Row(case=case, value=value, unit=unit, budget=budget, beside="", beside_value=None)


def bench() -> list[Row]:
    """Measure on 1 GB and on four files of a quarter, in turn with what is installed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "large.log")
        make(path, SIZE)
        quarters = [Path(folder, f"{number}.log") for number in range(4)]
        for one in quarters:
            make(one, SIZE // 4)
        os.sync()
        literal = Query(keep=(Words(LITERAL, has_case=True),))
        regex = Query(keep=(Words(REGEX, has_case=True),))
        cases: dict[str, Callable[[], float]] = {
            "start": partial(process_s, [*PROGRAM, path, "-n", "200"]),
            "tail": partial(process_s, ["tail", "-n", "200", path]),
            "index": partial(taken, partial(index, path)),
            "wc": partial(process_s, ["wc", "-l", path]),
            "literal": partial(taken, partial(search, path, literal)),
            "grep literal": partial(process_s, ["grep", "-c", LITERAL, path]),
            "regex": partial(taken, partial(search, path, regex)),
            "grep regex": partial(process_s, ["grep", "-cE", "status=5[0-9][0-9]", path]),
            "level": partial(taken, partial(search, path, Query(levels=levels_from("error")))),
            "field": partial(taken, partial(search, path, Query(fields=(field_test(FIELD),)))),
            "merged": partial(taken, partial(merged, quarters)),
            "follow": partial(follow, Path(folder)),
        }
        if less := shutil.which("less"):
            cases["less"] = partial(shown_s, [less, "+G", str(path)], last_words(path))
        if rg := shutil.which("rg"):
            cases["rg literal"] = partial(process_s, [rg, "-c", LITERAL, path])
            cases["rg regex"] = partial(process_s, [rg, "-c", REGEX, path])
        if shutil.which("lnav"):
            lnav: list[str | Path] = ["lnav", "-n", "-c", f":filter-in {LITERAL}", path]
            cases["lnav literal"] = partial(process_s, lnav)
        found = interleaved(cases, rounds=ROUNDS)
        used = memory(path)
    return [*_rows(found), row("1 GB: last lines, memory of the command", used, "MB", 60.0)]


def _rows(found: dict[str, float]) -> list[Row]:
    gb = SIZE / 1e9
    beside = [
        ("1 GB: last 200 lines, whole process", "start", 0.5, "tail -n 200", "tail"),
        ("1 GB: index", "index", 1.0 * gb, "wc -l", "wc"),
        ("1 GB: literal, all hits", "literal", 0.6 * gb, "grep -c", "grep literal"),
        ("1 GB: regular expression, all hits", "regex", 1.0 * gb, "grep -cE", "grep regex"),
    ]
    rows = [
        Row(
            case=case,
            value=found[name],
            unit="s",
            budget=budget,
            beside=peer,
            beside_value=found[other],
        )
        for case, name, budget, peer, other in beside
    ]
    rows += [
        row("1 GB: errors with their tracebacks", found["level"], "s"),
        row(f"1 GB: field, {FIELD}", found["field"], "s"),
        row("four files of 250 MB: last 200 lines merged", found["merged"] * 1e3, "ms", 500.0),
        row(
            "follow 10,000 lines/s: share of a core, reading and telling levels",
            found["follow"] / FOLLOWED * 10_000 * 100,
            "%",
            25.0,
        ),
        row("follow: most lines", FOLLOWED / found["follow"], "lines/s", 100_000.0),
    ]
    return rows + [row(case, found[name], "s") for name, case in _PEERS.items() if name in found]
