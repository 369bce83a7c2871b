"""What schemathesis has to know of the API beside its document.

Bodies that meet their schema ask for the model that runs, and for little of it. Refused, they are refused by one of
the rules below, which no JSON schema can say; any other refusal is a failure. Answers must not hold fields of which
the document says nothing, though it leaves clients prepared for more.
"""

from __future__ import annotations

import re
import zlib
from contextlib import suppress
from typing import Any

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData, Failure, ServerError
from schemathesis.generation import GenerationMode
from schemathesis.generation.meta import TestPhase
from schemathesis.openapi.checks import RejectedPositiveData

MODEL, VECTORS, SCORES, ASIDE = "demo", "vectors", "scores", "aside"
LIMITS = {
    "/jobs": "max_tokens",
    "/v1/chat/completions": "max_tokens",
    "/v1/completions": "max_tokens",
    "/v1/responses": "max_output_tokens",
    "/completion": "n_predict",
    "/completions": "n_predict",
    "/infill": "n_predict",
    "/v1/messages": "max_tokens",
}
ASKED = {"messages", "prompt", "input", "content", "tokens", "input_prefix", "query"}
"""One of them is in each body that becomes a job."""
OF_VECTORS = {"/v1/embeddings", "/embedding", "/embeddings", "/api/embed", "/api/embeddings"}
OLLAMA_GENERATES = {"/api/chat", "/api/generate"}
MOST = {"n_predict": 8, "max_tokens": 8, "max_completion_tokens": 8, "max_output_tokens": 8, "n": 3}
PAGES = {"/jobs", "/v1/responses/{response_id}/input_items"}
TOKEN_IDS = {"prompt", "input", "tokens", "logit_bias"}
RULED = (
    "repetition_penalty",
    "grammar",
    "json_schema",
    "response_format",
    "text",
    "ignore_eos",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "chat_template_kwargs",
    "continue_final_message",
    "top_logprobs",
    "include",
    "echo",
    "background",
    "previous_response_id",
    "dimensions",
    "webhook",
    "format",
    "context",
    "suffix",
    "template",
    "images",
    "raw",
    "output_config",
    "output_format",
    "adapter",
    "lora",
)
"""Fields about which there are rules."""
RULES = (
    r"cannot be followed",  # a grammar or a schema: which keywords there are is llguidance's matter
    r"cannot be combined with",
    r"is allowed here only with",
    r"are reserved",
    r"The model's vectors have \d+ dimensions",
    r"The vocabulary has \d+ tokens",
    r"This model's maximum context length is \d+ tokens",
    r"Prompts times n exceed",
    r"is another name of",
    r"There are \d+ functions",
    r"\bneeds\b",  # a field that has no meaning without another
    r"There is no tool",
    r"A call is required, but there are no tools",
    r"Two functions are named",
    r"Only an assistant's message may have (tool_calls|a refusal)",
    r"A message needs content",
    r"Two messages of the assistant stand at the end",
    r"Only the type 'function' has a function",
    r"There is no call",
    r"Only messages of another role may have",
    r"Only the type 'tool' has a name",
    r"prompt is too long",
    r"is not the id of a model",
    r"An item of type \w+ (needs|has no)",
    r"The input is empty",
    r"The chat template",
    r"must be stored",
    r"Only a background response can be cancelled",
    r"is not the id of",
    r"^Send after_id or before_id",
    r"An earlier request has",
    r"so it cannot be continued",
    r"can be continued",
    r"This server sends no webhooks",
    r"expires_after needs an anchor and seconds",
    r"Only a file with the purpose 'batch'",
    r"this server's models (take no images|do not insert)",
    r"^template: a model has its own",
    r"^context: it is not what an answer of this server told",
    r"^This server's models are those of its models.yaml",
    r"^This model fills no gaps",
    r"^The model has no adapter|^The model's adapters are|^An adapter is asked for twice|names an adapter already",
    r"[Ww]ebhook's (port|host)|^webhook: the brackets",
)
_RULE = re.compile("|".join(RULES))


