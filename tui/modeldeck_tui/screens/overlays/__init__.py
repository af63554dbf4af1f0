"""What lies over a page: dialogs, help, the command line, letters to jump by, asking for a text."""

from __future__ import annotations
