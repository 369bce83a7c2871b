"""What Haystack sees of the cluster whose address is the argument, by OpenAI's interfaces and by Ollama's."""

import json
import sys
from typing import Any

from haystack.components.agents import Agent
from haystack.components.embedders import OpenAITextEmbedder
from haystack.components.generators.chat import OpenAIChatGenerator, OpenAIResponsesChatGenerator
from haystack.dataclasses import ChatMessage
from haystack.tools import tool
from haystack.utils import Secret
from haystack_integrations.components.embedders.ollama import OllamaTextEmbedder
from haystack_integrations.components.generators.ollama import OllamaChatGenerator

SUM = {
    "type": "object",
    "properties": {"value": {"type": "integer"}},
    "required": ["value"],
    "additionalProperties": False,
}
STRICT = {"type": "json_schema", "json_schema": {"name": "sum", "strict": True, "schema": SUM}}


@tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return "sunny"


def scenario(generator: Any) -> dict[str, Any]:
    pieces: list[str] = []
    asked = [ChatMessage.from_user("Count to 9.")]
    generator.run(asked, streaming_callback=lambda chunk: pieces.append(chunk.content or ""))
    agent = Agent(chat_generator=generator, tools=[get_weather])
    return {
        "chat": generator.run([ChatMessage.from_user("What is 12 + 7?")])["replies"][0].text,
        "streamed": "".join(pieces),
        "answer": agent.run([ChatMessage.from_user("What is the weather in Paris?")])["messages"][-1].text,
    }


def main() -> None:
    url = sys.argv[1]
    v1: dict[str, Any] = {"api_base_url": f"{url}/v1", "api_key": Secret.from_token("none"), "max_retries": 0}
    settings = {"temperature": 0}
    generators = {
        "chat": OpenAIChatGenerator(model="demo", **v1, generation_kwargs=settings),
        "responses": OpenAIResponsesChatGenerator(model="demo", **v1, generation_kwargs=settings),
        "ollama": OllamaChatGenerator(model="demo", url=url, generation_kwargs=settings),
    }
    seen: dict[str, Any] = {name: scenario(generator) for name, generator in generators.items()}
    typed = OpenAIChatGenerator(model="demo", **v1, generation_kwargs={**settings, "response_format": STRICT})
    (reply,) = typed.run([ChatMessage.from_user("What is 12 + 7?")])["replies"]
    vectors = [
        OpenAITextEmbedder(model="vectors", **v1).run("a llama")["embedding"],
        OllamaTextEmbedder(model="vectors", url=url).run("a llama")["embedding"],
    ]
    print(json.dumps({**seen, "typed": list(json.loads(reply.text)), "vectors": [len(vector) for vector in vectors]}))


main()
