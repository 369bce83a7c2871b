"""From a job to what the engine runs: its prompts, rendered and tokenised, one sequence for each choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tasks.answers.constraint import GrammarError
from tasks.answers.grammar import answer_grammar
from tasks.answers.syntax import PLAIN, Syntax, after_prompt
from tasks.engine.backend import Backend, Vocabulary
from tasks.engine.sequence import Sequence
from tasks.engine.stop_strings import StopStrings
from tasks.errors import InvalidRequest
from tasks.records.adapters import Adapters
from tasks.records.event import TELLS_PROGRESS
from tasks.records.job import Job, Operation
from tasks.records.sampling import SamplingParams
from tasks.records.size import most_tokens
from tasks.worker.content_stops import ContentStops
from tasks.worker.echo import Echo, check_size, echo
from tasks.worker.held import Held
from tasks.worker.infill import infill
from tasks.worker.inputs import check_tokens, tokenized
from tasks.worker.lengths import check_length, too_long


def prepare(held: Held, backend: Backend) -> list[Sequence]:
    """The sequences of a job: of each prompt so many as there are choices, in order.

    Raises:
        ContextLengthExceeded: a prompt leaves no room for a token.
        InvalidRequest: the model's chat template refuses the messages, or the model cannot sample as asked.
    """
    job, params = held.job, _with_biases(SamplingParams.decode(held.job.request["sampling"]), backend)
    if job.operation.converses:
        text = render(job, backend)
        field = "input" if job.operation is Operation.RESPONSE else "messages"
        prompts = [_fitting(_tokens(text, backend, field=field), backend, field=field)]
        held.echoes = [Echo(prompts[0], [], text) for _ in range(params.n)] if job.request.get("tells_prompt") else []
        held.syntax = after_prompt(backend.syntax, text)
        params, held.ready = _constrained(job, params, held.syntax, backend)
    else:
        given = job.request["prompt"]
        prompts = [
            _fitting(_prompt_tokens(prompt, params, backend), backend, field="prompt") for prompt in _listed(given)
        ]
        check_size(prompts, params)
        if job.request.get("echo") or job.request.get("tells_prompt"):
            echoes = [echo(prompt, tokens, backend) for prompt, tokens in zip(_listed(given), prompts, strict=True)]
            held.echoes = [each for each in echoes for _ in range(params.n)]
        held.ready = backend.check(params)
    if params.ignore_eos:
        held.data = {"end_tokens": list(backend.end_tokens)}
    adapters = _known(job.adapters, backend)
    most = most_tokens(params, num_sequences=len(prompts) * params.n)
    return [
        Sequence(
            job=held,
            index=number * params.n + choice,
            prompt=prompt,
            params=params,
            context=min(backend.context, len(prompt) + most),
            stops=_stops(job, params, held.syntax),
            owner=job.owner,
            weight=job.weight,
            tells_progress=bool(job.request.get(TELLS_PROGRESS)),
            adapters=adapters,
        )
        for number, prompt in enumerate(prompts)
        for choice in range(params.n)
    ]


def _known(adapters: Adapters, backend: Backend) -> Adapters:
    """Adapters, of which the claim says that the worker has them."""
    if unknown := [name for name, _ in adapters if name not in backend.adapters]:
        raise InvalidRequest(f"The worker has no adapter '{unknown[0]}'.", param="adapter")
    return adapters


def _prompt_tokens(given: Any, params: SamplingParams, backend: Backend) -> list[int]:
    """Of a text, of token ids, or of what stands around a gap."""
    if isinstance(given, dict):
        return infill(given, params, backend)
    return tokenized(given, backend, field="prompt", answers=True)


def num_sequences(job: Job) -> int:
    """How many sequences `prepare` will make of a job."""
    if not job.operation.needs_slot:
        return 0
    prompts = 1 if job.operation.converses else len(_listed(job.request.get("prompt")))
    return prompts * int(job.request.get("sampling", {}).get("n") or 1)


def _listed(given: Any) -> list[Any]:
    return given if isinstance(given, list) else [given]


def _stops(job: Job, params: SamplingParams, syntax: Syntax) -> StopStrings:
    """Where stop strings are looked for: nowhere in constrained output, and never in reasoning or calls."""
    if not params.stop or job.request["sampling"].get("grammar"):
        return StopStrings(())
    if not job.operation.converses or syntax == PLAIN:
        return StopStrings(params.stop)
    return ContentStops(params.stop, job.request, syntax)


def render(job: Job, backend: Backend) -> str:
    """The prompt of a conversation; raises InvalidRequest if the model's template refuses it.

    The time that a template is told is that of the submission, so that a worker that goes on with the job of another
    makes the same prompt.
    """
    request = job.request
    messages, begun = request["messages"], None
    if request.get("continues"):
        *messages, begun = messages
    offered = request.get("tools") if request.get("tool_choice") != "none" else None
    variables = request.get("template_variables")
    return backend.render_chat(messages, tools=offered, variables=variables, at=job.created_at, begun=begun)


def answer_small(job: Job, backend: Backend) -> Mapping[str, Any]:
    """What the tokenizer or the template answers. Raises InvalidRequest."""
    if "messages" in job.request:
        prompt = render(job, backend)
        if not job.request.get("counts_tokens"):
            return {"prompt": prompt}
        return {"input_tokens": len(_tokens(prompt, backend, field="messages"))}
    return answer_tokens(job.request, backend)


def answer_tokens(request: Mapping[str, Any], vocabulary: Vocabulary) -> Mapping[str, Any]:
    """What the tokenizer answers. Raises InvalidRequest."""
    if "tokens" in request:
        check_tokens(request["tokens"], vocabulary, "tokens")
        text = vocabulary.detokenize(request["tokens"]).decode(errors="replace")
        return {"content": text, "prompt": text}
    if "content" not in request:
        return vocabulary.tokenizer_info()
    text = request["content"]
    check_length(text, vocabulary, field="content")
    tokens = vocabulary.tokenize(text, add_special=request["add_special"], parse_special=request["parse_special"])
    if not request["with_pieces"]:
        return {"tokens": tokens}
    return {"tokens": [{"id": token, "piece": _piece(vocabulary.detokenize([token]))} for token in tokens]}


def _piece(data: bytes) -> str | list[int]:
    """A token's text, or its bytes where it is only a part of a character, as llama-server tells it."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return list(data)


