"""What `pydantic-ai` sees of the cluster whose address is the argument, by each provider that it has for it."""

import asyncio
import json
import sys

from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput
from pydantic_ai.embeddings import Embedder
from pydantic_ai.embeddings.openai import OpenAIEmbeddingModel
from pydantic_ai.models import Model
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.ollama import OllamaModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.ollama import OllamaProvider
from pydantic_ai.providers.openai import OpenAIProvider

WEATHER = "What is the weather in Paris?"


class Sum(BaseModel):
    value: int


def get_weather(city: str) -> str:
    """The weather in a city."""
    return "sunny"


async def scenario(model: Model) -> dict[str, object]:
    settings = {"temperature": 0.0, "max_tokens": 100}
    chatting = Agent(model, model_settings=settings)
    first = await chatting.run("What is the capital of France?")
    second = await chatting.run("What is 12 + 7?", message_history=first.all_messages())
    async with chatting.run_stream("Count to 9.") as stream:
        streamed = "".join([piece async for piece in stream.stream_text(delta=True)])
    agent = Agent(model, model_settings=settings, tools=[get_weather])
    called = Agent(model, model_settings=settings, output_type=Sum)
    native = Agent(model, model_settings=settings, output_type=NativeOutput(Sum))
    return {
        "turns": [first.output, second.output],
        "streamed": streamed,
        "tool": (await agent.run(WEATHER)).output,
        "called": type((await called.run("What is 12 + 7?")).output.value).__name__,
        "native": type((await native.run("What is 12 + 7?")).output.value).__name__,
        "tokens": first.usage.input_tokens,
    }


async def main() -> None:
    url = sys.argv[1]
    openai = OpenAIProvider(base_url=f"{url}/v1", api_key="none")
    models = {
        "chat": OpenAIChatModel("demo", provider=openai),
        "responses": OpenAIResponsesModel("demo", provider=openai),
        "anthropic": AnthropicModel(
            "demo",
            provider=AnthropicProvider(base_url=url, api_key="none"),
            profile={"supports_json_schema_output": True},  # it goes by the names of Anthropic's models
        ),
        "ollama": OllamaModel("demo", provider=OllamaProvider(base_url=f"{url}/v1")),
    }
    seen: dict[str, object] = {name: await scenario(model) for name, model in models.items()}
    vectors = await Embedder(OpenAIEmbeddingModel("vectors", provider=openai)).embed_documents(["a llama", "a fox"])
    print(json.dumps({**seen, "vectors": [len(vector) for vector in vectors.embeddings]}))


asyncio.run(main())
