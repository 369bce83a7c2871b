"""What schemathesis has to know of the API beside its document.

Bodies that meet their schema ask for the model that runs, and for little of it. Refused, they are refused by one of
the rules below, which no JSON schema can say; any other refusal is a failure. Answers must not hold fields of which
the document says nothing, though it leaves clients prepared for more.
"""

from __future__ import annotations

import re
from typing import Any

import schemathesis
from schemathesis.core.failures import Failure
from schemathesis.generation import GenerationMode
from schemathesis.openapi.checks import RejectedPositiveData

MODEL, VECTORS = "demo", "vectors"
MOST = {"max_tokens": 16, "max_completion_tokens": 16, "max_output_tokens": 16, "n": 4}
RULES = (
    r"cannot be followed",  # a grammar or a schema: which keywords there are is llguidance's matter
    r"does not go together with|do not go together with",
    r"the model holds \d+ tokens",
    r"The vocabulary has \d+ tokens",
    r"The prompt (has \d+ tokens|cannot fit)",
    r"Prompts times n are more than",
    r"asks for",  # a field that has no meaning without another
    r"There is no tool",
    r"A call is required, but there are no tools",
    r"Two functions are named",
    r"Only an assistant calls tools",
    r"A message needs content",
    r"names a function, and no other does",
    r"Only a prompt in text can be echoed",
    r"No call .* comes before its output",
    r"An item of type \w+ (needs|has no)",
    r"There is nothing to respond to",
    r"The chat template",
    r"has to be stored",
    r"Only a background response can be cancelled",
    r"is not the id of",
    r"so there is nothing to go on from",
)
_RULE = re.compile("|".join(RULES))


@schemathesis.hook
def before_load_schema(context: schemathesis.HookContext, raw_schema: dict[str, Any]) -> None:
    """Close what answers are made of."""
    for schema in raw_schema["components"]["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)


@schemathesis.hook
def map_case(context: schemathesis.HookContext, case: schemathesis.Case[Any]) -> schemathesis.Case[Any]:
    """Let a right body be one that is run soon."""
    right = case.meta is None or case.meta.generation.mode is GenerationMode.POSITIVE
    body: Any = case.body
    if right and isinstance(body, dict) and "model" in body:
        body["model"] = VECTORS if case.path == "/v1/embeddings" else MODEL
        for field, most in MOST.items():
            if isinstance(body.get(field), int):
                body[field] = min(body[field], most)
    return case


@schemathesis.hook
def filter_failure(
    context: schemathesis.HookContext, failure: Failure, case: schemathesis.Case[Any], response: schemathesis.Response
) -> bool:
    """Keep a failure unless it is a refusal by one of the rules."""
    if not isinstance(failure, RejectedPositiveData) or response.status_code != 400:
        return True
    return not _RULE.search(response.json()["error"]["message"])
