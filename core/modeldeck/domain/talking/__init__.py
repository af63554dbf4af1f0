"""Discussion: threads, the places that they are about, and who is mentioned."""
