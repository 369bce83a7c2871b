"""Pages of other origins: none may call but those that the settings name (Fetch standard, section 3.2)."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Flask, Response, request

from app.http.hosts import lets_in

METHODS = "GET, HEAD, POST, PATCH, DELETE"
SHOWN = "Location, Retry-After, X-Job-Id, X-Request-Id, X-Unused-Parameters, traceresponse, " + ", ".join(
    f"x-ratelimit-{figure}-{kind}" for kind in ("requests", "tokens") for figure in ("limit", "remaining", "reset")
)
PREFLIGHT_SECONDS = "600"


def install(app: Flask, origins: Sequence[str]) -> None:
    """Let pages of these origins call. They send a key like everyone else: cookies are of no use here.

    To be installed before keys are asked for: a browser's preflight carries none.
    """
    if not origins:
        return

    @app.before_request
    def preflight() -> Response | None:
        if request.method != "OPTIONS" or "Access-Control-Request-Method" not in request.headers:
            return None
        response = Response()  # 200, as llama-server answers
        if _is_allowed(origins):
            response.headers["Access-Control-Allow-Methods"] = METHODS
            response.headers["Access-Control-Allow-Headers"] = request.headers.get("Access-Control-Request-Headers", "")
            response.headers["Access-Control-Max-Age"] = PREFLIGHT_SECONDS
        return response

    @app.after_request
    def allow(response: Response) -> Response:
        response.vary.add("Origin")
        if _is_allowed(origins):
            response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
            response.headers["Access-Control-Expose-Headers"] = SHOWN
        return response


def _is_allowed(origins: Sequence[str]) -> bool:
    origin = request.headers.get("Origin")
    return origin is not None and lets_in(origin, request.headers.get("Host", ""), origins)
