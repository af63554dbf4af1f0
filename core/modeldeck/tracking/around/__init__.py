"""What a run records of what is around it: code, packages, the machine."""
