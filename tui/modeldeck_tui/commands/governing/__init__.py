"""Commands about the ledger, members, the policy and the folder as a whole."""
