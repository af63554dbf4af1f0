"""Statuses as symbol and word: never told by colour alone."""

from __future__ import annotations

from modeldeck_tui.output import Cell
from modeldeck_tui.present.rows import cell

ENDPOINTS = {
    "live": Cell("● live", "good"),
    "deploying": Cell("◌ deploying", "warn"),
    "failed": Cell("✖ failed", "bad"),
    "stopped": Cell("○ stopped", "dim"),
    "silent": Cell("○ silent", "warn"),
}
RELEASES = {
    "checking": Cell("◌ checking", "dim"),
    "blocked": Cell("✖ blocked", "bad"),
    "waiting": Cell("● waiting", "warn"),
    "changes-requested": Cell("◌ changes requested", "warn"),
    "rejected": Cell("✖ rejected", "bad"),
    "withdrawn": Cell("○ withdrawn", "dim"),
    "expired": Cell("○ expired", "dim"),
    "outdated": Cell("○ outdated", "dim"),
    "approved": Cell("✔ approved", "good"),
    "deploying": Cell("◌ deploying", "warn"),
    "live": Cell("✔ live", "good"),
    "failed": Cell("✖ failed", "bad"),
    "replaced": Cell("○ replaced", "dim"),
    "rolled-back": Cell("○ rolled back", "dim"),
}
RUNS = {
    "running": Cell("● running", "good"),
    "finished": Cell("✔ finished", ""),
    "failed": Cell("✖ failed", "bad"),
    "cancelled": Cell("○ cancelled", "dim"),
    "lost": Cell("○ lost", "warn"),
}


def run_status(status: str) -> Cell:
    """Return a run's status."""
    return RUNS.get(status, cell(status))


def release_status(status: str) -> Cell:
    """Return a release's status."""
    return RELEASES.get(status, cell(status))


def endpoint_status(status: str) -> Cell:
    """Return an endpoint's status."""
    return ENDPOINTS.get(status, cell(status))
