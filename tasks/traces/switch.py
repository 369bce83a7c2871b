"""Whether traces are on, by the variables of OpenTelemetry's specification. Nothing of its SDK is imported here."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from importlib.util import find_spec

from tasks.errors import SettingsError

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
PROTOCOL = "http/protobuf"
OF_BATCHES = re.compile(r"OTEL_BSP_\w+")
LIMITS = re.compile(r"OTEL_\w+_LIMIT")
NEEDED = ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http")


def traces_are_on(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether somebody has said where spans go, and nobody that there shall be none."""
    is_disabled = environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    exports = environ.get("OTEL_TRACES_EXPORTER", "").strip().lower() != "none"
    return exports and not is_disabled and any(environ.get(name, "").strip() for name in ENDPOINTS)


def require_traces(environ: Mapping[str, str] = os.environ) -> None:
    """Raise SettingsError if traces are on and cannot be sent: asked by programs when they start."""
    if not traces_are_on(environ):
        return
    for name in ENDPOINTS:
        if (url := environ.get(name, "").strip()) and not url.lower().startswith(("http://", "https://")):
            raise SettingsError(f"{name} must be http://HOST:PORT or https://HOST:PORT.")
    _require_protocol(environ)
    _require_numbers(environ)
    if not all(map(_is_there, NEEDED)):
        named = next(name for name in ENDPOINTS if environ.get(name, "").strip())
        raise SettingsError(
            f"{named} is set, and OpenTelemetry is not installed. Install llama-caravan[traces], or unset the variable."
        )


def _require_protocol(environ: Mapping[str, str]) -> None:
    exporter = environ.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if exporter not in ("", "otlp"):
        raise SettingsError(f"OTEL_TRACES_EXPORTER must be otlp or none: Caravan has no exporter '{exporter[:40]}'.")
    for name in PROTOCOLS:
        if (protocol := environ.get(name, "").strip().lower()) and protocol != PROTOCOL:
            raise SettingsError(
                f"{name} must be {PROTOCOL}, which collectors take on port 4318: Caravan does not speak "
                f"'{protocol[:40]}'."
            )
        if protocol:
            return


def _require_numbers(environ: Mapping[str, str]) -> None:
    """Those that the SDK fails of. What is no number at all, it leaves out where it speaks of batches."""
    for name, value in environ.items():
        number = int(value) if re.fullmatch(r"\s*[+-]?\d+\s*", value) else None
        if OF_BATCHES.fullmatch(name) and number is not None and number < 1:
            raise SettingsError(f"{name} must be a whole number from 1.")
        if LIMITS.fullmatch(name) and value and (number is None or number < 0):
            raise SettingsError(f"{name} must be a whole number from 0.")


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
