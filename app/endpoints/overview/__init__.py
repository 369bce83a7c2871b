"""``/overview``."""
