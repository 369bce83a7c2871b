"""What `openai-agents` sees of the cluster whose address is the argument, by each of OpenAI's two interfaces."""

import asyncio
import json
import sys
from dataclasses import dataclass

from agents import (
    Agent,
    ModelSettings,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    SQLiteSession,
    function_tool,
    set_tracing_disabled,
)
from openai import AsyncOpenAI

set_tracing_disabled(True)  # they would go to OpenAI
SETTINGS = ModelSettings(temperature=0, max_tokens=100)
WEATHER = "What is the weather in Paris?"


@dataclass
class Sum:
    value: int


@function_tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return "sunny"


async def scenario(model: OpenAIResponsesModel | OpenAIChatCompletionsModel) -> dict[str, object]:
    agent = Agent(name="weather", model=model, model_settings=SETTINGS, tools=[get_weather])
    whole = await Runner.run(agent, WEATHER)
    streamed = Runner.run_streamed(agent, WEATHER)
    events = [event.type async for event in streamed.stream_events()]

    plain = Agent(name="plain", model=model, model_settings=SETTINGS)
    session = SQLiteSession("one")
    turns = [await Runner.run(plain, text, session=session) for text in ("What is 12 + 7?", "What is 1 + 2?")]

    typed = Agent(name="typed", model=model, model_settings=SETTINGS, output_type=Sum)
    value = (await Runner.run(typed, "What is 12 + 7?")).final_output.value
    return {
        "tool": whole.final_output,
        "items": [item.type for item in whole.new_items],
        "streamed": streamed.final_output,
        "pieces": events.count("raw_response_event") > 3,
        "turns": [turn.final_output for turn in turns],
        "typed": type(value).__name__,
    }


async def main() -> None:
    client = AsyncOpenAI(base_url=f"{sys.argv[1]}/v1", api_key="none", max_retries=0)
    responses, chat = OpenAIResponsesModel("demo", client), OpenAIChatCompletionsModel("demo", client)
    print(json.dumps({"responses": await scenario(responses), "chat": await scenario(chat)}))


asyncio.run(main())
