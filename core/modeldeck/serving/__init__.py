"""Answering predictions over HTTP."""
