"""Paths without ``/v1``."""

from __future__ import annotations

import pytest

from app.factory import create_app
from tasks.settings import Settings


@pytest.fixture(scope="module")
def rules() -> dict[tuple[str, str], str]:
    found = create_app(Settings(models_file=None)).url_map.iter_rules()
    return {(method, rule.rule): rule.endpoint for rule in found for method in rule.methods or ()}


def test_every_path_under_v1_is_there_without_it(rules: dict[tuple[str, str], str]) -> None:
    short = {(method, path.removeprefix("/v1")) for method, path in rules if path.startswith("/v1/")}
    assert short <= rules.keys()
    for path in ("/chat/completions", "/responses", "/files", "/batches"):
        assert rules["POST", path] == rules["POST", f"/v1{path}"]


def test_a_call_of_that_path_keeps_it(rules: dict[tuple[str, str], str]) -> None:
    assert (rules["GET", "/models"], rules["GET", "/v1/models"]) == ("models.index", "models.openai_list")


def test_nothing_is_redirected() -> None:
    http = create_app(Settings(models_file=None)).test_client()
    assert http.get("/models/none?colour=red").status_code == 400
    assert http.post("/chat/completions", data=b"{").status_code == 400
