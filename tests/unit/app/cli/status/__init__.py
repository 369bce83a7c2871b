"""`caravan status`."""
