"""Compiling grammars within limits, whatever they ask for."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.answers.constraint import from_json_schema, from_text
from tasks.engine.engine import Engine
from tasks.engine.llama import LlamaBackend
from tasks.engine.llama.constraint import MOST_COMPILED, Compiler
from tasks.engine.llama.trials import OVER_LIMITS
from tasks.errors import InvalidRequest
from tasks.models.catalogue import DEMO, gguf_path
from tasks.records.sampling import SamplingParams
from tests.support.decoding import drain, sequence

HOG = {"type": "integer", "multipleOf": 400_009}
SMALL = {"type": "integer"}
LONG = {"type": "string", "pattern": "^((a{1000}){1000})$"}
HARD_LATER = {"type": "object", "properties": {"a": LONG}, "required": ["a"]}
HARD = 'root ::= ("a"{1000}){1000}'


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


def test_a_grammar_whose_first_mask_is_beyond_the_limits_is_refused(compiler: Compiler) -> None:
    """It compiles in a millisecond; the mask takes more than half a second, and 170 MB."""
    before = resident()
    with pytest.raises(InvalidRequest, match="The grammar cannot be followed"):
        compiler.compile(from_text(HARD))
    assert resident() < before + 50_000_000


def test_nobody_waits_for_a_mask_that_takes_long(demo: LlamaBackend) -> None:
    """Another sequence ends while the mask is computed."""
    hard, plain = (
        sequence(job=job, params=SamplingParams(temperature=0, max_tokens=24, grammar=grammar), context=demo.context)
        for job, grammar in (("hard", from_json_schema(HARD_LATER)), ("plain", None))
    )
    failed: list[str] = []
    engine = Engine(demo, on_failed=lambda job, reason: failed.append(reason))
    for each in (hard, plain):
        demo.check(each.params)
    engine.submit([hard, plain])
    while plain.finish_reason is None:
        engine.step()
    assert not failed
    drain(engine)
    assert hard.text.startswith('{"a"')
    assert hard.params.grammar not in demo.compiler._recent, "what it made of memory is given back"
    assert len(failed) == 1
    assert failed[0].startswith("The grammar cannot be followed any further: lexer error: too many")
