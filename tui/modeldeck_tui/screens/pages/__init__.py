"""The pages, and which one shows what."""

from __future__ import annotations
