"""``caravan web``: the front under gunicorn."""
