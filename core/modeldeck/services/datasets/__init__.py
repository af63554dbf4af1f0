"""Versions of datasets: adding, listing, comparing and verifying them."""
