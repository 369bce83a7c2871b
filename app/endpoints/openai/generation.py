"""How an answer was generated, as llama-server tells it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, cast

from pydantic import Field
from typing_extensions import TypedDict

from tasks.records.job import Job
from tasks.records.outcome import Outcome
from tasks.records.sampling import FORBIDDEN, SamplingParams

SAMPLERS = ["penalties", "dry", "top_n_sigma", "top_k", "typ_p", "top_p", "min_p", "xtc", "temperature"]
"""The order of the chain (`tasks.engine.llama.chain`), in llama-server's words."""
_SAME = (
    *("temperature", "dynatemp_range", "dynatemp_exponent", "top_k", "top_p", "min_p", "top_n_sigma"),
    *("xtc_probability", "xtc_threshold", "typical_p", "repeat_last_n", "repeat_penalty", "presence_penalty"),
    *("frequency_penalty", "dry_multiplier", "dry_base", "dry_allowed_length", "dry_penalty_last_n", "ignore_eos"),
)
_OFF = {"mirostat": 0, "mirostat_tau": 5.0, "mirostat_eta": 0.1, "adaptive_target": -1.0, "adaptive_decay": 0.9}
"""What llama-server can do and this does not, at its values for off."""


class Bias(TypedDict):
    """What is added to a token's logit; null for a token that may not come."""

    token: int | str
    bias: float | None


def generation_settings(
    sampling: Mapping[str, Any], *, stream: bool = False, end_tokens: Iterable[int] = ()
) -> dict[str, Any]:
    """The settings of a job's ``sampling``, by llama-server's names.

    Args:
        end_tokens: those that end an answer, if they are ignored: they may not come.
    """
    params = SamplingParams.decode(sampling)
    limit = -1 if params.max_tokens is None else params.max_tokens
    ends = [(token, FORBIDDEN) for token in end_tokens]
    biases: list[tuple[int | str, float]] = [*params.logit_bias, *params.text_bias, *ends]
    return {
        "seed": params.seed,
        **{name: getattr(params, name) for name in _SAME},
        **_OFF,
        "stop": list(params.stop),
        "max_tokens": limit,
        "n_predict": limit,
        "n_keep": 0,
        "n_discard": 0,
        "stream": stream,
        "logit_bias": [{"token": token, "bias": None if bias == FORBIDDEN else bias} for token, bias in biases],
        "n_probs": params.logprobs or 0,
        "min_keep": 0,
        "grammar": params.grammar or "",
        "samplers": SAMPLERS,
        "lora": [],
    }


Settings = Annotated[dict[str, Any], Field(description="The parameters of sampling, by llama-server's names.")]


def end_tokens(outcome: Outcome) -> Iterable[int]:
    """Those that a job ignored, as its worker knows them."""
    return cast("Iterable[int]", outcome.data.get("end_tokens", ()))


class Verbose(TypedDict):
    """What `verbose` asks for beside an answer of OpenAI's form, of its first choice."""

    prompt: Annotated[str, Field(description="As the chat template made it.")]
    content: Annotated[str, Field(description="As the model wrote it, with its marks of reasoning and calls.")]
    generation_settings: Settings


def verbose(job: Job, outcome: Outcome) -> Verbose:
    """That of a job that has ended."""
    first, given = outcome.choices[0], job.request.get("prompt", [""])[0]
    return {
        "prompt": first.prompt or (given if isinstance(given, str) else ""),
        "content": first.text,
        "generation_settings": generation_settings(job.request["sampling"], end_tokens=end_tokens(outcome)),
    }
