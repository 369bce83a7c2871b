"""What `instructor` sees of the cluster whose address is the argument, in each mode that tells a server the schema."""

import json
import sys
from typing import Any

import instructor
from anthropic import Anthropic
from instructor import Mode
from openai import OpenAI
from pydantic import BaseModel

CHAT = (Mode.TOOLS, Mode.TOOLS_STRICT, Mode.JSON_SCHEMA)
MESSAGES = [{"role": "user", "content": "What is 12 + 7?"}]


class Sum(BaseModel):
    value: int


def main() -> None:
    url = sys.argv[1]
    asked: dict[str, Any] = {"model": "demo", "messages": MESSAGES, "response_model": Sum, "max_retries": 0}
    openai = OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)
    anthropic = Anthropic(base_url=url, api_key="none", max_retries=0)
    seen: dict[str, Any] = {}
    for mode in CHAT:
        client = instructor.from_openai(openai, mode=mode)
        seen[mode.name] = client.create(**asked, max_tokens=100, temperature=0)
    responses = instructor.from_openai(openai, mode=Mode.RESPONSES_TOOLS)
    seen["RESPONSES_TOOLS"] = responses.create(**asked, max_output_tokens=100, temperature=0)
    seen["ANTHROPIC_TOOLS"] = instructor.from_anthropic(anthropic, mode=Mode.ANTHROPIC_TOOLS).create(
        **asked, max_tokens=100
    )
    partial = instructor.from_openai(openai, mode=Mode.TOOLS).create_partial(**asked, max_tokens=100, temperature=0)
    last = list(partial)[-1]
    seen["TOOLS, streamed"] = Sum.model_validate(last.model_dump())
    print(json.dumps({mode: type(value).__name__ for mode, value in seen.items()}))


main()
