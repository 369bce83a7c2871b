"""An answer that goes on a message of the assistant's: what stands behind the prompt that the template made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tasks.answers.syntax import REASONING
from tasks.engine.llama.quoting import quoted
from tasks.errors import InvalidRequest


def prefill(prompt: str, begun: Mapping[str, Any], *, quotes: bool) -> Iterator[str]:
    """The texts of the message's beginning: its content, and before it its reasoning between the markers.

    Raises:
        InvalidRequest: the prompt ends within the reasoning, and the message has none.
    """
    opening, closing = next((pair for pair in REASONING if prompt.rstrip().endswith(pair[0])), ("", REASONING[0][1]))
    content, reasoning = begun.get("content") or "", begun.get("reasoning_content")
    if opening and not reasoning:
        raise InvalidRequest(
            "The model reasons before it answers, so it cannot go on a message without reasoning_content. "
            'Send it, or chat_template_kwargs {"enable_thinking": false}.',
            param="messages",
        )
    if reasoning:
        yield "" if opening else f"{REASONING[0][0]}\n"
        yield quoted(reasoning) if quotes else reasoning
        yield f"\n{closing}\n\n"
    yield quoted(content) if quotes else content
