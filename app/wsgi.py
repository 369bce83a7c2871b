"""What gunicorn serves: ``gunicorn app.wsgi:app``."""

from __future__ import annotations

from app.factory import create_app
from tasks import logs
from tasks.settings import Settings

_settings = Settings()
logs.configure(_settings)
app = create_app(_settings)
