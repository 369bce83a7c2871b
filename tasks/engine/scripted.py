"""A fake model that says what a script has for it: for tests with programs that go by what a model says."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from tasks.answers.syntax import Syntax
from tasks.answers.tools.hermes import HERMES
from tasks.engine.fake import END, FakeBackend, FakeSampler
from tasks.records.sampling import SamplingParams

BATCH_TOKENS = 2048
"""Prompts of agents have tens of thousands of bytes."""


class Line(NamedTuple):
    """What is said after a text."""

    after: str
    say: str


class Script:
    """What a model says, by what was last said to it."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = lines

    @classmethod
    def read(cls, path: Path) -> Script:
        """From a JSON file: a list of ``{"after": TEXT, "say": TEXT}``. Raises OSError, or ValueError."""
        return cls(TypeAdapter(list[Line]).validate_json(path.read_bytes()))

    def answer(self, prompt: str) -> str:
        """What the line says whose `after` stands last in the prompt; nothing if none does."""
        found = [(prompt.rfind(line.after), line.say) for line in self._lines]
        place, said = max(found, default=(-1, ""), key=lambda each: each[0])
        return said if place >= 0 else ""


class ScriptedSampler(FakeSampler):
    """Says one answer, whatever is asked for: neither a temperature nor a grammar changes it."""

    def __init__(self, backend: FakeBackend, params: SamplingParams, index: int, answer: bytes) -> None:
        super().__init__(backend, params, index)
        self._tokens: tuple[int, ...] = (*answer, END)

    def _choose(self, row: int, position: int) -> int:
        return self._tokens[min(position, len(self._tokens) - 1)]


class ScriptedBackend(FakeBackend):
    """The fake model with a script. It writes tool calls as Hermes does."""

    def __init__(self, script: Script, **options: Any) -> None:
        super().__init__(batch_tokens=BATCH_TOKENS, **options)
        self.syntax = Syntax(HERMES.name, "optional")
        self._script = script

    def line(self, message: Mapping[str, Any]) -> str:
        return f"{json.dumps(message, ensure_ascii=False)}\n"

    def check(self, params: SamplingParams) -> object:
        return None

    def sampler(self, params: SamplingParams, index: int, prompt: Sequence[int] = ()) -> FakeSampler:
        said = self._script.answer(self.detokenize(prompt).decode(errors="replace"))
        return ScriptedSampler(self, params, index, said.encode())
