"""Running any program as a run: its process, its terminal, its signals."""
