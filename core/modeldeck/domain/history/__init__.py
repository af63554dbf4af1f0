"""What may happen to a ledger later: broken places, copies, losses, upgrades."""
