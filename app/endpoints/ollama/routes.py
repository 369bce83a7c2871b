"""Ollama's calls: those that generate run a body as a job, those about models read the catalogue."""

from __future__ import annotations

import time
from typing import NoReturn

from flask import Blueprint, Response, jsonify

from app.access.caller import catalogue
from app.access.holding import holds
from app.access.scopes import without_key
from app.bodies.job import JobBody
from app.bodies.validation import validate
from app.endpoints.ollama import answers, ndjson, view, wire
from app.endpoints.ollama.body import (
    EmbedBody,
    GenerateBody,
    ModelBody,
    OldEmbeddingBody,
    OllamaChatBody,
    PullBody,
    RawGenerateBody,
    ShowBody,
)
from app.endpoints.ollama.call import check_headers, generate
from app.endpoints.ollama.errors import FORM
from app.endpoints.ollama.model_file import ModelFile, look
from app.endpoints.ollama.names import as_ours, own_name
from app.endpoints.openai.vectors import embeddings
from app.http import errors
from app.http.json_body import read_json
from app.http.turns import aside, in_thread
from app.jobs.waiting import run_to_end
from app.services.services import services
from tasks.errors import InvalidRequest
from tasks.ledger import overview
from tasks.records.job import Job

blueprint = Blueprint("ollama", __name__, url_prefix="/api")
errors.install(blueprint, FORM)

VERSION = "0.13.0"
"""The release of Ollama whose calls these are: clients look whether a server is new enough."""


@blueprint.post("/chat")
@holds()
def chat() -> Response:
    """Generate the next message of a conversation; without messages, load the model."""
    return generate(OllamaChatBody, read_json(), answers.as_message)


@blueprint.post("/generate", endpoint="generate")
@holds()
def generate_text() -> Response:
    """Answer a prompt, or continue it if it is `raw`; without one, load the model."""
    sent = read_json()
    schema = RawGenerateBody if sent.get("raw") is True else GenerateBody
    return generate(schema, sent, answers.as_response)


@blueprint.post("/embed")
@holds()
def embed() -> Response:
    """Vectors of texts."""
    sent = read_json()
    body = aside(validate, EmbedBody, as_ours(sent))
    name = str(sent.get("model", ""))
    if not body.input:
        check_headers(body)
        return jsonify(_embedded(name, None, []))
    job, vectors = _vectors(sent, body)
    return jsonify(_embedded(name, job, vectors))


@blueprint.post("/embeddings", endpoint="embeddings")
@holds()
def old_embeddings() -> Response:
    """A vector of a text, as Ollama's clients once asked for it."""
    sent = read_json()
    body = aside(validate, OldEmbeddingBody, as_ours(sent))
    if not body.prompt:
        check_headers(body)
    told: wire.OldEmbedding = {"embedding": _vectors(sent, body)[1][0] if body.prompt else []}
    return jsonify(told)


def _vectors(sent: dict[str, object], body: JobBody) -> tuple[Job, list[list[float]]]:
    ended = run_to_end(sent, body)
    assert ended.outcome is not None
    made = embeddings(ended, ended.outcome)["data"]
    return ended, [each["embedding"] for each in made if isinstance(each["embedding"], list)]


def _embedded(name: str, job: Job | None, vectors: list[list[float]]) -> wire.Embedded:
    made = answers.figures(job, job.outcome) if job and job.outcome else None
    return {
        "model": name,
        "embeddings": vectors,
        "total_duration": made["total_duration"] if made else 0,
        "load_duration": made["load_duration"] if made else 0,
        "prompt_eval_count": made["prompt_eval_count"] if made else 0,
    }


@blueprint.get("/tags")
def tags() -> Response:
    """List the models that the caller may use."""
    models = catalogue()
    files = _files(list(models))
    return jsonify({"models": [view.tag(name, files[own]) for name, own in models.listed.items()]})


@blueprint.get("/ps")
def loaded() -> Response:
    """List the models that have live workers."""
    models, now = catalogue(), time.time()
    crews = overview.crews(services().redis, models)
    files = _files([name for name in models if crews[name].workers])
    return jsonify({"models": [view.loaded(name, models[name], file, now=now) for name, file in files.items()]})


@blueprint.post("/show")
def show() -> Response:
    """Show a model."""
    name = _named(validate(ShowBody, read_json()))
    return jsonify(view.shown(name, catalogue()[name], _files([name])[name]))


@blueprint.get("/version")
@without_key
def version() -> Response:
    """The release of Ollama whose calls these are."""
    told: wire.OllamaVersion = {"version": VERSION}
    return jsonify(told)


@blueprint.post("/pull")
def pull() -> Response:
    """Report a model that is there as downloaded. Others are not downloaded by a call."""
    body = validate(PullBody, read_json())
    _named(body)
    statuses: list[wire.Status] = [{"status": "pulling manifest"}, {"status": "success"}]
    return ndjson.respond(map(ndjson.line, statuses)) if body.stream else jsonify(statuses[-1])


@blueprint.post("/create", endpoint="create")
@blueprint.post("/copy", endpoint="copy")
@blueprint.post("/push", endpoint="push")
@blueprint.delete("/delete", endpoint="delete")
def refuse() -> NoReturn:
    """Refuse to change the models: they are those of models.yaml."""
    raise InvalidRequest("This server's models are those of its models.yaml. No call makes, copies or deletes them.")


def _named(body: ModelBody) -> str:
    """The model that a body names, as the catalogue does; raises ModelNotFound."""
    models = catalogue()
    return models.name_of(own_name(body.named(), models.names))


def _files(names: list[str]) -> dict[str, ModelFile]:
    """The models' files. The first look at a large one takes half a second, of which others have their share."""
    models = catalogue()
    return in_thread(lambda: {name: look(models[name]) for name in names})


BLUEPRINTS = (blueprint,)
