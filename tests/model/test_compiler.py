"""Compiling grammars within limits, whatever they ask for."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.answers.constraint import from_json_schema, from_text
from tasks.engine.llama import LlamaBackend
from tasks.engine.llama.constraint import MOST_COMPILED, Compiler
from tasks.engine.llama.trials import OVER_LIMITS
from tasks.errors import InvalidRequest
from tasks.models.catalogue import DEMO, gguf_path

HOG = {"type": "integer", "multipleOf": 400_009}
SMALL = {"type": "integer"}


@pytest.fixture(scope="module")
def demo() -> Iterator[LlamaBackend]:
    backend = LlamaBackend(gguf_path(DEMO), num_slots=2, context=512, cache_tokens=1024, threads=1)
    yield backend
    backend.close()


@pytest.fixture
def compiler(demo: LlamaBackend) -> Iterator[Compiler]:
    made = Compiler(demo._vocab, vocab_size=demo.vocab_size, end_tokens=demo.end_tokens)
    yield made
    made.close()


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_schema_that_compiles_for_ever_is_refused_with_the_limit(compiler: Compiler) -> None:
    compiler.compile(from_json_schema(SMALL))
    before = resident()
    for _ in range(2):
        with pytest.raises(InvalidRequest, match=f"The grammar cannot be followed: {OVER_LIMITS}"):
            compiler.compile(from_json_schema(HOG))
    assert resident() < before * 1.05


def test_nobody_waits_for_a_grammar_that_does_not_compile(compiler: Compiler) -> None:
    compiler.compile(from_json_schema(SMALL))
    refused = threading.Event()

    def compile_hog() -> None:
        with pytest.raises(InvalidRequest):
            compiler.compile(from_json_schema(HOG))
        refused.set()

    thread = threading.Thread(target=compile_hog)
    thread.start()
    for number in range(5):
        compiler.compile(from_text(f'root ::= "{number}"'))
    assert not refused.is_set()
    thread.join()
    assert refused.is_set()


def test_a_grammar_that_ends_the_process_which_compiles_it_ends_no_other(compiler: Compiler) -> None:
    fatal = from_json_schema(SMALL).replace('"type":"integer"', f'"const":{-(2**63)}')
    assert json.loads(fatal)
    for _ in range(2):
        with pytest.raises(InvalidRequest):
            compiler.compile(fatal)
    compiler.compile(from_json_schema(SMALL))


def test_a_process_for_trials_that_was_killed_is_started_again(compiler: Compiler) -> None:
    compiler.compile(from_json_schema(SMALL))
    assert compiler._trials is not None
    assert compiler._trials._process is not None
    first = compiler._trials._process
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    compiler.compile(from_text('root ::= "again"'))
    assert compiler._trials._process is not first


def test_a_grammar_stays_ready_for_as_long_as_somebody_keeps_it(
    compiler: Compiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = from_text('root ::= "kept"')
    kept = compiler.compile(first)
    for number in range(MOST_COMPILED + 1):
        compiler.compile(from_text(f'root ::= "{number}"'))
    monkeypatch.setattr(compiler, "_compile", lambda grammar: pytest.fail("it was compiled again"))
    assert kept
    assert compiler.constraint(first)


def test_a_mask_of_a_hard_grammar_is_bounded(compiler: Compiler) -> None:
    """What one token costs others is bounded by llguidance's fuel."""
    grammar = from_json_schema({"type": "string", "pattern": "^([ab]*a[ab]{14}){3}$"})
    constraint = compiler.constraint(grammar) if compiler.compile(grammar) else None
    assert constraint is not None
    began = time.monotonic()
    constraint._matcher.compute_bitmask()
    assert time.monotonic() - began < 1
