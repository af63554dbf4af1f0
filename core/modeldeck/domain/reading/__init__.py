"""Reading runs: putting them away, ordering and choosing what lists show, comparing."""

from __future__ import annotations
