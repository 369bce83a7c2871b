"""The OpenAPI document: whole, valid, and true of the routes; the page that shows it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from flask import Flask
from flask.testing import FlaskClient
from schemathesis.specs.openapi.definitions import OPENAPI_31

from app.endpoints.docs.build import build
from app.endpoints.docs.page import FILES
from app.endpoints.table import DESCRIBED
from app.factory import create_app
from tasks.models.catalogue import Catalogue, ModelEntry, load
from tasks.settings import Settings

HOUSE = Path(__file__).parents[5]


@pytest.fixture(scope="module")
def app() -> Flask:
    return create_app(Settings(models_file=None))


@pytest.fixture(scope="module")
def http(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(scope="module")
def document(http: FlaskClient) -> dict[str, Any]:
    made: dict[str, Any] = http.get("/openapi.json").get_json()
    return made


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_every_route_is_told_of_and_no_other(app: Flask, document: dict[str, Any]) -> None:
    calls = {rule.endpoint for rule in app.url_map.iter_rules() if not rule.endpoint.startswith("console.")}
    assert calls == set(DESCRIBED.calls)
    told = {(re.sub(r"{\w+}", "x", path), method.upper()) for path, method, _ in operations(document)}
    adapter = app.url_map.bind("")
    assert all(adapter.test(path, method) for path, method in told)


def test_a_route_of_which_nothing_is_told_is_an_error() -> None:
    app = Flask("app", static_folder=None)
    app.add_url_rule("/new", "new.index", lambda: "new")
    with pytest.raises(LookupError, match=r"new\.index"):
        build(app, DESCRIBED, load(None))


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(OPENAPI_31).validate(document)
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for reference in set(re.findall(r"'\$ref': '#/([^']+)'", str(document))):
        found: Any = document
        for step in reference.split("/"):
            found = found[step]


def test_every_operation_has_a_name_of_its_own_and_a_summary(document: dict[str, Any]) -> None:
    found = [operation for _, _, operation in operations(document)]
    assert len({operation["operationId"] for operation in found}) == len(found)
    assert all(operation["summary"] for operation in found)
    assert {tag for operation in found for tag in operation["tags"]} == {tag["name"] for tag in document["tags"]}


def test_every_example_meets_its_schema(document: dict[str, Any]) -> None:
    tried = 0
    for _, _, operation in operations(document):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            validator = jsonschema.Draft202012Validator({**content["schema"], "components": document["components"]})
            assert content["examples"]
            for example in content["examples"].values():
                validator.validate(example["value"])
                tried += 1
        for parameter in operation["parameters"]:
            if "example" in parameter:
                jsonschema.validate(parameter["example"], parameter["schema"])
    assert tried > 10


def test_an_example_names_a_model_that_can_be_asked_for_it(app: Flask) -> None:
    catalogue = Catalogue(
        {
            "vectors": ModelEntry(path="fake", kind="embedding"),
            "scores": ModelEntry(path="fake", kind="rerank"),
            "words": ModelEntry(path="fake"),
        }
    )
    paths = build(app, DESCRIBED, catalogue)["paths"]
    content = {
        path: paths[path]["post"]["requestBody"]["content"]["application/json"] for path in ("/jobs", "/tokenize")
    }
    jobs = [each["value"] for each in content["/jobs"]["examples"].values()]
    bodies = [body for value in jobs for body in (value if isinstance(value, list) else [value])]
    assert len(bodies) > len(jobs)
    assert {body["model"] for body in bodies} == {"words", "vectors", "scores"}
    embedding = paths["/v1/embeddings"]["post"]["requestBody"]["content"]["application/json"]["examples"]
    assert [each["value"]["model"] for each in embedding.values()] == ["vectors"]


def test_every_error_code_stands_under_its_status(document: dict[str, Any]) -> None:
    """Those of docs/errors.md, but for those not raised in this version, or by any path, or where Flower is shown."""
    page = (HOUSE / "docs" / "errors.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \|(.*)$", page, flags=re.MULTILINE)
    raised = {(code, status) for code, status, meaning in rows if "Not raised in this version" not in meaning}
    told = {
        (code, status)
        for _, _, operation in operations(document)
        for status, answer in operation["responses"].items()
        for code in re.findall(r"`(\w+)`", answer["description"])
    }
    elsewhere = {("method_not_allowed", "405"), ("flower_unavailable", "503")}
    assert raised - told == elsewhere


def test_every_answer_tells_its_request_and_busy_ones_when_to_come_again(document: dict[str, Any]) -> None:
    for path, _, operation in operations(document):
        for status, answer in operation["responses"].items():
            assert "X-Request-Id" in answer["headers"], (path, status)
            busy = status in ("429", "503", "529") or (path, status) == ("/jobs", "207")
            assert ("Retry-After" in answer["headers"]) == busy, (path, status)


def test_the_page_asks_this_server_alone(http: FlaskClient) -> None:
    page = http.get("/docs")
    assert page.status_code == 200
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert not re.search(r"(src|href)=\"(https?:)?//", page.text)
    for name in re.findall(r"(?:src|href)=\"docs/([^\"]+)\"", page.text):
        assert http.get(f"/docs/{name}").status_code == 200


def test_a_file_that_the_client_has_is_not_sent_again(http: FlaskClient) -> None:
    first = http.get("/docs/swagger-ui.css")
    again = http.get("/docs/swagger-ui.css", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize("name", ["..", "../../pyproject.toml", "..%2f..%2fpyproject.toml", "%2e%2e/describe.py", "x"])
def test_nothing_else_lies_under_the_page(http: FlaskClient, name: str) -> None:
    assert name not in FILES
    assert http.get(f"/docs/{name}").status_code == 404