def takes_long(job: Job) -> bool:
    """Whether preparing it may take a second: whatever is constrained by a grammar."""
    calls = bool(job.request.get("tools")) and job.request.get("tool_choice") != "none"
    return job.operation.needs_slot and (calls or bool(job.request.get("sampling", {}).get("grammar")))


def _constrained(job: Job, params: SamplingParams, syntax: Syntax, backend: Backend) -> tuple[SamplingParams, object]:
    """The parameters with the grammar of tool calls, reasoning and answer together, and what keeps it ready.

    If it cannot be followed with what tools that are not strict ask for, that is left to the model.
    """
    try:
        return _with_grammar(job, params, syntax, backend, free=False)
    except InvalidRequest:
        if not any(tool.get("strict") is not True for tool in job.request.get("tools", [])):
            raise
        return _with_grammar(job, params, syntax, backend, free=True)


def _with_grammar(
    job: Job, params: SamplingParams, syntax: Syntax, backend: Backend, *, free: bool
) -> tuple[SamplingParams, object]:
    request, choice = job.request, job.request.get("tool_choice", "auto")
    tools = request.get("tools", []) if choice != "none" else []
    if named := (choice["name"] if isinstance(choice, dict) else None):
        tools = [tool for tool in tools if tool["name"] == named]
    try:
        grammar = answer_grammar(
            syntax,
            tools=tools,
            required=choice == "required" or named is not None,
            parallel=request.get("parallel_tool_calls", True) and named is None,
            answer=params.grammar,
            special=backend.special_markers,
            free=free,
        )
    except GrammarError as exc:
        raise InvalidRequest(f"The tools cannot be followed: {exc}.", param="tools") from exc
    params = replace(params, grammar=grammar)
    return params, backend.check(params)


def _tokens(text: str, backend: Backend, *, field: str) -> list[int]:
    """Those of a prompt that a template has made."""
    check_length(text, backend, field=field, answers=True)
    return backend.tokenize(text, add_special=False, parse_special=True)


def _fitting(tokens: list[int], backend: Backend, *, field: str) -> list[int]:
    """The tokens of a prompt; raises ContextLengthExceeded if no answer fits behind them."""
    if len(tokens) >= backend.context:
        raise too_long(len(tokens), backend, field=field, answers=True)
    return tokens


def _with_biases(params: SamplingParams, backend: Backend) -> SamplingParams:
    """The parameters with biases of texts as those of their tokens."""
    if not params.text_bias:
        return params
    texts = [
        (token, bias)
        for text, bias in params.text_bias
        for token in backend.tokenize(text, add_special=False, parse_special=False)
    ]
    return replace(params, logit_bias=(*params.logit_bias, *texts), text_bias=())
