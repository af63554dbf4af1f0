"""What a loss of power may leave: every state, from the system calls that a protocol made.

The model is the weak one of POSIX, without what common file systems promise beyond it:

- A write is on the disk for sure after a later ``fsync`` of that file; before, all of it, the first
  half, nothing, or zeros in its place may be there.
- A name that was made, linked, renamed or removed is so on the disk for sure after a later
  ``fsync`` of its *folder*; before, each such change may or may not be there, whatever the others
  did. A rename within one folder is one change.
- The power may go after any call.

:func:`states` gives every such state once, with what had been acknowledged by then.
"""

from __future__ import annotations

import itertools
import math
import os
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.faults.strace import Call, decoded

_HEX = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_OPENED = re.compile(r"^(\d+)<((?:\\x[0-9a-f]{2})*)>")
_CHANGES = {"link", "linkat", "rename", "renameat", "renameat2", "mkdir", "mkdirat"}
_REMOVES = {"unlink", "unlinkat", "rmdir"}
_WRITES = {"write", "pwrite64"}
_SYNCS = {"fsync", "fdatasync"}

MOST = 2_000
"""So many trees of one moment are looked at; changes that nobody brings to the disk double them."""

Tree = dict[str, bytes | None]
"""What is on a disk: paths below the root; a file's bytes, or None for a folder."""


@dataclass(frozen=True)
class Step:
    """One thing that a protocol did to the disk, or said.

    ``kind`` is make (a file), folder, link, move, remove, write, sync, or say.
    """

    kind: str
    path: str
    other: str = ""
    data: bytes = b""


def steps(calls: Sequence[Call], root: Path) -> list[Step]:
    """Return what calls did below a folder, in order; what they said is a step too."""
    found: list[Step] = []
    for call in calls:
        if call.result != "?" and not call.result.startswith("-"):
            found += [one for one in _steps(call) if one.kind == "say" or _is_below(one, root)]
    return [_relative(one, root) for one in found]


def _steps(call: Call) -> Iterator[Step]:
    names = [os.fsdecode(decoded(one)) for one in _HEX.findall(call.text)]
    opened = _OPENED.match(call.text)
    path = os.fsdecode(decoded(opened[2])) if opened else ""
    if call.name == "openat" and "O_CREAT" in call.text:
        yield Step("make", names[0])
    elif call.name in _WRITES and path.startswith("socket:"):
        yield Step("say", "", data=decoded(_HEX.findall(call.text)[0]))
    elif call.name in _WRITES:
        yield Step("write", path, data=decoded(_HEX.findall(call.text)[0])[: int(call.result)])
    elif call.name in _SYNCS:
        yield Step("sync", path)
    elif call.name in _CHANGES:
        kind = {"li": "link", "re": "move", "mk": "folder"}[call.name[:2]]
        yield Step(kind, names[0], names[1] if len(names) > 1 else "")
    elif call.name in _REMOVES:
        yield Step("remove", names[0])
    else:
        assert "trunc" not in call.name, f"the model knows no {call.name}"


def _is_below(step: Step, root: Path) -> bool:
    return Path(step.path).is_relative_to(root)


def _relative(step: Step, root: Path) -> Step:
    path, other = (
        str(Path(one).relative_to(root)) if one else "" for one in (step.path, step.other)
    )
    return replace(step, path=path, other=other)


@dataclass
class _Node:
    """A file or folder, whatever its names are; ``before`` is what was there at the beginning."""

    is_folder: bool
    before: bytes = b""
    names: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Change:
    """A change that may still be lost: of a folder's names, or of a file's bytes."""

    node: int
    names: tuple[tuple[str, int | None], ...] = ()
    offset: int = 0
    data: bytes = b""


