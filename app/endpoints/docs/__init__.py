"""``/openapi.json`` and ``/docs``."""
