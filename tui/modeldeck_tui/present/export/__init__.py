"""What leaves the screen: tables for spreadsheets, pictures in ASCII."""

from __future__ import annotations