@schemathesis.hook
def before_load_schema(context: schemathesis.HookContext, raw_schema: dict[str, Any]) -> None:
    """Close what answers are made of."""
    for schema in raw_schema["components"]["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:
    """Stop no queue that the others need."""
    if case.path.startswith("/queues/") and case.path_parameters.get("model") in (MODEL, VECTORS, SCORES):
        case.path_parameters["model"] = ASIDE


@schemathesis.hook
def map_case(context: schemathesis.HookContext, case: schemathesis.Case[Any]) -> schemathesis.Case[Any]:
    """Let a right request be one that is soon answered, and most of them be such that no rule forbids."""
    headers: Any = case.headers
    body: Any = case.body
    _give_time(headers, body)
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return case
    ruled = case.meta.phase.name is not TestPhase.COVERAGE and len(str(body)) % 2 == 0
    if not ruled and case.query and case.path in PAGES:
        case.query.pop("after", None)
    for one in body if isinstance(body, list) else [body]:
        if isinstance(one, dict) and one.keys() & ASKED:
            _make_light(case.path, one)
            if not ruled:
                _allow(case.path, one)
    if isinstance(body, dict | list) and (key := headers.get("Idempotency-Key")):  # one key for many bodies is refused
        headers["Idempotency-Key"] = f"{key}{zlib.crc32(repr(body).encode(errors='replace'))}"[-255:]
    return case


def _give_time(headers: Any, body: Any) -> None:
    """Let no job expire: that is a right answer, and a 504."""
    if headers and _is_time(headers.get("X-Timeout")):
        headers["X-Timeout"] = "60"
    for one in body if isinstance(body, list) else [body]:
        if isinstance(one, dict) and _is_time(one.get("timeout")):
            one["timeout"] = 60


def _is_time(value: Any) -> bool:
    with suppress(TypeError, ValueError):
        return not isinstance(value, bool) and 0 < float(value) < 60
    return False


def _make_light(path: str, body: dict[str, Any]) -> None:
    """Have the models that run do a little."""
    body["model"] = _model(path, body)
    if path in OLLAMA_GENERATES:
        body["options"] = {**(body.get("options") or {}), "num_predict": MOST["max_tokens"]}
    for field in body.keys() & TOKEN_IDS:
        body[field] = _whole(body[field])
    if path in LIMITS and body["model"] == MODEL:
        body.setdefault(LIMITS[path], MOST[LIMITS[path]])
    for field, most in MOST.items():
        if isinstance(body.get(field), int):
            body[field] = min(body[field], most)


def _model(path: str, body: dict[str, Any]) -> str:
    """The one that can do it."""
    if path.endswith(("/rerank", "/reranking")) or (path == "/jobs" and "documents" in body):
        return SCORES
    return VECTORS if path in OF_VECTORS or (path == "/jobs" and "input" in body) else MODEL


def _allow(path: str, body: dict[str, Any]) -> None:
    """Take away what the rules may forbid."""
    for field in RULED:
        body.pop(field, None)
    messages = body.get("messages")
    for message in messages if isinstance(messages, list) else ():
        message["content"] = message.get("content") or "x"
        message.pop("images", None)
        if message["role"] != "assistant":
            message.pop("tool_calls", None)
    if path == "/v1/responses" and not isinstance(body["input"], str):
        body["input"] = "x"


def _whole(value: Any) -> Any:
    """Whole numbers written so: 1.0 is one to JSON schema, not to us, and neither to OpenAI."""
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@schemathesis.hook
def filter_failure(
    context: schemathesis.HookContext, failure: Failure, case: schemathesis.Case[Any], response: schemathesis.Response
) -> bool:
    """Keep a failure unless it is a refusal by one of the rules, or null that was taken for nothing."""
    if response.status_code == 414:
        return False  # gunicorn refuses so long a line before any route is asked
    if isinstance(failure, ServerError) and "fail_on_no_slot" in (case.query or {}):
        return False  # this is what it asks for
    if isinstance(failure, AcceptedNegativeData) and "in header - object with unexpected properties" in failure.message:
        return False  # whoever stands between may add headers
    if isinstance(failure, AcceptedNegativeData) and isinstance(case.body, dict) and None in case.body.values():
        return False
    if isinstance(failure, AcceptedNegativeData) and response.status_code == 207:
        return not any(each["error"] for each in response.json()["data"])  # each job of a list is judged by itself
    if isinstance(failure, RejectedPositiveData) and response.status_code == 416:
        return False  # how long a file is no schema says
    if not isinstance(failure, RejectedPositiveData) or response.status_code != 400:
        return True
    error = response.json()
    error = error if case.path.startswith("/api/") else error["error"]
    message = error.get("message") or error["error"]
    return not (_RULE.search(message) or _is_fraction(case.body, message, error["param"]))


def _is_fraction(body: Any, message: str, param: str | None) -> bool:
    """Whether it is about a whole number that is not written so."""
    if not message.endswith("Input should be a valid integer."):
        return False
    for step in str(param).split("."):
        body = body[int(step) if isinstance(body, list) else step]
    return isinstance(body, float) and body.is_integer()
