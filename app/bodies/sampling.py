"""The fields that chat and completion share."""

from __future__ import annotations

import secrets
from dataclasses import fields
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from app.bodies.adapter import AskedAdapters, resolved
from app.bodies.biases import Biases
from app.bodies.job import JobBody
from app.bodies.llama_parameters import LlamaParameters
from app.bodies.part import Part
from app.bodies.service_tier import Tier
from app.bodies.unused import UNUSED, Unused
from app.bodies.urgency import Urgency
from tasks.answers.constraint import GrammarError, from_json_schema, from_text
from tasks.errors import InvalidRequest
from tasks.models.catalogue import ModelEntry
from tasks.records.adapters import Adapters
from tasks.records.sampling import MAX_SEED, SamplingParams
from tasks.records.sampling_ranges import RepeatPenalty, SamplingRanges
from tasks.records.size import check_size

MOST_TOKENS = 2**31 - 1
"""The greatest limit of an answer; it is longer than any context, so it is none."""
MOST_CHOICES = 128
LEAST_TEMPERATURE = 1e-3
"""What is colder is greedy: logits divided by less are no numbers any more."""
RANDOM_SEED = -1
"""llama.cpp's way to ask for a new seed."""

READ_APART = {
    *("max_tokens", "seed", "seeded", "stop", "logit_bias", "text_bias", "grammar"),
    *("logprobs", "prompt_logprobs", "logprob_ids", "logprobs_as_sampled"),
}
"""Fields of `SamplingParams` that `SamplingBody.sampling` makes of what stands here."""
PASSED_ON = {field.name for field in fields(SamplingParams)} - READ_APART
"""Those that mean there what they mean here, under the same names."""


def _as_list(value: Any) -> Any:
    """One stop string may stand alone. Not a union: its errors would name the members that were tried."""
    if not isinstance(value, str | list | None):
        raise PydanticCustomError("stop_type", "Input should be a string or a list of strings")
    return [value] if isinstance(value, str) else value


def _unlimited(value: Any) -> Any:
    """llama.cpp's -1 is no limit; a field that is left out may have a default."""
    return MOST_TOKENS if value == -1 and not isinstance(value, bool) else value


Tokens = Annotated[int, Field(ge=1, le=MOST_TOKENS)]
MaxTokens = Annotated[Tokens | None, BeforeValidator(_unlimited, json_schema_input_type=Tokens | Literal[-1] | None)]
MaybeTokens = Annotated[int, Field(ge=0, le=MOST_TOKENS)]
MaxTokensOrNone = Annotated[
    MaybeTokens | None, BeforeValidator(_unlimited, json_schema_input_type=MaybeTokens | Literal[-1] | None)
]
"""With 0 for an answer of no tokens: what is asked for is the prompt's echo."""

Verbosity = Literal["low", "medium", "high"]
CacheRetention = Literal["in_memory", "in-memory", "24h"]
"""In OpenAI's two spellings."""

StopString = Annotated[str, Field(min_length=1, max_length=256)]
StopList = Annotated[list[StopString], Field(max_length=16)]
StopStrings = Annotated[StopList | None, BeforeValidator(_as_list, json_schema_input_type=StopString | StopList | None)]


class StreamOptions(Part):
    """Options of a streamed answer."""

    include_usage: bool = False
    continuous_usage_stats: bool = False
    """vLLM's: the counts so far, on every chunk."""
    include_obfuscation: Annotated[bool | None, Unused(done=False)] = None


class JsonSchema(Part):
    """The ``json_schema`` of a response format."""

    name: str | None = Field(None, max_length=64)
    description: str | None = None
    strict: bool | None = None
    schema_: dict[str, Any] = Field(alias="schema")


class ResponseFormat(Part):
    """The required form of the answer."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None
    schema_: dict[str, Any] | None = Field(None, alias="schema")
    """llama.cpp's form: a schema beside the type json_object."""

    def schema_of_answer(self) -> dict[str, Any] | None:
        """The schema that the answer has to meet, if any."""
        if self.schema_ is not None and self.type != "json_object":
            raise InvalidRequest("A schema is allowed here only with json_object.", param="response_format.schema")
        if self.type == "text":
            return None
        if self.type == "json_object":
            return self.schema_ or {"type": "object"}
        if self.json_schema is None:
            raise InvalidRequest("The type json_schema needs a schema.", param="response_format.json_schema")
        return self.json_schema.schema_


