"""Samples of the machine while a run goes on: processor, memory, GPUs.

From ``/proc`` (proc(5)) and, where there is one, ``nvidia-smi``. What cannot be read is left out;
nothing here fails.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGESIZE")
_MOST_PROCESSES = 1000
_PATIENCE_S = 5.0
_QUERY = "--query-gpu=index,utilization.gpu,memory.used,memory.total"


class Sampler:
    """Looks at a process, its descendants and the machine; shares are since the last look.

    Parameters
    ----------
    pid : int
        The process.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._used = self._times(_family(pid))
        self._host = _host_times()
        self._at = time.monotonic()
        self._gpu_program = shutil.which("nvidia-smi")

    def sample(self) -> dict[str, object]:
        """Return what happened since the last sample; the format is in ``store.runs``."""
        found: dict[str, object] = {"at": round(time.time(), 3)}
        family = _family(self._pid)
        used, now = self._times(family), time.monotonic()
        busy = sum(max(0, ticks - self._used.get(pid, 0)) for pid, ticks in used.items())
        if now > self._at:
            found["cpu_cores"] = round(busy / _TICKS / (now - self._at), 3)
        self._used, self._at = used, now
        found["n_processes"] = len(used)
        found["memory_bytes"] = sum(map(_resident, family))
        host = _host_times()
        if host and self._host and host[1] > self._host[1]:
            idle = (host[0] - self._host[0]) / (host[1] - self._host[1])
            found["host_cpu_share"] = round(min(1.0, max(0.0, 1 - idle)), 3)
        self._host = host
        memory = _host_memory()
        if memory:
            found["host_memory_bytes"] = memory
        gpus = self._gpus()
        return found | ({"gpus": gpus} if gpus else {})

    @staticmethod
    def _times(family: list[int]) -> dict[int, int]:
        return {pid: ticks for pid in family if (ticks := _ticks(pid)) is not None}

    def _gpus(self) -> list[dict[str, float]]:
        if self._gpu_program is None:
            return []
        try:
            done = subprocess.run(
                [self._gpu_program, _QUERY, "--format=csv,noheader,nounits"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_PATIENCE_S,
                check=False,
            )
        except (OSError, subprocess.SubprocessError):
            self._gpu_program = None  # a driver that hangs is not asked again
            return []
        found: list[dict[str, float]] = []
        for line in done.stdout.decode(errors="replace").splitlines():
            with contextlib.suppress(ValueError):
                index, busy, used, total = (float(one) for one in line.split(","))
                found.append(
                    {
                        "index": int(index),
                        "busy_share": busy / 100,
                        "memory_bytes": int(used) << 20,
                        "memory_total_bytes": int(total) << 20,
                    }
                )
        return found


def _family(pid: int) -> list[int]:
    """Return a process and its descendants, as far as the system tells."""
    found: list[int] = []
    waiting = [pid]
    while waiting and len(found) < _MOST_PROCESSES:
        one = waiting.pop()
        found.append(one)
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{one}/task"):  # noqa: PTH208 -- names only
                waiting += map(int, _read(f"/proc/{one}/task/{task}/children").split())
    return found


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _ticks(pid: int) -> int | None:
    """Return the clock ticks that a process used; fields 14 and 15 of its ``stat``."""
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12]) if len(fields) > 12 else None


def _resident(pid: int) -> int:
    fields = _read(f"/proc/{pid}/statm").split()
    return int(fields[1]) * _PAGE if len(fields) > 1 else 0


def _host_times() -> tuple[int, int] | None:
    """Return the idle ticks and all ticks of the whole machine."""
    fields = _read("/proc/stat").partition("\n")[0].split()[1:9]
    ticks = [int(one) for one in fields if one.isdigit()]
    return (ticks[3] + ticks[4], sum(ticks)) if len(ticks) > 4 else None


def _host_memory() -> int:
    """Return the bytes that are neither free nor can be freed at once."""
    found = {}
    for line in _read("/proc/meminfo").splitlines()[:8]:
        name, _colon, value = line.partition(":")
        with contextlib.suppress(ValueError, IndexError):
            found[name] = int(value.split()[0]) << 10
    return max(0, found.get("MemTotal", 0) - found.get("MemAvailable", 0))
