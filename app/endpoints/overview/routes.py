"""``GET /overview``: the cluster at a glance."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, jsonify

from app.access.caller import caller
from app.endpoints.overview.shared import Glance, read
from app.endpoints.overview.wire import Overview
from app.services.services import services
from app.services.shared_view import SharedView

blueprint = Blueprint("overview", __name__)

_VIEW = "caravan.overview"


@blueprint.get("/overview", endpoint="index")
def index() -> Response:
    """Show all models with their workers and queues in sums. It is made once a second, however many ask."""
    found, key = _view().get(), caller()
    shown: Overview = {
        "object": "overview",
        "at": found.at,
        "models": [
            model
            for model in found.models
            if key.is_admin or (model["queue"]["in_catalogue"] and key.limits.allows(model["id"]))
        ],
        "redis": found.redis if key.is_admin else None,
    }
    return jsonify(shown)


def _view() -> SharedView[Glance]:
    """One of each web process; made at the first request."""
    to = services()
    view: SharedView[Glance] = current_app.extensions.setdefault(_VIEW, SharedView(lambda: read(to)))
    return view


BLUEPRINTS = (blueprint,)
