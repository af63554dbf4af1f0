"""Logs as values: formats of lines, what a line tells, and questions about lines."""
