"""Datasets: the rule of their versions, the formats that are read, the documents that show them."""
