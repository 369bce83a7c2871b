"""What LlamaIndex sees of the cluster whose address is the argument, as a server like OpenAI's and as Ollama."""

import asyncio
import json
import sys
from typing import Any

from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms import ChatMessage
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.embeddings.ollama import OllamaEmbedding
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from llama_index.llms.ollama import Ollama
from llama_index.llms.openai_like import OpenAILike
from pydantic import BaseModel


class Sum(BaseModel):
    """A sum."""

    value: int


def get_weather(city: str) -> str:
    """The weather in a city."""
    return "sunny"


async def scenario(llm: FunctionCallingLLM) -> dict[str, Any]:
    def user(text: str) -> list[ChatMessage]:
        return [ChatMessage(role="user", content=text)]

    agent = FunctionAgent(tools=[get_weather], llm=llm, streaming=False)
    streaming = FunctionAgent(tools=[get_weather], llm=llm)
    return {
        "chat": llm.chat(user("What is the capital of France?")).message.content,
        "completion": str(llm.complete("What is 12 + 7?")),
        "streamed": "".join(piece.delta or "" for piece in llm.stream_chat(user("Count to 9."))),
        "answer": str(await agent.run("What is the weather in Paris?")),
        "streamed_answer": str(await streaming.run("What is the weather in Paris?")),
        "typed": type(llm.as_structured_llm(Sum).chat(user("What is 12 + 7?")).raw.value).__name__,
    }


async def main() -> None:
    url = sys.argv[1]
    v1 = {"api_base": f"{url}/v1", "api_key": "none"}
    like = OpenAILike(
        model="demo", **v1, is_chat_model=True, is_function_calling_model=True, context_window=1024,
        temperature=0, max_tokens=100, max_retries=0,
    )  # fmt: skip
    ollama = Ollama(
        model="demo", base_url=url, temperature=0, context_window=1024, additional_kwargs={"num_predict": 100}
    )
    vectors = [
        OpenAILikeEmbedding(model_name="vectors", **v1).get_text_embedding("a llama"),
        OllamaEmbedding(model_name="vectors", base_url=url).get_text_embedding("a llama"),
    ]
    seen = {"openai_like": await scenario(like), "ollama": await scenario(ollama)}
    print(json.dumps({**seen, "vectors": [len(vector) for vector in vectors]}))


asyncio.run(main())
