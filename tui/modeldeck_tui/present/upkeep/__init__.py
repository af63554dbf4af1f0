"""The health and the protection of a folder, as lines that screen and command line share."""
