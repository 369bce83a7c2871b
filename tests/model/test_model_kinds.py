"""The engine with models of kinds that the demo model is not of: sliding windows, recurrent and hybrid memory, and
SentencePiece's vocabulary.

The models are random (`tests/support/tiny_models.py`), so their texts mean nothing, but each depends on every token
before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.engine.backend import Backend
from tasks.engine.engine import Engine, Output
from tasks.engine.llama import LlamaBackend
from tasks.engine.sequence import Sequence
from tasks.records.sampling import SamplingParams
from tests.support import tiny_models
from tests.support.decoding import drain, sequence, twin

SLOTS, CONTEXT = 3, 200
ROOMY, CRAMPED = 2048, 256
"""Cells: for all sequences at once, or for less than three long ones."""
SHORT, LONG = 5, 110
PLAIN = SamplingParams(temperature=0, max_tokens=40)
WILD = SamplingParams(temperature=50, seed=7, max_tokens=40, ignore_eos=True)
TALE = tiny_models.WORDS * 4


@pytest.fixture(scope="module", params=tiny_models.KINDS)
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.write_kind(request.param, tmp_path_factory.mktemp(request.param))


def load(path: Path, *, cache_tokens: int = ROOMY) -> Backend:
    return LlamaBackend(path, num_slots=SLOTS, context=CONTEXT, cache_tokens=cache_tokens, threads=1)


@pytest.fixture(scope="module")
def backend(path: Path) -> Iterator[Backend]:
    made = load(path)
    yield made
    made.close()


@pytest.fixture(scope="module", params=[ROOMY, CRAMPED])
def shared(path: Path, request: pytest.FixtureRequest) -> Iterator[Backend]:
    """A backend that several sequences are to share, with room for all or not."""
    made = load(path, cache_tokens=request.param)
    yield made
    made.close()


def tale(backend: Backend, *, start: int, length: int) -> list[int]:
    """A part of a text, in tokens."""
    return backend.tokenize(TALE, add_special=False, parse_special=False)[start : start + length]


def jobs(backend: Backend, params: SamplingParams = PLAIN) -> list[Sequence]:
    """Short and long prompts, all different from their first token on."""
    lengths = [LONG, SHORT, LONG - 9, 3 * SHORT, LONG + 9, 1, LONG - 20, SHORT]
    prompts = [tale(backend, start=1 + 2 * number, length=length) for number, length in enumerate(lengths)]
    return [sequence(p, job=job, params=params, context=CONTEXT) for job, p in enumerate(prompts)]


def alone(backend: Backend, original: Sequence) -> Sequence:
    """The finished twin of a sequence that nothing disturbed."""
    undisturbed = twin(original, backend=backend)
    run(Engine(backend), [undisturbed])
    return undisturbed


def run(engine: Engine, sequences: list[Sequence], *, apart: int = 0, aborted: int | None = None) -> list[Output]:
    """Decode sequences that come some steps apart; one of them is aborted soon after it got tokens."""
    outputs: list[Output] = []
    for one in sequences:
        engine.submit([one])
        for _ in range(apart):
            outputs += engine.step()
            if any(output.sequence.job == aborted and output.sequence.num_generated == 3 for output in outputs):
                engine.abort(aborted)
    return outputs + drain(engine)


def whole_text(backend: Backend, one: Sequence) -> str:
    """All of a sequence's tokens as text, at once."""
    shown = [token for token in one.generated if not backend.is_end(token)]
    return b"".join(map(backend.piece, shown)).decode(errors="replace")


# -- every kind


def test_texts_decoded_together_are_the_texts_decoded_alone(backend: Backend, shared: Backend) -> None:
    """In turn, since there are more than slots; when the cache is too small, some compute their tokens again."""
    together, engine = jobs(shared), Engine(shared)
    outputs = run(engine, together, apart=3, aborted=1)
    for one in together:
        expected = alone(backend, one)
        assert one.text == "".join(output.text for output in outputs if output.sequence is one)
        if one.job == 1:
            assert expected.text.startswith(one.text)
            assert 3 <= one.num_generated < expected.num_generated
        else:
            assert (one.generated, one.finish_reason) == (expected.generated, expected.finish_reason)
    assert (engine.figures.set_back > 0) == (shared.cache_tokens == CRAMPED)


