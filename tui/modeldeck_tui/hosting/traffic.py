"""What is sent to the terminal, counted: bytes and frames."""

from __future__ import annotations

from dataclasses import dataclass

from textual.driver import Driver

_LEAST_FRAME = 16
"""Bytes of the shortest write that draws something; what is shorter only frames it."""


@dataclass(slots=True)
class Traffic:
    """How much was sent since the screen was opened.

    Attributes
    ----------
    n_bytes : int
        Bytes.
    n_frames : int
        Writes that drew something.
    """

    n_bytes: int = 0
    n_frames: int = 0


def counting(driver: type[Driver], traffic: Traffic) -> type[Driver]:
    """Return a driver that counts what it writes."""

    class Counting(driver):  # type: ignore[valid-type, misc]  # whichever the terminal needs
        def write(self, data: str) -> None:
            traffic.n_bytes += len(data) if data.isascii() else len(data.encode(errors="replace"))
            traffic.n_frames += len(data) >= _LEAST_FRAME
            super().write(data)

    return Counting
