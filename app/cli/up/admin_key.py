"""What opens a cluster that `caravan up` starts: the first key, which makes the others, and Flower's password."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import SecretStr

from app.cli.flower import has_login
from tasks.records.api_key import new_secret
from tasks.settings import Settings

FILE, FLOWER_FILE = "admin-key", "flower-password"


def admin_key(settings: Settings, data: Path) -> str:
    """The one that the settings have, or the one in a file under `data`, made if need be. '' while keys are off."""
    if not settings.keys:
        return ""
    return _given(settings.admin_key) or _kept(data / FILE)


def flower_password(settings: Settings, data: Path) -> str:
    """The same for Flower, which is another's to know; '' as well if Flower has a login of its own."""
    if not settings.keys or has_login():
        return ""
    return _given(settings.flower_password) or _kept(data / FLOWER_FILE)


def _given(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""


def _kept(path: Path) -> str:
    """The secret in a file; made if there is none. Raises OSError."""
    if not path.exists() or not path.read_text().strip():
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(new_secret() + "\n")
    return path.read_text().strip()
