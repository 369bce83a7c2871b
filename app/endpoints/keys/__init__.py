"""``/admin/keys``."""
