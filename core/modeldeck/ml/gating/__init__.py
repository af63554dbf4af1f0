"""The checks of a gate, and the statistics that they rest on."""
