"""What docs/libraries.md shows works as it is written: each block asks a question, and prints the answer."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.compat.programs import NODE, PYTHON, PYTHON_OPENAI2, needs_node, needs_python, printed
from tests.support.cluster import Cluster
from tests.support.documented import LIBRARIES
from tests.support.pages import Block, blocks

SHOWN = "http://127.0.0.1:8000"
OF_OPENAI2 = ("import instructor", "from llama_index")
ANSWER = "12 + 7 = 19."


def written_in(language: str) -> list[Block]:
    return [block for block in blocks(LIBRARIES) if block.language == language]


def named(block: Block) -> str:
    return f"line {block.line}"


@needs_node
@pytest.mark.parametrize("block", written_in("js"), ids=named)
def test_its_javascript_prints_an_answer(cluster: Cluster, block: Block) -> None:
    text = block.text.replace(SHOWN, cluster.url)
    assert ANSWER in printed(["node", "--input-type=module"], folder=NODE, text=text)


@needs_python
@pytest.mark.parametrize("block", written_in("python"), ids=named)
def test_its_python_prints_an_answer(cluster: Cluster, tmp_path: Path, block: Block) -> None:
    venv = PYTHON_OPENAI2 if any(line in block.text for line in OF_OPENAI2) else PYTHON
    out = printed([str(venv / "python")], folder=tmp_path, text=block.text.replace(SHOWN, cluster.url))
    assert ANSWER in out or "value=" in out


@needs_python
@pytest.mark.parametrize("block", written_in("sh"), ids=named)
def test_its_commands_print_an_answer(cluster: Cluster, tmp_path: Path, block: Block) -> None:
    env = {"HOME": str(tmp_path), "PATH": f"{PYTHON}:{os.environ['PATH']}"}
    text = block.text.replace(SHOWN, cluster.url)
    assert ANSWER in printed(["bash", "-e"], folder=tmp_path, text=text, env=env)


def test_a_block_is_of_a_language_that_is_run() -> None:
    """One of none is what test_lm_evaluation_harness.py types with a task of its own; `go` and `rust` have theirs."""
    assert {block.language for block in blocks(LIBRARIES)} == {"yaml", "js", "python", "sh", "", "go", "rust"}
