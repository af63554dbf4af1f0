"""What the app does, part by part: reading, doing and undoing, going from page to page, looks."""

from __future__ import annotations
