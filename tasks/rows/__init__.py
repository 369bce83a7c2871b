"""The order in which many rows are asked and written down. Pure."""
