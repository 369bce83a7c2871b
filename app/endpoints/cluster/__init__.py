"""``/models``, ``/queues``, ``/healthz``, ``/health``, ``/readyz``, ``/metrics`` and ``/flower``."""
