"""``/webhooks``."""
