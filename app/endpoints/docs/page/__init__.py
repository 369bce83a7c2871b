"""The page that shows the document: Swagger UI, as the package `flask-swagger-ui` carries it, and a start of ours."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable

SWAGGER_UI = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")
OWN = ("index.html", "start.js")

FILES: Mapping[str, Traversable] = {
    **{name: files("flask_swagger_ui") / "dist" / name for name in SWAGGER_UI},
    **{name: files(__name__) / name for name in OWN},
}
"""All that there is under `/docs`, by name: what a client asks for is never a path."""
