"""Streams: whole records, torn ones, and readers that come along."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modeldeck.errors import ModelDeckError, NotPermittedError, UnavailableError
from modeldeck.store.streams import Stream, StreamReader
from tests.tracking.full_disk import FullDisk

WRITER = """
import sys
from pathlib import Path
from modeldeck.store.streams import Stream
stream = Stream(Path(sys.argv[1]))
n = 0
while True:
    stream.write(b'{"n":%d,"fill":"' % n + b'x' * 500 + b'"}\\n')
    n += 1
"""


def test_record_is_read_once(tmp_path: Path) -> None:
    """A reader returns each record one time, as soon as it is whole."""
    path = tmp_path / "a.jsonl"
    reader = StreamReader(path)
    assert reader.read() == []
    stream = Stream(path)
    stream.write(b"one\n")
    assert reader.read() == [b"one"]
    stream.write(b"two\nthree\n")
    assert reader.read() == [b"two", b"three"]
    assert reader.read() == []


def test_torn_record_is_closed_by_the_next_writer(tmp_path: Path) -> None:
    """What a killed writer left is a line of its own; the next record is not glued to it."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"one\ntor")
    reader = StreamReader(path)
    assert reader.read() == [b"one"]
    Stream(path).write(b"two\n")
    assert reader.read() == [b"tor", b"two"]


@pytest.mark.parametrize("room", range(9))
def test_record_that_a_full_disk_tore_is_closed_by_the_same_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    """However many bytes of a record found room, the next one stands on a line of its own."""
    stream = Stream(tmp_path / "a.jsonl")
    stream.write(b"one\n")
    disk = FullDisk(monkeypatch, room=room)
    for _ in range(3):
        with pytest.raises(UnavailableError, match="No space left"):
            stream.write(b"two hundred\n")
    disk.free()
    stream.write(b"three\n")
    stream.write(b"four\n")
    whole = (tmp_path / "a.jsonl").read_bytes()
    assert whole.startswith(b"one\n" + b"two hundred\n"[:room])
    assert whole.endswith(b"\nthree\nfour\n")


def test_record_that_an_interrupt_tore_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Ctrl-C between the two parts of a record glues nothing to it."""
    stream = Stream(tmp_path / "a.jsonl")
    write = os.write
    parts = iter([2])

    def interrupted(descriptor: int, data: bytes) -> int:
        size = next(parts, 0)
        if not size:
            raise KeyboardInterrupt
        return write(descriptor, data[:size])

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            stream.write(b"one\n")
    stream.write(b"two\n")
    assert StreamReader(tmp_path / "a.jsonl").read() == [b"on", b"two"]


def test_killed_writer_loses_no_whole_record(tmp_path: Path) -> None:
    """After kill -9 every record but at most the last one is whole and in order."""
    path = tmp_path / "a.jsonl"
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)])
    deadline = time.monotonic() + 30
    while not path.exists() or path.stat().st_size < 100_000:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    lines = StreamReader(path).read()
    assert len(lines) > 100
    for number, line in enumerate(lines):
        assert line.startswith(b'{"n":%d,' % number)
        assert line.endswith(b'x"}')


def test_shortened_file_is_read_from_its_beginning(tmp_path: Path) -> None:
    """A file that became shorter is another one."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"one\ntwo\n")
    reader = StreamReader(path)
    reader.read()
    path.write_bytes(b"new\n")
    assert reader.read() == [b"new"]


def test_line_without_end_fills_no_memory(tmp_path: Path) -> None:
    """A line longer than allowed is dropped; what follows is read."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"one\n" + b"x" * 5000 + b"\ntwo\n")
    assert StreamReader(path, longest=1000).read() == [b"one", b"two"]


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_what_is_no_plain_file_is_not_read(tmp_path: Path, kind: str) -> None:
    """A link, a pipe or a folder in the place of a stream neither hangs nor leads away."""
    path = tmp_path / "a.jsonl"
    if kind == "link":
        (tmp_path / "secret").write_text("secret\n")
        path.symlink_to(tmp_path / "secret")
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    assert StreamReader(path).read() == []
    with pytest.raises(ModelDeckError, match=r"could not be written|not a plain file"):
        Stream(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_without_permission_is_an_error(tmp_path: Path) -> None:
    """The error names the folder."""
    tmp_path.chmod(0o500)
    with pytest.raises(NotPermittedError, match="cannot be written"):
        Stream(tmp_path / "a.jsonl")


@settings(deadline=None)  # a busy disk takes as long as it takes
@given(
    lines=st.lists(st.binary(max_size=40).filter(lambda line: b"\n" not in line and line)),
    cuts=st.lists(st.integers(0, 2000), max_size=8),
)
def test_reader_gives_the_same_lines_however_the_file_grows(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], cuts: list[int]
) -> None:
    """Read in pieces or at once, the lines are those that were written."""
    path = tmp_path_factory.mktemp("stream") / "a"
    whole = b"".join(line + b"\n" for line in lines)
    reader = StreamReader(path)
    found: list[bytes] = []
    for cut in [*sorted(min(cut, len(whole)) for cut in cuts), len(whole)]:
        path.write_bytes(whole[:cut])
        found += reader.read()
    assert found == lines
