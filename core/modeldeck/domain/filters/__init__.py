"""Filtering lists: the language of filters, and what each kind of document can be asked for."""

from __future__ import annotations
