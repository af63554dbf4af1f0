"""Moving in and out: MLflow's folders and databases, and other workspaces."""