class SamplingBody(SamplingRanges, LlamaParameters, JobBody, Urgency):
    """Sampling as a client asks for it."""

    limits: ClassVar[tuple[str, ...]] = ("max_tokens", "n_predict")
    """Fields that limit the answer; the first that is given counts."""
    default_limit: ClassVar[int | None] = None
    """What counts if none is. Whatever counts, an answer ends where the model's context does."""

    max_tokens: MaxTokens = None
    n_predict: MaxTokens = None
    """llama-server's name of the same."""
    repetition_penalty: RepeatPenalty = None
    """vLLM's name of the same."""
    seed: int | None = Field(None, ge=RANDOM_SEED, le=MAX_SEED)
    stop: StopStrings = None
    logit_bias: Biases | None = None
    grammar: str | None = Field(None, min_length=1)
    json_schema: dict[str, Any] | None = None
    response_format: ResponseFormat | None = None
    ignore_eos: bool | None = None
    n: int | None = Field(None, ge=1, le=MOST_CHOICES)
    adapter: AskedAdapters | None = None
    """LoRA adapters of the model: a name, an object with a scale, or a list."""
    user: Annotated[str | None, UNUSED] = Field(None, max_length=512)
    store: Annotated[bool | None, Unused(done=False)] = None
    service_tier: Tier | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None

    @property
    def tier(self) -> Tier | None:
        return self.service_tier

    @property
    def tells_progress(self) -> bool:
        return bool(self.stream) and self.return_progress

    @property
    def tells_times(self) -> bool:
        return bool(self.stream) and self.timings_per_token

    def adapters(self, entry: ModelEntry, *, named: str | None) -> Adapters:
        return resolved(self.adapter, entry, named=named, numbered=self.lora)

    def sampling(self, entry: ModelEntry) -> SamplingParams:
        """The parameters for a model; raises InvalidRequest for what cannot be combined or followed, or is too much."""
        unsaid = entry.sampling
        given_limits = [value for name in self.limits if (value := getattr(self, name)) is not None]
        max_tokens = next(iter(given_limits), unsaid.max_tokens or self.default_limit)
        given = self.model_dump(include=PASSED_ON, exclude_none=True)
        other_name = self.repetition_penalty
        if other_name is not None and given.setdefault("repeat_penalty", other_name) != other_name:
            raise InvalidRequest(
                "repetition_penalty is another name of repeat_penalty. Send one of them.", param="repetition_penalty"
            )
        given = unsaid.given() | given
        if given.get("temperature", 1) < LEAST_TEMPERATURE:
            given["temperature"] = 0.0
        seed = unsaid.seed if self.seed is None else self.seed
        is_drawn = seed in (None, RANDOM_SEED)
        params = SamplingParams(
            max_tokens=None if max_tokens == MOST_TOKENS else max_tokens,
            seed=secrets.randbelow(MAX_SEED) if is_drawn or seed is None else seed,
            seeded=not is_drawn,
            stop=tuple(self.stop or ()),
            logit_bias=tuple((token, bias) for token, bias in self.logit_bias or () if isinstance(token, int)),
            text_bias=tuple((text, bias) for text, bias in self.logit_bias or () if isinstance(text, str)),
            grammar=self._grammar(),
            logprobs=self.num_logprobs(),
            **given,
        )
        check_size(params, num_sequences=self.num_sequences(), context=entry.context)
        return params

    def num_sequences(self) -> int:
        """How many answers are generated."""
        return self.n or 1

    def num_logprobs(self) -> int | None:
        """How many alternatives are told beside each token; None if its own probability is not asked for either."""
        return None

    def _grammar(self) -> str | None:
        """The one constraint that the body names; raises InvalidRequest if it cannot be followed."""
        schema = self.response_format.schema_of_answer() if self.response_format else None
        constraints = {"grammar": self.grammar, "json_schema": self.json_schema, "response_format": schema}
        given = {field: value for field, value in constraints.items() if value is not None}
        if not given:
            return None
        ((field, value), *others) = given.items()
        if others or self.ignore_eos:
            other = others[0][0] if others else "ignore_eos"
            raise InvalidRequest(f"{field} cannot be combined with {other}.", param=field)
        try:
            return from_text(value) if isinstance(value, str) else from_json_schema(value)
        except GrammarError as exc:
            raise InvalidRequest(f"{field} cannot be followed: {exc}.", param=field) from exc
