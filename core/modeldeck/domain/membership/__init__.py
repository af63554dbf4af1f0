"""Members in detail: their keys and roles by position, who is surely whom, changing them."""
