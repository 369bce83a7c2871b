"""Scores of documents: each call runs its body as a job."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from app.access.holding import holds
from app.bodies.validation import validate
from app.endpoints.openai.rerank.body import RerankBody, TextsBody
from app.endpoints.openai.rerank.view import ranked_texts, ranking
from app.http.json_body import read_json
from app.http.turns import aside
from app.jobs.waiting import run_to_end

blueprint = Blueprint("rerank", __name__)


@blueprint.post("/v1/rerank", endpoint="create")
@blueprint.post("/v1/reranking", endpoint="create_as_well")
@blueprint.post("/v2/rerank", endpoint="create_for_cohere")
@holds()
def create() -> Response:
    """Order documents by their relevance to a query."""
    sent = read_json()
    schema = TextsBody if "texts" in sent else RerankBody
    job = run_to_end(sent, aside(validate, schema, sent))
    assert job.outcome is not None
    shown = ranked_texts if schema is TextsBody else ranking
    return jsonify(shown(job, job.outcome))


BLUEPRINTS = (blueprint,)