class _Disk:
    """Follows the steps: which nodes there are, what is pending, and what is sure."""

    def __init__(self, before: Tree) -> None:
        self.nodes: list[_Node] = [_Node(is_folder=True)]
        self.now: dict[str, int] = {".": 0}
        self.sizes: dict[int, int] = {}
        self.changes: list[_Change] = []
        self.sure: set[int] = set()
        for path, data in sorted(before.items()):
            folder, name = self._place(path)
            node = self._new(path, is_folder=data is None, before=data or b"")
            self.nodes[folder].names[name] = node

    def _new(self, path: str, *, is_folder: bool, before: bytes = b"") -> int:
        self.nodes.append(_Node(is_folder, before))
        number = len(self.nodes) - 1
        self.now[path] = number
        self.sizes[number] = len(before)
        return number

    def _place(self, path: str) -> tuple[int, str]:
        folder, name = os.path.split(path)
        return self.now[folder or "."], name

    def take(self, step: Step) -> None:
        """Follow one step."""
        if step.kind == "sync":
            node = self.now.get(step.path)
            self.sure |= {n for n, one in enumerate(self.changes) if one.node == node}
        elif step.kind == "write":
            node = self.now[step.path]
            self.changes.append(_Change(node, offset=self.sizes[node], data=step.data))
            self.sizes[node] += len(step.data)
        elif step.kind == "move":
            self._move(step)
        elif step.kind == "remove":
            folder, name = self._place(step.path)
            self.now.pop(step.path)
            self.changes.append(_Change(folder, ((name, None),)))
        elif step.kind != "say":
            self._appear(step)

    def _appear(self, step: Step) -> None:
        path = step.other or step.path
        if path in self.now:
            return
        folder, name = self._place(path)
        if step.kind == "link":
            node = self.now[path] = self.now[step.path]
        else:
            node = self._new(path, is_folder=step.kind == "folder")
        self.changes.append(_Change(folder, ((name, node),)))

    def _move(self, step: Step) -> None:
        (source, old), (target, new) = self._place(step.path), self._place(step.other)
        node = self.now[step.other] = self.now.pop(step.path)
        appears, goes = ((new, node),), ((old, None),)
        if source == target:
            self.changes.append(_Change(target, appears + goes))
        else:
            self.changes += [_Change(target, appears), _Change(source, goes)]

    def outcomes(self, rng: random.Random) -> Iterator[Tree]:
        """Give every tree that a loss of power may leave now; of more than MOST a sample."""
        pending = [n for n in range(len(self.changes)) if n not in self.sure]
        kinds = [
            ("whole", "", "half", "zeros") if self.changes[n].data else ("whole", "")
            for n in pending
        ]
        drawn: Iterable[tuple[str, ...]] = itertools.product(*kinds)
        if math.prod(map(len, kinds)) > MOST:
            drawn = (tuple(map(rng.choice, kinds)) for _ in range(MOST))
        for fates in drawn:
            yield self._tree(dict(zip(pending, fates, strict=True)))

    def _tree(self, fates: dict[int, str]) -> Tree:
        names = [dict(one.names) for one in self.nodes]
        data = [bytearray(one.before) for one in self.nodes]
        for n, change in enumerate(self.changes):
            fate = fates.get(n, "whole")
            if not fate:
                continue
            for name, node in change.names:
                if node is None:
                    names[change.node].pop(name, None)
                else:
                    names[change.node][name] = node
            if change.data:
                _write(data[change.node], change, fate=fate)
        found: Tree = {}
        self._collect(0, "", names=names, data=data, found=found)
        return found

    def _collect(
        self,
        node: int,
        path: str,
        *,
        names: list[dict[str, int]],
        data: list[bytearray],
        found: Tree,
    ) -> None:
        for name, inner in names[node].items():
            below = f"{path}{name}"
            if self.nodes[inner].is_folder:
                found[below] = None
                self._collect(inner, f"{below}/", names=names, data=data, found=found)
            else:
                found[below] = bytes(data[inner])


def _write(data: bytearray, change: _Change, *, fate: str) -> None:
    part = change.data[: len(change.data) // 2] if fate == "half" else change.data
    if fate == "zeros":
        part = bytes(len(part))
    if len(data) < change.offset:  # what came before is a hole
        data.extend(bytes(change.offset - len(data)))
    data[change.offset : change.offset + len(part)] = part


def states(
    before: Tree, done: Sequence[Step], *, rng: random.Random
) -> Iterator[tuple[Tree, list[bytes]]]:
    """Give every state once: a tree, and what had been said when the power went.

    Where more than MOST trees may be left at a moment, so many are drawn.
    """
    disk = _Disk(before)
    said: list[bytes] = []
    seen: set[object] = set()
    for step in [None, *done]:
        if step is not None:
            disk.take(step)
            said += [step.data] if step.kind == "say" else []
        for tree in disk.outcomes(rng):
            known = (len(said), frozenset(tree.items()))
            if known not in seen:
                seen.add(known)
                yield tree, list(said)


def tree_of(root: Path) -> Tree:
    """Return what lies below a folder now, all of which counts as on the disk."""
    return {
        str(path.relative_to(root)): path.read_bytes() if path.is_file() else None
        for path in root.rglob("*")
    }


def put_down(tree: Tree, root: Path) -> None:
    """Make a folder hold a tree."""
    root.mkdir()
    for path, data in sorted(tree.items()):
        if data is None:
            (root / path).mkdir()
        else:
            (root / path).write_bytes(data)


def without_sync(done: Sequence[Step], path: str) -> list[Step]:
    """Return the steps without any that bring a path to the disk."""
    return [one for one in done if (one.kind, one.path) != ("sync", path)]


def synced(done: Sequence[Step]) -> list[str]:
    """Return the paths that steps bring to the disk, each once."""
    return list(dict.fromkeys(one.path for one in done if one.kind == "sync"))
