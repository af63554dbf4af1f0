"""From documents to rows of text: the one place where foreign text enters the screen, cleaned."""
