"""The pages' routes, and how a page is answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from flask import Blueprint, Flask, Response, current_app, make_response, redirect, render_template, request

from app.access.caller import known_caller
from app.access.scopes import without_key
from app.console import assets
from app.console.pages import BY_NAME, PAGES, Page, way_up
from app.services.services import services
from tasks.errors import NotFound

POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HOME: Final = "/"
KEPT_SECONDS: Final = 31_536_000
_ASSETS = "console"


def install(app: Flask) -> None:
    """Have the application serve the pages. Its first page is the home's route, which answers programs as well."""
    app.extensions[_ASSETS] = assets.read()
    blueprint = Blueprint("console", __name__, template_folder=".")
    for page in PAGES:
        if page.path != HOME:
            blueprint.add_url_rule(page.path, page.name, _view(page), methods=["GET"])
    blueprint.add_url_rule("/console/static/<version>/<path:path>", "static", without_key(static), methods=["GET"])
    app.register_blueprint(blueprint)


def respond(name: str) -> Response:
    """A page of the console; or the way to the login, for somebody who needs one."""
    page, settings, up = BY_NAME[name], services().settings, way_up(request.path)
    caller = known_caller() if page.needs_login else None
    if caller is None and page.needs_login:
        asked = request.full_path.rstrip("?").lstrip("/")
        return _no_store(make_response(redirect(f"{up}console/login?next={quote(asked, safe='')}", 303)))
    is_admin = caller is not None and caller.is_admin
    menu = [each for each in PAGES if each.in_menu and (is_admin or not each.for_admins)]
    response = make_response(
        render_template(
            f"{name}/page.html",
            page=page,
            menu=menu if caller else [],
            up=up,
            files=f"{up}console/static/{_assets().version}",
            caller=caller,
            keys=settings.keys,
            is_admin=is_admin,
            flower=settings.flower_url is not None,
        )
    )
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"  # a form's own request would have no origin without it
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    return _no_store(response)


def static(version: str, path: str) -> Response:
    """A file of the pages. One of another release is answered with ours, and not kept."""
    found = _assets()
    if path not in found.files:
        raise NotFound("The console does not have this file.")
    response = Response(found.files[path], content_type=assets.content_type(path))
    is_ours = version == found.version
    response.headers["Cache-Control"] = f"public, max-age={KEPT_SECONDS}, immutable" if is_ours else "no-cache"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "default-src 'none'"
    response.add_etag()
    response.make_conditional(request)
    return response


def _view(page: Page) -> Callable[..., Response]:
    """A page is the same whatever stands in its path: its script reads that, and asks the API."""

    def view(**_: str) -> Response:
        return respond(page.name)

    view.__doc__ = f"The page '{page.title}'."
    return without_key(view)


def _assets() -> assets.Assets:
    found: assets.Assets = current_app.extensions[_ASSETS]
    return found


def _no_store(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
