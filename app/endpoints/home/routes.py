"""``GET /``: where things are on this server."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from app.access.scopes import without_key
from app.endpoints.home import view
from app.endpoints.home.wire import Home
from app.http import pages
from app.services.services import services

blueprint = Blueprint("home", __name__)


@blueprint.get("/")
@without_key
def index() -> Response:
    """List where things are. A browser gets a page of links, a program JSON."""
    settings = services().settings
    flower = settings.flower_url is not None
    links = view.links(flower=flower)
    if pages.is_wanted(request):
        texts = view.texts(keys=settings.keys, flower=flower)
        response = pages.respond("Caravan", texts, links.values(), path=request.path)
    else:
        home: Home = {"object": "home", "links": {name: link.path for name, link in links.items()}}
        response = jsonify(home)
    response.vary.add("Accept")
    return response


BLUEPRINTS = (blueprint,)
