"""What people decide about, as rows and lines: reviews, statements, the policy."""
