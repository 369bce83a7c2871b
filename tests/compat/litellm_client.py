"""A chat, a stream and a tool call with `litellm`, unmodified; prints what it saw as JSON.

A program of its own, for a venv of its own: litellm asks for another version of `openai` than the other tests.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import litellm


def main() -> None:
    """The cluster's address is the argument."""

    def ask(text: str, **more: Any) -> Any:
        messages = [{"role": "user", "content": text}]
        return litellm.completion(
            model="openai/demo", messages=messages, temperature=0, api_base=sys.argv[1], api_key="none", **more
        )

    parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tool = {"type": "function", "function": {"name": "get_weather", "parameters": parameters}}
    called = ask("What is the weather in Paris?", tools=[tool]).choices[0].message.tool_calls[0].function
    pieces = [chunk.choices[0].delta.content or "" for chunk in ask("Count to 9.", stream=True)]
    try:
        ask("Hello", seed="x")
        refused = ""
    except litellm.BadRequestError as exc:
        refused = type(exc).__name__
    seen = {
        "chat": ask("What is 12 + 7?").choices[0].message.content,
        "streamed": "".join(pieces),
        "call": [called.name, json.loads(called.arguments)],
        "refused": refused,
    }
    sys.stdout.write(json.dumps(seen) + "\n")


if __name__ == "__main__":
    main()
