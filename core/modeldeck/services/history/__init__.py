"""The later life of a ledger: anchors, what owners say about it, copies, upgrades."""
