"""What a server that follows the ledger needs: copies of what is approved, and a trial of it."""
