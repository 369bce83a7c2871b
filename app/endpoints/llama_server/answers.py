"""A job's events as llama-server's answers. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from app.endpoints.llama_server import wire
from app.endpoints.openai.generation import end_tokens, generation_settings
from app.endpoints.openai.timings import LlamaTimings, RunningTimings, figures, prompt_progress
from tasks.records.event import Event
from tasks.records.job import Job
from tasks.records.logprobs import TokenLogprobs
from tasks.records.outcome import Outcome
from tasks.records.shown_tokens import ShownTokens


@dataclass(slots=True)
class _Choice:
    """What has come of one choice."""

    prompt: str
    text: str = ""
    tokens: list[int] = field(default_factory=list)
    num_prompt: int = 0
    num_cached: int = 0
    finish_reason: str = ""
    stop_string: str = ""
    shown: ShownTokens[TokenLogprobs] = field(default_factory=ShownTokens)
    logprobs: list[TokenLogprobs] = field(default_factory=list)


class Answers:
    """What a job's token events say, which come in order from its first."""

    def __init__(self, job: Job, *, streamed: bool = False) -> None:
        self._job, self._streamed = job, streamed
        self._choices: dict[int, _Choice] = {}
        self._timings = RunningTimings(job)

    def take(self, event: Event) -> list[wire.Piece]:
        """Take an event; the pieces of a stream that tell of it, if it has a text or a token.

        With probabilities there is one for each token, as llama-server has it.
        """
        choice = self._choices.setdefault(event.index, _Choice(prompt=self._prompt(event)))
        choice.text += event.text
        choice.tokens += event.tokens
        choice.num_prompt = choice.num_prompt or event.prompt_tokens
        choice.num_cached = choice.num_cached or event.cached_tokens
        choice.finish_reason, choice.stop_string = event.finish_reason or "", event.stop_string
        told = choice.shown.feed(event.text, event.logprobs)
        told += choice.shown.finish() if event.finish_reason else []
        choice.logprobs += told
        taken = self._timings.of(event)
        if not event.text and not told and event.finish_reason:
            return []
        if not told:
            return [_timed(self._piece(event, choice, event.text, event.tokens), taken)]
        pieces, probabilities = list[wire.Piece](), self._probabilities(told)
        texts = spread(event.text, [len(one.piece) for one in told])
        for number, (text, probability) in enumerate(zip(texts, probabilities, strict=True)):
            is_last = number == len(told) - 1
            piece = self._piece(event, choice, text, event.tokens[number : None if is_last else number + 1])
            pieces.append(_timed({**piece, "completion_probabilities": [probability]}, taken))
        return pieces

    def _piece(self, event: Event, choice: _Choice, text: str, tokens: Sequence[int]) -> wire.Piece:
        return {
            "index": event.index,
            "content": text,
            "tokens": list(tokens),
            "stop": False,
            "id_slot": -1,
            "tokens_predicted": len(choice.tokens),
            "tokens_evaluated": choice.num_prompt,
        }

    def finished(
        self, outcome: Outcome, *, returns_tokens: bool = False, fields: Sequence[str] = ()
    ) -> list[Mapping[str, Any]]:
        """The answers of the job, one for each choice."""
        return [
            chosen(self._answer(index, choice, outcome, returns_tokens=returns_tokens), fields)
            for index, choice in sorted(self._choices.items())
        ]

    def _prompt(self, event: Event) -> str:
        given = self._job.request["prompt"][event.index // self._job.request["sampling"]["n"]]
        return given if isinstance(given, str) else event.prompt

    def _answer(self, index: int, choice: _Choice, outcome: Outcome, *, returns_tokens: bool) -> wire.LlamaCompletion:
        sampling, taken, repeats = self._job.request["sampling"], outcome.timings, outcome.usage.answer_cached
        full = choice.finish_reason == "length" and len(choice.tokens) != sampling["max_tokens"]
        answer: wire.LlamaCompletion = {
            "index": index,
            "content": "" if self._streamed else choice.text,
            "tokens": list(choice.tokens) if returns_tokens and not self._streamed else [],
            "id_slot": -1,
            "stop": True,
            "model": self._job.asked_model,
            "tokens_predicted": len(choice.tokens),
            "tokens_evaluated": choice.num_prompt,
            "generation_settings": generation_settings(sampling, stream=self._streamed, end_tokens=end_tokens(outcome)),
            "prompt": choice.prompt,
            "has_new_line": "\n" in choice.text,
            "truncated": full,
            "stop_type": "word" if choice.stop_string else "eos" if choice.finish_reason == "stop" else "limit",
            "stopping_word": choice.stop_string,
            "tokens_cached": choice.num_prompt + max(0, len(choice.tokens) - 1),
            "timings": figures(
                num_prompt=choice.num_prompt,
                num_cached=choice.num_prompt if repeats else choice.num_cached,
                prompt_seconds=taken.prefill_seconds if taken else 0.0,
                num_predicted=len(choice.tokens),
                predicted_seconds=taken.decode_seconds if taken else 0.0,
            ),
        }
        if repeats:
            answer["answer_cached"] = True
        if choice.logprobs and not self._streamed:
            answer["completion_probabilities"] = self._probabilities(choice.logprobs)
        return answer

    def _probabilities(self, logprobs: Iterable[TokenLogprobs]) -> list[wire.TokenProbabilities | wire.Drawn]:
        """Tokens with their ids, and the likeliest in their places; as they were drawn from, if that is asked for."""
        drawn = self._job.request["sampling"].get("logprobs_as_sampled")
        return [_drawn(one) if drawn else _told(one) for one in logprobs]

    def progressed(self, event: Event) -> wire.Piece:
        """The piece of a stream that tells how far a prompt has been read."""
        return _timed(_progressed(event), self._timings.of(event))


def _timed(piece: wire.Piece, taken: LlamaTimings | None) -> wire.Piece:
    return {**piece, "timings": taken} if taken else piece


def _progressed(event: Event) -> wire.Piece:
    return {
        "index": event.index,
        "content": "",
        "tokens": [],
        "stop": False,
        "id_slot": -1,
        "tokens_predicted": 0,
        "tokens_evaluated": event.prompt_tokens,
        "prompt_progress": prompt_progress(event),
    }


def spread(text: str, sizes: Sequence[int]) -> list[str]:
    """A text in parts of about so many bytes, none of which cuts a character; the last has the rest."""
    data, parts, at = text.encode(errors="surrogatepass"), list[str](), 0
    for wanted in accumulate(sizes[:-1]):
        end = max(at, min(wanted, len(data)))
        while at < end < len(data) and data[end] & 0xC0 == 0x80:
            end -= 1
        parts.append(data[at:end].decode(errors="surrogatepass"))
        at = end
    return [*parts, data[at:].decode(errors="surrogatepass")]


def chosen(answer: Mapping[str, Any], fields: Iterable[str]) -> Mapping[str, Any]:
    """Of an answer only these fields, by their paths (``timings/prompt_n``), which name them; all if none."""
    found = {}
    for path in fields:
        value: Any = answer
        for name in path.split("/"):
            value = value.get(name, _MISSING) if isinstance(value, Mapping) else _MISSING
        if value is not _MISSING:
            found[path] = value
    return found if fields else answer


_MISSING = object()


def _told(one: TokenLogprobs) -> wire.TokenProbabilities:
    top = zip(one.ids, one.top, strict=False)
    return {
        **_alternative(one.token, one.piece, one.logprob or 0.0),
        "top_logprobs": [_alternative(token, piece, logprob) for token, (piece, logprob) in top],
    }


def _drawn(one: TokenLogprobs) -> wire.Drawn:
    top = zip(one.ids, one.top, strict=False)
    return {
        **_candidate(one.token, one.piece, one.logprob or 0.0),
        "top_probs": [_candidate(token, piece, logprob) for token, (piece, logprob) in top],
    }


def _alternative(token: int, piece: bytes, logprob: float) -> wire.Alternative:
    return {"id": token, "token": piece.decode(errors="replace"), "bytes": list(piece), "logprob": logprob}


def _candidate(token: int, piece: bytes, logprob: float) -> wire.Candidate:
    return {
        "id": token,
        "token": piece.decode(errors="replace"),
        "bytes": list(piece),
        "prob": min(1.0, math.exp(logprob)),
    }
