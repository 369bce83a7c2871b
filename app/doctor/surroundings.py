"""The settings of the environment: which are made, and which make no sense."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from app.doctor.finding import Finding, fault, ok
from tasks.environment import PREFIX, read_settings, variable
from tasks.errors import SettingsError
from tasks.settings import Settings

CHECK = "settings"
TOKENS = ("CARAVAN_API_KEY", "HF_TOKEN")
SHORTEST = 6
"""A shorter password is no secret, and other words are made of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The settings to go on with: a default stands for each that makes no sense."""

    settings: Settings
    models_file: Path | None
    """As it was given, whether or not it can be read."""
    wrong: Collection[str]
    """Variables that make no sense."""
    findings: list[Finding]


def read() -> Given:
    """Those of this process' environment. What makes no sense is taken out of it, so that the rest can be looked at."""
    models = os.environ.get(variable("models_file"))
    findings: list[Finding] = []
    wrong: set[str] = set()
    while True:
        try:
            settings = read_settings()
        except SettingsError as exc:
            findings.append(fault(CHECK, str(exc), "Correct or unset it: docs/settings.md lists all settings."))
            wrong |= _taken_out(str(exc).split()[0])
        else:
            break
    made = sorted(map(variable, settings.model_fields_set))
    findings = findings or [ok(CHECK, ", ".join(made) if made else "none are set: the defaults apply")]
    return Given(settings=settings, models_file=Path(models) if models else None, wrong=wrong, findings=findings)


def redis_url(given: Given, option: str | None) -> str | None:
    """The cluster's Redis that somebody named; None if nobody did."""
    return option or (given.settings.redis_url if "redis_url" in given.settings.model_fields_set else None)


def secrets(settings: Settings, *urls: str | None) -> set[str]:
    """What must not be shown: keys, and the passwords of URLs, of the settings and others."""
    given = (settings.admin_key, settings.metrics_key, settings.flower_password, settings.sentinel_password)
    keys = [secret.get_secret_value() for secret in given if secret]
    passwords = [urlsplit(url or "").password or "" for url in (settings.redis_url, settings.broker_url, *urls)]
    tokens = [os.environ.get(name, "") for name in TOKENS]
    texts = [
        *keys,
        *settings.webhook_secrets,
        *settings.webhook_shared_secrets,
        *passwords,
        *map(unquote, passwords),
        *tokens,
    ]
    return {text for text in texts if len(text) >= SHORTEST}


def _taken_out(name: str) -> set[str]:
    """Unset a variable, however it is written; all of ours, if it is none."""
    ours = {key for key in os.environ if key.upper().startswith(PREFIX)}
    named = {key for key in ours if key.upper() == name.upper()} or ours
    for key in named:
        del os.environ[key]
    return {key.upper() for key in named}
