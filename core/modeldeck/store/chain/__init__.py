"""The chain of a ledger's entries: their files, and folding them in order."""
