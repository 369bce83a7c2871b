"""What docs/libraries.md shows works as it is written: each block asks a question, and prints the answer."""

from __future__ import annotations

import pytest

from tests.compat.programs import needs_node, printed_by_node
from tests.support.cluster import Cluster
from tests.support.documented import LIBRARIES
from tests.support.pages import Block, blocks

SHOWN = "http://127.0.0.1:8000"


def written_in(language: str) -> list[Block]:
    return [block for block in blocks(LIBRARIES) if block.language == language]


@needs_node
@pytest.mark.parametrize("block", written_in("js"), ids=lambda block: f"line {block.line}")
def test_its_javascript_prints_an_answer(cluster: Cluster, block: Block) -> None:
    assert "12 + 7 = 19." in printed_by_node(block.text.replace(SHOWN, cluster.url))


def test_a_block_is_of_a_language_that_is_run() -> None:
    assert {block.language for block in blocks(LIBRARIES)} == {"yaml", "js"}
