"""Notifications: who is told of what, and the bytes that they get."""
