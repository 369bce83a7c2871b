"""Jobs that ask for vectors. Nothing of them is kept before they end: after its worker's death one begins anew."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any, ClassVar

from tasks.engine.embedding import EmbeddingBackend, EmbeddingEngine, Passage
from tasks.errors import InvalidRequest
from tasks.records.event import Event
from tasks.records.job import Job
from tasks.records.size import MOST_NUMBERS
from tasks.worker.held import Held
from tasks.worker.inputs import Prompt, tokenized
from tasks.worker.lengths import too_long
from tasks.worker.prepare import answer_tokens
from tasks.worker.proof import Begin, prove_embedding
from tasks.worker.publisher import Publisher
from tasks.worker.truncation import truncated


class Embedding:
    """The work of a model that makes vectors of texts."""

    field: ClassVar[str] = "input"
    """Of a request, for the texts."""

    def __init__(self, backend: EmbeddingBackend) -> None:
        self.vocabulary = self._backend = backend
        self.num_slots, self.context = backend.num_slots, backend.context
        self.engine = EmbeddingEngine(backend, on_failed=self._note_failed)
        self._failed: list[tuple[Held, str]] = []

    @property
    def processor(self) -> str:
        return self._backend.processor

    @property
    def on_gpu(self) -> bool:
        return self._backend.on_gpu

    def prove(self, begin: Begin) -> None:
        prove_embedding(self._backend, begin)

    def num_parts(self, job: Job) -> int:
        return len(job.request.get(self.field, ())) if job.operation.needs_slot else 0

    def takes_long(self, job: Job) -> bool:
        return False

    def prepare(self, held: Held) -> None:
        held.passages = passages(held, self._backend)

    def submit(self, held: Held, events: Iterable[Event], *, alone: bool) -> bool:
        held.num_open = len(held.passages)
        for passage in held.passages:
            passage.alone, passage.gives_way = alone, held.job.yields
        self.engine.submit(held.passages)
        return True

    def step(self, publisher: Publisher) -> None:
        for passage in self.engine.step():
            held = passage.job
            assert isinstance(held, Held)
            held.num_open -= 1
            if held.num_open == 0:
                publisher.finish(held)
        for held, reason in self._failed:
            publisher.fail(held, InvalidRequest(reason, param=self.field))
        self._failed.clear()

    def answer_small(self, job: Job) -> Mapping[str, Any]:
        return answer_tokens(job.request, self._backend)

    def _note_failed(self, job: Hashable, reason: str) -> None:
        assert isinstance(job, Held)
        self._failed.append((job, reason))


def passages(held: Held, backend: EmbeddingBackend) -> list[Passage]:
    """The passages of a job, in the order of its input.

    Raises:
        ContextLengthExceeded: one has more tokens than the model takes.
        InvalidRequest: one has no tokens, or some that the vocabulary does not have, or more dimensions are asked for
            than the model has.
    """
    request = held.job.request
    if request.get("dimensions", 0) > backend.dimensions:
        raise InvalidRequest(f"The model's vectors have {backend.dimensions} dimensions.", param="dimensions")
    job, truncates = held.job, bool(request.get("truncates"))
    made = [
        Passage(
            held,
            index,
            _tokens(given, backend, f"input.{index}", truncates=truncates),
            owner=job.owner,
            weight=job.weight,
        )
        for index, given in enumerate(request["input"])
    ]
    if not backend.pools:
        _check_size(sum(len(passage.tokens) for passage in made), backend.dimensions)
    return made


def _check_size(tokens: int, dimensions: int) -> None:
    """Raise InvalidRequest for texts whose tokens' vectors are too much for one result."""
    if tokens * dimensions > MOST_NUMBERS:
        raise InvalidRequest(
            f"The vectors of {tokens} tokens have {tokens * dimensions} numbers, and {MOST_NUMBERS} is the most. "
            "Send fewer or shorter texts in a request.",
            param="input",
        )


def _tokens(given: Prompt, backend: EmbeddingBackend, name: str, *, truncates: bool) -> list[int]:
    if truncates and isinstance(given, str):
        tokens = truncated(given, backend)
    else:
        tokens = tokenized(given, backend, field="input", place=name)
    if not tokens:
        raise InvalidRequest(f"{name} has no tokens.", param="input")
    if len(tokens) > backend.context:
        raise too_long(len(tokens), backend, field="input", place=name)
    return tokens
