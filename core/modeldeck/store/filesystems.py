"""What a folder lies on, and what may be relied on there.

Locks hold nothing across two mounts by sshfs and by some servers of NFS, and no file system tells
about the changes that another computer makes. So a workspace that does not lie on a disk of this
computer is looked at again and again, and its writers queue at no lock; the protocols of the ledger
and of objects need neither.

The kind follows from the mount that a folder belongs to: ``/proc/self/mountinfo`` (proc(5)) names
its type as text, also what is behind FUSE, which the numbers of statfs(2) do not tell. A type that
is not known here is treated like one of another computer.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from dataclasses import dataclass
from pathlib import Path

from modeldeck.errors import ModelDeckError
from modeldeck.store import files

MOUNTS = Path("/proc/self/mountinfo")
_LOCAL = frozenset(
    (
        *("bcachefs", "btrfs", "erofs", "exfat", "ext2", "ext3", "ext4", "f2fs", "jfs", "nilfs2"),
        *("ntfs", "ntfs3", "overlay", "ramfs", "squashfs", "tmpfs", "vfat", "xfs", "zfs"),
    )
)
_KINDS = {
    "nfs": "NFS",
    "nfs4": "NFS",
    "cifs": "CIFS",
    "smb3": "CIFS",
    "smbfs": "CIFS",
}
_ESCAPED = re.compile(r"\\([0-7]{3})")
_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW


@dataclass(frozen=True, slots=True)
class FileSystem:
    """What a folder lies on.

    Attributes
    ----------
    kind : str
        ``local``, ``NFS``, ``CIFS``, ``FUSE`` or ``unknown``.
    type : str
        The type as the system names it, as ``ext4`` or ``fuse.sshfs``; empty when it tells none.
    """

    kind: str
    type: str = ""

    @property
    def is_local(self) -> bool:
        """Whether locks hold and changes are told."""
        return self.kind == "local"

    @property
    def polls_because(self) -> str:
        """Why changes have to be looked for and no lock is taken; empty when they are told."""
        if self.is_local:
            return ""
        named = f" ({self.type})" if self.type and self.type.upper() != self.kind else ""
        kind = "a file system of unknown kind" if self.kind == "unknown" else self.kind
        return f"the workspace lies on {kind}{named}, which does not tell what others change"


def of(path: Path, *, mounts: Path | None = None) -> FileSystem:
    """Return what a folder lies on.

    Parameters
    ----------
    path : Path
        The folder.
    mounts : Path or None
        The table of mounts; None takes the system's own.
    """
    try:
        table = (mounts or MOUNTS).read_text(errors="surrogateescape")
    except OSError:
        return FileSystem("unknown")
    real = os.path.realpath(path)
    longest, found = -1, ""
    for line in table.splitlines():
        before, _dash, after = line.partition(" - ")
        fields, types = before.split(" "), after.split(" ")
        if len(fields) < 5 or not types[0]:
            continue
        point = _ESCAPED.sub(lambda one: chr(int(one[1], 8)), fields[4])
        is_above = real == point or real.startswith(point.rstrip("/") + "/")
        if is_above and len(point) >= longest:  # of two on one point the later one is seen
            longest, found = len(point), types[0]
    return FileSystem(_kind(found), found)


def _kind(name: str) -> str:
    if name in _LOCAL:
        return "local"
    if name == "fuse" or name.startswith(("fuse.", "fuseblk")):
        return "FUSE"
    return _KINDS.get(name, "unknown")


def lock_problem(tmp: Path) -> str:
    """Return what is wrong with ``flock`` below the folder of files on their way; empty if nothing.

    Two descriptors of one file never both get it where it works; what another computer gets is not
    to be seen from here.
    """
    try:
        with files.private_folder(tmp) as folder:
            path = folder / f".{os.getpid()}-{os.urandom(6).hex()}.tmp"
            return _try_lock(path)
    except (ModelDeckError, OSError) as error:
        return f"it could not be tried ({error})"


def _try_lock(path: Path) -> str:
    first = os.open(path, _CREATE, 0o600)
    second = -1
    try:
        second = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return ""
        return "two writers get the same lock at once"
    except OSError as error:
        return f"the system refuses it ({error.strerror})"
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
        for descriptor in (first, second):
            if descriptor >= 0:
                files.close(descriptor)
