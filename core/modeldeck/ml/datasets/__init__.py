"""Versions of datasets: reading tables in pieces, profiles, drift, comparing rows."""
