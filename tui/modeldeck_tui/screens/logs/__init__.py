"""Logs on the screen: a thread that reads them, and what the page asks of it."""
