"""Discussion: texts of remarks, threads, and what of them waits for a person."""
