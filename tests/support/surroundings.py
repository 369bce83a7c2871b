"""What a command may find around itself, and must not be disturbed by."""

from __future__ import annotations

import sys
from importlib.metadata import packages_distributions
from pathlib import Path

POISON = "a module of the working folder was run"
OF_USERS = ("app", "tasks", "celeryconfig", "flowerconfig", "sitecustomize", "usercustomize")
DEAD_PROXY = "http://127.0.0.1:9"
PROXIES = {
    **dict.fromkeys(("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"), DEAD_PROXY),
    "all_proxy": "socks5://127.0.0.1:9",
    "no_proxy": "",
    "NO_PROXY": "",
}
"""Proxies that do not answer, one of them of a kind that needs a library which is not there."""


def poisoned(folder: Path) -> Path:
    """A folder with a module of every name that a program could import, each of which ends whoever runs it."""
    folder.mkdir(exist_ok=True)
    for name in {*sys.stdlib_module_names, *packages_distributions(), *OF_USERS}:
        if name.isidentifier():
            (folder / f"{name}.py").write_text(f"import os\nos.write(2, b'{POISON}')\nos._exit(99)\n")
    (folder / "gunicorn.conf.py").write_text("raise SystemExit(99)\n")
    (folder / ".env").write_text("CARAVAN_PORT=nonsense\n")
    return folder
