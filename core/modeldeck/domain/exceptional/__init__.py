"""What goes past a rule, or takes a permission back: overrides, broken glass, revoked versions."""
