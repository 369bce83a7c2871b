"""The commands of `caravan` that stand within a sentence of README and docs work as they are written there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.batches import Batches, jsonl, question
from tests.support.cluster import Cluster, chat
from tests.support.documented import MEANS, TYPED_MEANWHILE, fitting, in_sentences
from tests.support.pages import blocks
from tests.support.reader import Reader


@pytest.fixture(scope="module")
def batch(cluster: Cluster) -> str:
    """A batch that has ended."""
    batches = Batches(cluster.http)
    made = batches.create(jsonl([question(1, "What is 12 + 7?")]))
    assert batches.ended(made)["status"] == "completed"
    return made


@pytest.fixture
def reader(cluster: Cluster, batch: str, tmp_path: Path) -> Iterator[Reader]:
    """An operator, who can reach Redis; there is a job, a batch, and the models file of its page."""
    job = cluster.submit(chat("What is 12 + 7?"))
    own = {"MODEL": "demo", "ID": job["id"], "BATCH": batch, "CARAVAN_REDIS_URL": cluster.redis_url()}
    somebody = Reader(tmp_path, means=MEANS, **own)
    somebody.uses(cluster)
    (models,) = (block.text for block in blocks("docs/models.md") if block.language == "yaml")
    (somebody.folder / "models.yaml").write_text(models)
    yield somebody
    cluster.http.post("/queues/demo/resume").raise_for_status()


@pytest.mark.parametrize(("page", "command"), in_sentences())
def test_what_a_sentence_says_to_type_works(page: str, command: str, reader: Reader) -> None:
    (answers,) = fitting(TYPED_MEANWHILE, page, command) or [""]
    reader.types(command, answers=answers)
