"""Policies: what environments ask, reading that, freezes, and what a policy makes impossible."""
