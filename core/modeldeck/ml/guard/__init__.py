"""What stands between a model file and the process that loads it."""
