"""A query's parameters: those that the document names, and no others."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.endpoints.docs.build import is_described
from app.endpoints.table import DESCRIBED
from app.factory import create_app
from tasks.settings import Settings

FREE = {"docs.document", "docs.page", "docs.file", "health.alive", "health.short", "health.ready", "health.metrics"}
"""Calls of browsers, probes and Prometheus, which add parameters of their own."""


@pytest.fixture(scope="module")
def app() -> Flask:
    return create_app(Settings(models_file=None))


@pytest.fixture(scope="module")
def http(app: Flask) -> FlaskClient:
    return app.test_client()


def error(http: FlaskClient, method: str, path: str) -> tuple[int, Any]:
    answer = http.open(path, method=method)
    told = answer.get_json() or {}
    if isinstance(told.get("error"), str):  # as Ollama's calls tell it
        return answer.status_code, {**told, "message": told["error"]}
    return answer.status_code, told.get("error")


def test_every_call_refuses_a_parameter_that_the_document_does_not_name(app: Flask, http: FlaskClient) -> None:
    tried = set()
    for rule in app.url_map.iter_rules():
        if rule.endpoint in FREE or not is_described(rule):
            continue
        path = app.url_map.bind("").build(rule.endpoint, dict.fromkeys(rule.arguments, "x"), append_unknown=False)
        for method in (rule.methods or set()) - {"OPTIONS", "HEAD"}:
            status, said = error(http, method, f"{path}?colour=red")
            assert (status, said["code"], said["param"]) == (400, "unknown_parameter", "colour"), rule
            assert f"{method} {rule.rule}" in said["message"]
            tried.add(rule.endpoint)
    assert tried == set(DESCRIBED.calls) - FREE


def test_the_document_says_that_it_may_be_refused(http: FlaskClient) -> None:
    document = http.get("/openapi.json").get_json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            is_free = any(operation["operationId"] == name.replace(".", "_") for name in FREE)
            assert ("400" in operation["responses"]) is not is_free, (method, path)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/jobs?modle=demo", "'modle' is not a query parameter of GET /jobs. Did you mean 'model'?"),
        ("/jobs?Limit=3", "'Limit' is not a query parameter of GET /jobs. Did you mean 'limit'?"),
        ("/v1/batches?x=1", "'x' is not a query parameter of GET /v1/batches. It has limit, after."),
        ("/queues?limit=3", "'limit' is not a query parameter of GET /queues. It has none."),
        ("/jobs?limit[]=3", "'limit[]' is not a query parameter of GET /jobs. Did you mean 'limit'?"),
    ],
)
def test_the_nearest_parameter_is_named_or_all_that_there_are(http: FlaskClient, path: str, message: str) -> None:
    assert error(http, "GET", path)[1]["message"] == message


@pytest.mark.parametrize("path", ["/healthz?probe=1", "/health?x", "/docs?theme=dark", "/openapi.json?v=2"])
def test_what_probes_and_pages_add_is_passed_over(http: FlaskClient, path: str) -> None:
    assert http.get(path).status_code == 200


def test_a_path_that_does_not_exist_is_said_before_its_query() -> None:
    http = create_app(Settings(models_file=None)).test_client()
    assert http.get("/nothing?colour=red").status_code == 404


def test_options_are_answered_whatever_the_query(http: FlaskClient) -> None:
    assert http.options("/jobs?colour=red").status_code == 200


def test_what_codex_adds_to_the_list_of_models_is_taken(http: FlaskClient) -> None:
    error = http.get("/v1/models?client_version=0.46.0&colour=red").get_json()["error"]
    assert error["param"] == "colour"
