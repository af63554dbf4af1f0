"""Keys that ask something before they sign."""
