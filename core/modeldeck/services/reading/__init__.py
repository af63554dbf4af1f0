"""Services that read runs: lists, comparisons, everything about one, and putting them away."""

from __future__ import annotations
