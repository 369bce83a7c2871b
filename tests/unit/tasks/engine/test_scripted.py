"""A fake model with a script says what the script has for what was last said to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.engine.backend import Row
from tasks.engine.fake import END
from tasks.engine.scripted import Line, Script, ScriptedBackend
from tasks.records.sampling import SamplingParams
from tests.support.decoding import GREEDY

SCRIPT = Script([Line("weather", "<tool_call>"), Line("sunny", "It is sunny.")])


def said(prompt: str, params: SamplingParams = GREEDY) -> str:
    backend = ScriptedBackend(SCRIPT, num_slots=1, context=256, cache_tokens=256)
    tokens = backend.tokenize(prompt, add_special=True, parse_special=True)
    backend.decode([Row(token, at, 0, at == len(tokens) - 1) for at, token in enumerate(tokens)])
    sampler, made = backend.sampler(params, 0, tokens), list[int]()
    while not made or made[-1] != END:
        made.append(sampler.sample(len(tokens) - 1, len(made)))
    return backend.detokenize(made).decode()


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("What is the weather?", "<tool_call>"),
        ("What is the weather? The tool says: sunny", "It is sunny."),
        ("It was sunny. And the weather today?", "<tool_call>"),
        ("Hello", ""),
    ],
)
def test_it_says_what_stands_with_the_last_text(prompt: str, expected: str) -> None:
    assert said(prompt) == expected


def test_a_temperature_changes_nothing() -> None:
    assert said("sunny", SamplingParams(temperature=1.5, seed=7)) == "It is sunny."


def test_an_answer_goes_on_where_an_earlier_worker_stopped() -> None:
    backend = ScriptedBackend(SCRIPT, num_slots=1, context=256, cache_tokens=256)
    sampler = backend.sampler(SamplingParams(), 0, backend.tokenize("sunny", add_special=True, parse_special=True))
    for token in b"It is":
        sampler.accept(token)
    assert sampler.sample(0, len(b"It is")) == ord(" ")


def test_a_script_is_read_from_json(tmp_path: Path) -> None:
    (tmp_path / "script.json").write_text('[{"after": "a", "say": "b"}]')
    assert Script.read(tmp_path / "script.json").answer("a") == "b"
    (tmp_path / "script.json").write_text('[{"after": "a"}]')
    with pytest.raises(ValueError, match="say"):
        Script.read(tmp_path / "script.json")
