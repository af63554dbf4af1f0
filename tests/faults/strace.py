"""Watching and disturbing the system calls of a child: strace attaches, then the child goes."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.faults.children import PATIENCE_S, Child, Nursery, Said

_CALLS = "%file,%desc"
_HEX = re.compile(r"(?:\\x[0-9a-f]{2})+")
_NO_CALLS = {"mmap", "munmap"}
_LINE = re.compile(r"^(?P<pid>\d+) +(?P<name>\w+)\((?P<rest>.*)\) += (?P<result>-?\d+|0x\w+|\?)")
_BEGUN = re.compile(r"^(?P<pid>\d+) +(?P<begun>\w+\(.*) <unfinished \.\.\.>$")
_ENDED = re.compile(r"^(?P<pid>\d+) +<\.\.\. \w+ resumed>(?P<rest>.*)$")


@dataclass(frozen=True)
class Call:
    """One system call, with what strace printed between the brackets.

    It is the ``nth`` of its name by its thread, whose number is ``pid``: strace counts so as well.
    """

    name: str
    nth: int
    text: str
    result: str
    pid: str

    def is_of_an_object(self) -> bool:
        """Say whether it names an object, or a folder of objects."""
        names = [decoded(one) for one in _HEX.findall(self.text)]
        return any(b"/objects" in one for one in names)


def run(child: Child, *, inject: str = "", trace: str = "", output: Path) -> list[Said]:
    """Let a child do its deed under strace; return what it said.

    Parameters
    ----------
    child : Child
        It waits for its start.
    inject : str
        What strace shall do, as ``fsync:signal=KILL:when=2`` or ``link:error=EIO:when=1``.
    trace : str
        The calls to be printed; empty takes all that have to do with files.
    output : Path
        Where strace prints them.
    """
    wanted = [f"inject={inject}"] if inject else []
    only = trace or (inject.partition(":")[0] if inject else _CALLS)
    options = [word for one in (f"trace={only}", *wanted) for word in ("-e", one)]
    command = ["strace", "-f", "-y", "-xx", "-s", "1000000", "-o", str(output), *options]
    process = subprocess.Popen(
        [*command, "-p", str(child.ready().pid)], stderr=subprocess.PIPE, text=True, bufsize=1
    )
    try:
        assert process.stderr is not None
        told = process.stderr.readline()
        assert "attached" in told, told
        said = child.go().all()
        process.communicate(timeout=PATIENCE_S)
    finally:
        child.kill()
        process.kill()
        process.wait()
    return said


def problem(nursery: Nursery, folder: Path) -> str:
    """Return why strace cannot be used here; empty when it can."""
    try:
        run(nursery.child("nothing"), output=folder / "trace")
    except AssertionError as error:
        return str(error).splitlines()[0]
    return ""


def calls(output: Path) -> list[Call]:
    """Return the calls that were printed, in the order in which they were over."""
    found = []
    count: Counter[tuple[str, str]] = Counter()
    for line in _whole_lines(output.read_text().splitlines()):
        match = _LINE.match(line)
        if match is None or match["name"] in _NO_CALLS:
            continue
        pid, name = match["pid"], match["name"]
        count[pid, name] += 1
        found.append(Call(name, count[pid, name], match["rest"], match["result"], pid))
    return found


def _whole_lines(lines: list[str]) -> Iterator[str]:
    """Put lines together again between which another thread made calls."""
    begun: dict[str, str] = {}
    for line in lines:
        if match := _BEGUN.match(line):
            begun[match["pid"]] = f"{match['pid']} {match['begun']}"
        elif (match := _ENDED.match(line)) and match["pid"] in begun:
            yield begun.pop(match["pid"]) + match["rest"]
        else:
            yield line


def own_calls(output: Path) -> list[Call]:
    """Return the calls of a deed alone, up to where it tells the test what happened.

    Those of other threads are left out: how many they make in that time is chance.
    """
    found: list[Call] = []
    for call in calls(output):
        if call.name == "write" and _is_socket(call.text):
            break
        found.append(call)
    return [one for one in found if one.pid == found[0].pid]


def _is_socket(text: str) -> bool:
    path = text.partition("<")[2].partition(">")[0]
    return decoded(path).startswith(b"socket:")


def decoded(text: str) -> bytes:
    r"""Return the bytes that strace printed as ``\x2f\x74``."""
    return bytes.fromhex(text.replace("\\x", ""))
