"""Commands that read runs: lists, one run, several side by side, curves, putting them away."""

from __future__ import annotations
