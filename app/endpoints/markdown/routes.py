"""``POST /markdown``: a text's Markdown as HTML that is safe to show."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from app.bodies.validation import validate
from app.endpoints.markdown.rendering import render
from app.endpoints.markdown.wire import MarkdownBody, RenderedText
from app.http.json_body import read_json
from app.http.turns import aside

blueprint = Blueprint("markdown", __name__)


@blueprint.post("/markdown", endpoint="render")
def create() -> Response:
    """Make HTML of a text in Markdown, as of a model's answer: nothing in it runs or is fetched where it is shown.

    HTML in the text stays text. Links show their addresses, and pictures are links.
    """
    body = validate(MarkdownBody, read_json())
    rendered: RenderedText = {"object": "markdown", "html": aside(render, body.text)}
    return jsonify(rendered)


BLUEPRINTS = (blueprint,)
