"""``/v1/stream`` and ``/v1/streams/lookup``."""
