"""``GET /``: where things are on this server."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from app.access.scopes import without_key
from app.console import routes as console
from app.endpoints.home import view
from app.endpoints.home.wire import Home
from app.http import pages
from app.services.services import services

blueprint = Blueprint("home", __name__)


@blueprint.get("/")
@without_key
def index() -> Response:
    """List where things are. A browser gets the console's first page, a program JSON."""
    if pages.is_wanted(request):
        response = console.respond("overview")
    else:
        links = view.links(flower=services().settings.flower_url is not None)
        home: Home = {"object": "home", "links": links}
        response = jsonify(home)
    response.vary.add("Accept")
    return response


BLUEPRINTS = (blueprint,)
