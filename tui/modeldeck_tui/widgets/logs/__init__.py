"""A log on the screen: the lines that are held, how they are drawn, and what stands beside."""
