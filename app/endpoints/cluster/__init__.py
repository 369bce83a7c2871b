"""``/models``, ``/queues``, ``/healthz``, ``/readyz``, ``/metrics`` and ``/flower``."""
