"""Between the ledger and the broker: submission, dispatch, the sweep, and the Celery application."""
