"""Where things are, as values."""

from __future__ import annotations

from app.http.pages import Link

DOCS, OPENAPI = Link("/docs", "all calls, to try them here"), Link("/openapi.json", "the same for programs (OpenAPI)")
READINESS = Link("/readyz", "whether jobs are accepted")
MODELS = Link("/models", "the models, and their states")
FLOWER = Link("/flower/", "Flower: workers and tasks")
ABOUT = "This server runs language models from a queue. Programs use it over HTTP."
KEYS = "Calls need an API key, which a browser does not send: all of these but {without_key} answer a browser with 401."


def links(*, flower: bool) -> dict[str, Link]:
    """The places that there are, by name."""
    always = {"docs": DOCS, "openapi": OPENAPI, "readiness": READINESS, "models": MODELS}
    return {**always, "flower": FLOWER} if flower else always


def texts(*, keys: bool, flower: bool) -> list[str]:
    """What is said above the links."""
    without_key = f"{READINESS.path} and {FLOWER.path}" if flower else READINESS.path
    return [ABOUT, KEYS.format(without_key=without_key)] if keys else [ABOUT]
