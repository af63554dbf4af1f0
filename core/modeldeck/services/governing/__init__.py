"""What the owners decide: the policy."""
