"""Jobs that ask for scores of documents. Each document, with the query, is a passage of the engine for vectors."""

from __future__ import annotations

from typing import ClassVar

from tasks.engine.embedding import Passage
from tasks.engine.rerank import RerankBackend
from tasks.errors import InvalidRequest
from tasks.worker.embedding_runner import Embedding
from tasks.worker.held import Held
from tasks.worker.lengths import check_length, too_long
from tasks.worker.proof import Begin, prove_rerank


class Rerank(Embedding):
    """The work of a model that scores pairs of texts."""

    field: ClassVar[str] = "documents"

    def __init__(self, backend: RerankBackend) -> None:
        super().__init__(backend)
        self._scorer = backend

    def prove(self, begin: Begin) -> None:
        prove_rerank(self._scorer, begin)

    def prepare(self, held: Held) -> None:
        held.passages = pairs(held, self._scorer)


def pairs(held: Held, backend: RerankBackend) -> list[Passage]:
    """The pairs of a job, in the order of its documents.

    Raises:
        ContextLengthExceeded: a document and the query have more tokens than the model takes.
        InvalidRequest: the two have no tokens at all.
    """
    job = held.job
    query, documents = job.request["query"], job.request["documents"]
    check_length(query, backend, field="query")
    for index, document in enumerate(documents):
        check_length(document, backend, field="documents", place=f"documents.{index}")
    made = []
    for index, tokens in enumerate(backend.pairs(query, documents)):
        place = f"documents.{index} with the query"
        if not tokens:
            raise InvalidRequest(f"{place} has no tokens.", param="documents")
        if len(tokens) > backend.context:
            raise too_long(len(tokens), backend, field="documents", place=place)
        made.append(Passage(held, index, tokens, owner=job.owner, weight=job.weight))
    return made
