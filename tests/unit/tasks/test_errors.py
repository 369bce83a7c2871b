"""The tree of errors and its wire form."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from app.endpoints.cluster.flower import FlowerUnavailable
from app.endpoints.cluster.wire import InvalidModelsFile, WorkersFixed
from app.endpoints.files.wire import FileInUse
from app.endpoints.llama_server.wire import NoSlotIdle
from app.endpoints.webhooks.wire import SecretAlreadyShown
from app.http.byte_range import RangeNotSatisfiable
from app.http.content_encoding import UnsupportedEncoding
from tasks import errors
from tasks.errors import CaravanError, UpstreamError, from_wire
from tests.support.error_tree import ErrorClass, error_classes

TABLE = [
    (errors.InvalidRequest, 400, "invalid_request_error", "invalid_value", None),
    (errors.ChatTemplateMissing, 400, "invalid_request_error", "chat_template_missing", None),
    (errors.ContextLengthExceeded, 400, "exceed_context_size_error", "context_length_exceeded", None),
    (errors.AuthenticationFailed, 401, "authentication_error", "invalid_api_key", None),
    (errors.InsufficientScope, 403, "permission_error", "insufficient_scope", None),
    (errors.ForeignSite, 403, "permission_error", "cross_site", None),
    (errors.NotFound, 404, "not_found_error", "not_found", None),
    (errors.ModelNotFound, 404, "not_found_error", "model_not_found", None),
    (errors.JobNotFound, 404, "not_found_error", "job_not_found", None),
    (errors.FileNotFound, 404, "not_found_error", "file_not_found", None),
    (errors.BatchNotFound, 404, "not_found_error", "batch_not_found", None),
    (errors.BodyTooSlow, 408, "timeout_error", "request_timeout", None),
    (InvalidModelsFile, 400, "invalid_request_error", "invalid_models_file", None),
    (FileInUse, 409, "conflict_error", "file_in_use", None),
    (WorkersFixed, 409, "conflict_error", "workers_fixed", None),
    (SecretAlreadyShown, 409, "conflict_error", "webhook_secret_shown", None),
    (errors.BatchConflict, 409, "conflict_error", "batch_already_ended", None),
    (errors.JobConflict, 409, "conflict_error", "job_already_finished", None),
    (errors.RequestTooLarge, 413, "invalid_request_error", "request_too_large", None),
    (RangeNotSatisfiable, 416, "invalid_request_error", "range_not_satisfiable", None),
    (UnsupportedEncoding, 415, "invalid_request_error", "unsupported_encoding", None),
    (errors.QueueFull, 429, "rate_limit_error", "queue_full", 5),
    (errors.StorageLimited, 429, "rate_limit_error", "storage_limit_exceeded", 60),
    (errors.RateLimited, 429, "rate_limit_error", "rate_limit_exceeded", 5),
    (errors.EngineFailure, 500, "server_error", "engine_failure", None),
    (errors.WorkerDied, 500, "server_error", "worker_died", None),
    (errors.ModelChanged, 500, "server_error", "model_changed", None),
    (errors.AdapterMissing, 500, "server_error", "adapter_missing", None),
    (errors.ModelMissing, 500, "server_error", "model_missing", None),
    (errors.ModelUnavailable, 503, "unavailable_error", "model_failed", 2),
    (errors.BrokerUnavailable, 503, "unavailable_error", "broker_unavailable", 2),
    (errors.StorageUnavailable, 503, "unavailable_error", "storage_unavailable", 30),
    (FlowerUnavailable, 503, "unavailable_error", "flower_unavailable", 2),
    (NoSlotIdle, 503, "unavailable_error", "no_slot_idle", 2),
    (errors.RecordTooNew, 503, "unavailable_error", "record_too_new", 2),
    (errors.JobTimeout, 504, "timeout_error", "deadline_exceeded", None),
]
"""Status, type and code of each, and how many seconds a client is told to wait."""

every_error = pytest.mark.parametrize(("cls", "status", "kind", "code", "retry_after"), TABLE)


@every_error
def test_an_error_knows_its_wire_form(
    cls: type[CaravanError], status: int, kind: str, code: str, retry_after: int | None
) -> None:
    error = cls("Mend it.")
    assert error.to_wire() == {"message": "Mend it.", "type": kind, "param": None, "code": code}
    assert (error.http_status, error.retry_after_seconds) == (status, retry_after)
    assert str(error) == error.message == "Mend it."


@every_error
def test_an_error_that_a_worker_wrote_down_is_rebuilt(
    cls: type[CaravanError], status: int, kind: str, code: str, retry_after: int | None
) -> None:
    written = cls("Mend it.", param="prompt")
    rebuilt = from_wire(written.to_wire())
    assert rebuilt.to_wire() == written.to_wire()
    assert (rebuilt.http_status, rebuilt.retry_after_seconds) == (status, retry_after)


@pytest.mark.parametrize(
    "cls",
    [
        errors.ChatTemplateMissing,
        errors.ContextLengthExceeded,
        errors.QueueFull,
        errors.JobTimeout,
        errors.EngineFailure,
        errors.RateLimited,
        errors.BrokerUnavailable,
    ],
)
def test_an_error_is_rebuilt_as_the_class_of_its_code(cls: type[CaravanError]) -> None:
    assert type(from_wire(cls("No.").to_wire())) is cls


def test_an_unknown_code_becomes_an_upstream_error_that_keeps_it() -> None:
    rebuilt = from_wire({"message": "Too new.", "type": "novel", "param": "x", "code": "from_the_future"})
    assert type(rebuilt) is UpstreamError
    assert (rebuilt.http_status, rebuilt.message, rebuilt.param, rebuilt.code) == (
        500,
        "Too new.",
        "x",
        "from_the_future",
    )


def test_an_error_without_a_code_becomes_an_upstream_error() -> None:
    assert type(from_wire({})) is UpstreamError


def test_a_code_of_its_own_is_told_and_the_class_keeps_its_own() -> None:
    error = errors.JobConflict("Reused.", code="idempotency_key_reused", param="Idempotency-Key")
    assert error.to_wire() == {
        "message": "Reused.",
        "type": "conflict_error",
        "param": "Idempotency-Key",
        "code": "idempotency_key_reused",
    }
    assert errors.JobConflict("Ended.").code == "job_already_finished"


def test_a_retry_after_that_is_known_goes_before_the_default() -> None:
    assert errors.QueueFull("Full.", retry_after_seconds=30).retry_after_seconds == 30


def test_every_error_of_the_tree_is_in_the_table() -> None:
    bases = {"CaravanError", "Overloaded", "Unavailable", "UpstreamError"}
    tree = {name for name, each in error_classes().items() if each.module != "caravan_client.errors"}
    assert tree - bases == {row[0].__name__ for row in TABLE}


LINE = re.compile(
    r"^(?P<indent> *)(?P<names>[A-Z]\w+(?:, [A-Z]\w+)*)(?: +(?P<status>\d{3}))?"
    r"(?:  (?P<module>(?:app|caravan_client)\.[\w.]+))?"
)


def told_tree() -> dict[str, ErrorClass]:
    """The tree as the docstring of `tasks.errors` draws it; a name without a status or a module has its base's."""
    told: dict[str, ErrorClass] = {}
    above: list[str] = []
    for found in filter(None, map(LINE.match, (errors.__doc__ or "").splitlines()[5:])):
        depth = len(found["indent"]) // 2
        base = told[above[depth - 1]] if depth else None
        names = found["names"].split(", ")
        status = int(found["status"]) if found["status"] else base.status if base else 0
        inherited = base.module if base and not found["status"] else "caravan_client.server_errors"
        for name in names:
            told[name] = ErrorClass(name, base.name if base else "Exception", found["module"] or inherited, status, "")
        above[depth:] = [names[-1]]
    return told


def test_the_docstring_draws_the_whole_tree() -> None:
    assert told_tree() == {name: replace(each, code="") for name, each in error_classes().items()}
