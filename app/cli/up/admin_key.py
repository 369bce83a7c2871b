"""The key of a cluster that `caravan up` starts: the first one, which makes the others."""

from __future__ import annotations

import os
from pathlib import Path

from tasks.records.api_key import new_secret
from tasks.settings import Settings

FILE = "admin-key"


def admin_key(settings: Settings, data: Path) -> str:
    """The one that the settings have, or the one in a file under `data`, made if need be. '' while keys are off."""
    if not settings.keys:
        return ""
    if settings.admin_key is not None:
        return settings.admin_key.get_secret_value()
    path = data / FILE
    if not path.exists() or not path.read_text().strip():
        data.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(new_secret() + "\n")
    return path.read_text().strip()
