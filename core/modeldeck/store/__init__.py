"""The disk: ledger, objects, streams, run folders, logs and the TinyDB catalogue."""
