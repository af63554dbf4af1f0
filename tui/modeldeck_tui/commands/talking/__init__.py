"""Commands about discussion and telling people."""
