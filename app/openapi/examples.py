"""Bodies that any generative model answers, the demo model well. The document puts a model's name into each."""

from __future__ import annotations

from typing import Any

from app.openapi.describe import Example

Examples = dict[str, Example]


def _asked(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


_SUM = _asked("What is 12 + 7?")
_WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
_TOOL = {"name": "weather", "description": "The weather of a city.", "parameters": _WEATHER}
_NUMBER = {
    "type": "object",
    "properties": {"sum": {"type": "integer"}},
    "required": ["sum"],
    "additionalProperties": False,
}

JOBS: Examples = {
    "A chat": {"messages": _SUM, "temperature": 0, "priority": "high", "timeout": 60, "metadata": {"run": "a"}},
    "A completion": {"prompt": "The capital of France is", "max_tokens": 8},
    "Vectors": {"input": ["A fox.", "A dog."]},
    "Scores": {"query": "Which is tame?", "documents": ["A fox.", "A dog."]},
    "Two jobs at once": [{"messages": _SUM, "idempotency_key": "row-1"}, {"prompt": "The capital of France is"}],
}
LLAMA_COMPLETIONS: Examples = {
    "A completion": {"prompt": "The capital of France is", "n_predict": 8},
    "Probabilities": {"prompt": "The capital of France is", "n_predict": 4, "n_probs": 3, "temperature": 0},
}
INFILLS: Examples = {
    "A line": {"input_prefix": "def add(a, b):\n    return ", "input_suffix": "\n", "n_predict": 8},
    "With another file": {
        "input_prefix": "from shapes import area\n\nprint(",
        "input_suffix": ")\n",
        "input_extra": [{"filename": "shapes.py", "text": "def area(side):\n    return side * side\n"}],
        "n_predict": 8,
    },
}
MOVES: Examples = {"To the demo model": {"to": "demo"}}
MARKDOWN: Examples = {"A list": {"text": "The **sum**:\n\n- 12 + 7 = 19"}}
CHANGES: Examples = {"More urgent": {"priority": "high"}}
_IDS = ["a0c7273c-47a9-41b1-bdbb-634b5f0e1305", "5d0b1ab0-7a2f-4f5c-9e2b-1f2d3c4b5a60"]
WAITS: Examples = {"Two jobs": {"ids": _IDS, "wait": 10}}
DELETIONS: Examples = {"Two jobs": {"ids": _IDS}}
CHATS: Examples = {
    "A question": {"messages": _SUM, "temperature": 0},
    "Streamed": {"messages": _asked("Count to 9."), "stream": True, "stream_options": {"include_usage": True}},
    "JSON": {
        "messages": _SUM,
        "max_tokens": 64,
        "response_format": {"type": "json_schema", "json_schema": {"name": "sum", "schema": _NUMBER}},
    },
    "Tools": {
        "messages": _asked("What is the weather in Paris?"),
        "max_tokens": 64,
        "tools": [{"type": "function", "function": _TOOL}],
    },
}
MESSAGES: Examples = {
    "A question": {"messages": _SUM, "max_tokens": 64, "temperature": 0},
    "Streamed": {"messages": _asked("Count to 9."), "max_tokens": 64, "stream": True},
    "Tools": {
        "messages": _asked("What is the weather in Paris?"),
        "max_tokens": 64,
        "tools": [{"name": "weather", "description": "The weather of a city.", "input_schema": _WEATHER}],
    },
}
MESSAGE_BATCHES: Examples = {
    "Two questions": {
        "requests": [
            {"custom_id": "sum", "params": {"model": "demo", "max_tokens": 16, "messages": _SUM}},
            {"custom_id": "count", "params": {"model": "demo", "max_tokens": 32, "messages": _asked("Count to 9.")}},
        ]
    }
}
COUNTED: Examples = {"A question": {"messages": _SUM, "system": "Be brief."}}
COMPLETIONS: Examples = {
    "A prompt": {"prompt": "The capital of France is", "max_tokens": 8, "temperature": 0},
    "Two prompts, with logprobs": {"prompt": ["One,", "Two,"], "max_tokens": 4, "logprobs": 2},
}
EMBEDDINGS: Examples = {"Two texts": {"input": ["A fox.", "A dog."], "encoding_format": "float"}}
RERANKS: Examples = {
    "Three documents": {
        "query": "What is the capital of France?",
        "documents": ["A fox.", "Paris is the capital of France.", "A dog."],
        "top_n": 2,
        "return_documents": True,
    },
    "Texts": {"query": "What is the capital of France?", "texts": ["A fox.", "Paris is the capital of France."]},
}
RESPONSES: Examples = {
    "A question": {"input": "What is 12 + 7?", "temperature": 0},
    "Streamed": {"input": _asked("Count to 9."), "instructions": "Be brief.", "stream": True},
    "In the background": {"input": "Tell me a story about a fox.", "background": True, "max_output_tokens": 32},
}
FILES: Examples = {"A file": {"purpose": "batch", "file": "requests.jsonl"}}
BATCHES: Examples = {
    "Within a day": {
        "input_file_id": "file-000000000000000000000000",
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
        "metadata": {"run": "a"},
    }
}
TOKENIZE: Examples = {"A text": {"content": "The capital of France is", "with_pieces": True}}
DETOKENIZE: Examples = {"Three tokens": {"tokens": [65, 66, 67]}}
APPLY_TEMPLATE: Examples = {"A question": {"messages": _SUM}}
OLLAMA_CHATS: Examples = {
    "Streamed": {"messages": _SUM, "options": {"temperature": 0, "num_predict": 32}},
    "Whole": {"messages": _SUM, "stream": False, "options": {"temperature": 0, "num_predict": 32}},
    "JSON": {"messages": _SUM, "stream": False, "format": _NUMBER, "options": {"num_predict": 32}},
    "Tools": {
        "messages": _asked("What is the weather in Paris?"),
        "stream": False,
        "tools": [{"type": "function", "function": _TOOL}],
        "options": {"num_predict": 64},
    },
    "Load the model": {},
}
GENERATED: Examples = {
    "A question": {"prompt": "What is 12 + 7?", "stream": False, "options": {"temperature": 0, "num_predict": 32}},
    "Continue a text": {"prompt": "The capital of France is", "raw": True, "options": {"num_predict": 8}},
}
OLLAMA_EMBEDDINGS: Examples = {"Two texts": {"input": ["A fox.", "A dog."]}}
OLD_OLLAMA_EMBEDDINGS: Examples = {"A text": {"prompt": "A fox."}}
PULLS: Examples = {"The demo model": {"model": "demo", "stream": False}}
SHOWN: Examples = {"The demo model": {"model": "demo"}}
