"""Versions of datasets as rows and lines."""
