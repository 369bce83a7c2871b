"""A conversation with a model: what was said, and how the model is asked (pure)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Conversation:
    """What each question is asked with. `settings` are fields of ``POST /jobs``."""

    model: str
    system: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    messages: list[dict[str, str]] = field(default_factory=list)

    def body(self, question: str) -> dict[str, Any]:
        """The job that answers a question."""
        system = [{"role": "system", "content": self.system}] if self.system else []
        asked = {"role": "user", "content": question}
        return {**self.settings, "model": self.model, "messages": [*system, *self.messages, asked]}

    def keep(self, question: str, answer: str) -> None:
        """Remember a question and its answer. One without an answer is as if it had not been asked."""
        if answer:
            self.messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]

    def clear(self) -> None:
        """Forget what was said; the system message and the settings stay."""
        self.messages.clear()
