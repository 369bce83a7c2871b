"""All endpoints: their routes, and what the document tells of them. A new folder is named here."""

from __future__ import annotations

from importlib import import_module

from app.openapi.describe import Described

FOLDERS = (
    "home", "jobs", "openai", "openai.responses", "openai.rerank", "llama_server", "llama_server.streams", "ollama",
    "anthropic", "files", "batches", "message_batches", "tokens", "markdown", "cluster", "overview", "keys", "session",
    "webhooks", "docs",
)  # fmt: skip
"""Each has `routes` with its BLUEPRINTS, and a `document` with their CALLS and with its TAG and what that is ABOUT."""

_ROUTES = [import_module(f"app.endpoints.{folder}.routes") for folder in FOLDERS]
_DOCUMENTS = [import_module(f"app.endpoints.{folder}.document") for folder in FOLDERS]

BLUEPRINTS = tuple(blueprint for routes in _ROUTES for blueprint in routes.BLUEPRINTS)
DESCRIBED = Described(
    calls={name: call for document in _DOCUMENTS for name, call in document.CALLS.items()},
    tags={document.TAG: document.ABOUT for document in _DOCUMENTS},
)
