"""Conversations as clients send them, for templates of all kinds: every text in one is another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from tasks.engine.llama.chat_template import ChatTemplate

Message = dict[str, Any]

FUNCTION: Final = "get_weather"
TOOLS: Final = [
    {
        "name": FUNCTION,
        "description": "Tells the weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "description": "Where"}},
            "required": ["city"],
        },
    }
]
QUESTION: Final = "How warm is it in Zürich?"
ARGUMENTS: Final = '{"city": "Bern"}'
ODD_ARGUMENTS: Final = {
    "empty": "",
    "blank": " ",
    "null": "null",
    "none": "{}",
    "cut": '{"city": "Be',
    "a list": "[]",
    "a text": '"Bern"',
    "a number": "7",
}


def system(text: str = "Be brief.") -> Message:
    return {"role": "system", "content": text}


def user(text: str = QUESTION) -> Message:
    return {"role": "user", "content": text}


def assistant(text: str = "Very warm.") -> Message:
    return {"role": "assistant", "content": text}


def calling(*arguments: str, text: str = "", function: str = FUNCTION) -> Message:
    calls = [
        {"id": f"call_{place}_0123", "type": "function", "function": {"name": function, "arguments": each}}
        for place, each in enumerate(arguments or [ARGUMENTS])
    ]
    return {"role": "assistant", "content": text, "tool_calls": calls}


def result(place: int = 0, text: str = "31 degrees") -> Message:
    return {"role": "tool", "content": text, "tool_call_id": f"call_{place}_0123"}


WITHOUT_CALLS: Final[dict[str, list[Message]]] = {
    "a question": [user()],
    "a system message": [system(), user()],
    "two system messages": [system(), system("Speak plainly."), user()],
    "a system message later": [user("Hello."), assistant(), system(), user()],
    "a system message last": [user(), assistant(), system()],
    "a system message between questions": [user("Hello."), system(), user()],
    "three turns": [system(), user("Hello."), assistant(), user("Who are you?"), assistant("Nobody."), user()],
    "two questions": [user("Hello."), user()],
    "three questions": [user("Hello."), user("Is it noon?"), user()],
    "two answers": [user("Hello."), assistant(), assistant("Not cold."), user()],
}
WITH_CALLS: Final[dict[str, list[Message]]] = {
    "a call": [user(), calling(), result()],
    "a call and words": [user(), calling(text="I look."), result()],
    "a call and a system message": [system(), user(), calling(), result()],
    "a call that is over": [user("Hello."), calling(), result(), assistant(), user()],
    "a call and a question": [user("Hello."), calling(), result(), user()],
    "two calls": [user(), calling(ARGUMENTS, '{"city": "Basel"}'), result(), result(1, "33 degrees")],
    "two calls, their results turned": [
        user(),
        calling(ARGUMENTS, '{"city": "Basel"}'),
        result(1, "33 degrees"),
        result(),
    ],
    "a call after a call": [user(), calling(), result(), calling('{"city": "Basel"}'), result(0, "33 degrees")],
    **{f"arguments: {name}": [user(), calling(each), result()] for name, each in ODD_ARGUMENTS.items()},
}
ALL: Final = {**WITHOUT_CALLS, **WITH_CALLS}


def lost(template: ChatTemplate, messages: Sequence[Message], *, tools: bool) -> list[str]:
    """What the prompt does not say just once; calls may be told more often.

    Raises:
        InvalidRequest: the template refuses the conversation.
    """
    prompt = template.render(messages, tools=TOOLS if tools else None)
    texts = [message["content"] for message in messages if message["role"] != "assistant"]
    wrong = [text for text in texts if prompt.count(text) != 1]
    names = [FUNCTION] if any("tool_calls" in message for message in messages) else []
    return [*wrong, *(text for text in (*names, *_cities(messages)) if text not in prompt), *_python(prompt)]


def _cities(messages: Iterable[Message]) -> list[str]:
    calls = [call["function"]["arguments"] for message in messages for call in message.get("tool_calls", ())]
    return [city for city in ("Bern", "Basel") if any(city in call for call in calls)]


def _python(prompt: str) -> list[str]:
    """Signs of values that are written as Python shows them."""
    return [sign for sign in ("{'city': 'B", "'type': 'text'", '"type": "text"') if sign in prompt]
