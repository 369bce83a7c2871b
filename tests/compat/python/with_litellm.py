"""What `litellm` sees of the cluster whose address is the argument, by its routes of OpenAI, Anthropic and Ollama."""

import json
import sys
from typing import Any

import litellm
from pydantic import BaseModel

WEATHER = "What is the weather in Paris?"
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = [{"type": "function", "function": {"name": "get_weather", "description": "The weather.", "parameters": CITY}}]


class Sum(BaseModel):
    value: int


def scenario(model: str, api_base: str) -> dict[str, Any]:
    def ask(*messages: Any, **more: Any) -> Any:
        asked = {"model": model, "api_base": api_base, "api_key": "none", "temperature": 0, "max_tokens": 100}
        return litellm.completion(messages=list(messages), **{**asked, **more})

    def user(text: str) -> dict[str, str]:
        return {"role": "user", "content": text}

    called = ask(user(WEATHER), tools=TOOLS).choices[0].message
    call = called.tool_calls[0]
    result = {"role": "tool", "tool_call_id": call.id, "name": "get_weather", "content": "sunny"}
    typed = ask(user("What is 12 + 7?"), response_format=Sum)
    try:
        ask(user("Hello"), model=model.replace("demo", "none"))
        refused = ""
    except litellm.NotFoundError as exc:
        refused = type(exc).__name__
    pieces = [chunk.choices[0].delta.content or "" for chunk in ask(user("Count to 9."), stream=True)]
    return {
        "chat": ask(user("What is 12 + 7?")).choices[0].message.content,
        "streamed": "".join(pieces),
        "call": [call.function.name, json.loads(call.function.arguments)],
        "answer": ask(user(WEATHER), called, result, tools=TOOLS).choices[0].message.content,
        "typed": type(Sum.model_validate_json(typed.choices[0].message.content).value).__name__,
        "refused": refused,
    }


def main() -> None:
    url = sys.argv[1]
    routes = {"openai": f"{url}/v1", "anthropic": url, "ollama_chat": url, "hosted_vllm": f"{url}/v1"}
    seen: dict[str, Any] = {route: scenario(f"{route}/demo", base) for route, base in routes.items()}
    embedders = {"openai": f"{url}/v1", "ollama": url}
    seen["vectors"] = {
        route: len(
            litellm.embedding(f"{route}/vectors", ["a llama"], api_base=base, api_key="none").data[0]["embedding"]
        )
        for route, base in embedders.items()
    }
    print(json.dumps(seen))


main()