def test_a_text_goes_on_from_any_of_its_tokens_among_others(backend: Backend) -> None:
    done = [alone(backend, one) for one in jobs(backend)]
    again = [twin(one, tokens=one.generated[: one.num_generated // 2], backend=backend) for one in done]
    run(Engine(backend), again, apart=1)
    assert [one.generated for one in again] == [one.generated for one in done]


def test_a_text_depends_on_tokens_long_ago(backend: Backend) -> None:
    """Else a mixed-up memory would not show."""
    prompt = tale(backend, start=0, length=LONG)
    texts = {
        alone(backend, sequence([first, *prompt], params=PLAIN, context=CONTEXT)).text
        for first in tale(backend, start=1, length=10)
    }
    assert len(texts) > 1


def test_what_is_shown_joins_to_the_whole_text(backend: Backend) -> None:
    wild = jobs(backend, WILD)
    outputs = run(Engine(backend), wild)
    for one in wild:
        shown = "".join(output.text for output in outputs if output.sequence is one)
        assert shown == one.text == whole_text(backend, one)


def test_only_memory_that_keeps_every_token_is_shared(path: Path, backend: Backend) -> None:
    assert backend.can_share == (path.stem == "sentencepiece")
    twice = [sequence(tale(backend, start=0, length=LONG), job=job, params=PLAIN, context=CONTEXT) for job in range(2)]
    engine = Engine(backend)
    for one in twice:
        run(engine, [one])
    assert [one.num_cached for one in twice] == [0, LONG - 1 if backend.can_share else 0]
    assert twice[0].text == twice[1].text


# -- SentencePiece

RECITED = {
    "▁what": " what",
    "▁is": " is",
    "▁": " ",
    "<0xC3>": "",
    "<0xBC>": "ü",
    "<0xE2>": "",
    "<0x82>": "",
    "<0xAC>": "€",
    "<0xF0>": "",
    "<0x9F>": "",
    "<0xA6>": "",
    "<0x99>": "🦙",
    "▁the": " the",
    "▁story": " story",
    "中": "中",
    "</s>": "",
}
"""Tokens, and what is shown with each."""
SHOWN = list(RECITED.values())


@pytest.fixture(scope="module")
def reciter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    made = load(tiny_models.write_reciter(list(RECITED)[:-1], tmp_path_factory.mktemp("reciter")))
    yield made
    made.close()


def recital(params: SamplingParams = PLAIN) -> Sequence:
    return sequence([tiny_models.BEGIN], params=params, context=CONTEXT)


def test_pieces_are_shown_with_their_spaces_and_characters_once_they_are_whole(reciter: Backend) -> None:
    one = recital()
    assert [output.text for output in run(Engine(reciter), [one])] == SHOWN
    assert (one.text, one.finish_reason) == ("".join(SHOWN), "stop")


def test_a_character_that_is_cut_short_is_shown_as_the_replacement_character(reciter: Backend) -> None:
    one = recital(SamplingParams(temperature=0, max_tokens=SHOWN.index("🦙")))
    run(Engine(reciter), [one])
    assert one.text == " what is ü€\ufffd"


def test_another_worker_goes_on_in_the_middle_of_a_character(reciter: Backend) -> None:
    done = alone(reciter, recital())
    for sent in range(done.num_generated):
        again = twin(done, tokens=done.generated[:sent], backend=reciter)
        assert again.text == "".join(SHOWN[:sent])
        assert [output.text for output in run(Engine(reciter), [again])] == SHOWN[sent:]


def test_a_stop_string_made_of_bytes_is_found(reciter: Backend) -> None:
    one = recital(SamplingParams(temperature=0, stop=("€🦙",)))
    run(Engine(reciter), [one])
    assert (one.text, one.finish_reason) == (" what is ü", "stop")
