"""Looking after files: healing, the trash, taking in runs from elsewhere."""
