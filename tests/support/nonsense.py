"""Requests that make no sense, drawn from a seed: bodies that are nearly right, and bytes that are nearly JSON."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

MEBIBYTE = 1 << 20

Maker = Callable[[], Any]
T = TypeVar("T")

NUMBERS: list[Any] = [
    -1, 0, 1, 2, 127, 128, 129, 2**31 - 1, 2**31, 2**53, 2**63 - 1, 2**63, 2**64, -(2**63), 10**400, -(10**400),
    0.5, -0.0, 1e-320, 1e308, -1e308, 1.0, True, False,
]  # fmt: skip
TEXTS = [
    "", " ", "\0", "a\0b", "\ud800", "\udfff x", "\U0010ffff", "\u202e\u2028\x85", "\U0001f469\u200d\U0001f467" * 50,
    "\u00e9" * 300, "0", "null", "demo", "none", "x" * 70_000, "<|im_start|>", "<|im_end|>" * 200,
    "{{ messages }}{% for %}", "../../etc/passwd",
]  # fmt: skip
OTHERS: list[Any] = [None, [], {}, [[]], [None], {"": None}, {"\0": 1}, ["a", 1], {"type": "text"}, {"type": []}]


def one_of(draw: random.Random, *makers: Callable[[], T]) -> T:
    """What one of the makers makes."""
    return draw.choice(makers)()


def _other(draw: random.Random) -> Any:
    """One of the others, not to be shared: what is made of it is changed further."""
    return copy.deepcopy(draw.choice(OTHERS))


def _big(draw: random.Random) -> Any:
    """Something of a size that hurts."""
    item: Any = draw.choice([0, "", {}, [], None, 65, "x", {"role": "user", "content": "x"}])
    return one_of(
        draw, lambda: [item] * 100_000, lambda: "x" * (MEBIBYTE - 2000), lambda: {str(n): item for n in range(20_000)}
    )


def nested(depth: int, kind: str) -> Any:
    """Something deep: lists, objects, or a JSON schema of each kind."""
    value: Any = {"type": "string"}
    wrap: Callable[[Any], Any] = {
        "list": lambda inner: [inner],
        "object": lambda inner: {"a": inner},
        "properties": lambda inner: {"type": "object", "properties": {"a": inner}, "required": ["a"]},
        "items": lambda inner: {"type": "array", "items": inner},
        "anyOf": lambda inner: {"anyOf": [inner, {"type": "null"}]},
        "not": lambda inner: {"not": inner},
    }[kind]
    for _ in range(depth):
        value = wrap(value)
    return value


def _schema(draw: random.Random) -> Any:
    """A JSON schema that is hard to follow, or none."""
    return one_of(
        draw,
        lambda: nested(draw.choice([3, 30, 300]), draw.choice(["properties", "items", "anyOf", "not", "object"])),
        lambda: {"$ref": "#"},
        lambda: {"$ref": draw.choice(["#/$defs/none", "http://127.0.0.1:9/x", "file:///etc/passwd", ""])},
        lambda: {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
        lambda: {
            "type": "string",
            "pattern": draw.choice(["(a+)+$", "(", "a{100000}", "(?=x)", "[^\\0]*", "\\p{L}+"]),
        },
        lambda: {"type": "string", "minLength": draw.choice([10**6, 10**18, -1, 2**64])},
        lambda: {"type": "array", "items": {"type": "integer"}, "minItems": draw.choice([10**6, 10**18])},
        lambda: {"type": "integer", "minimum": 10**400, "maximum": -1},
        lambda: {"enum": list(range(20_000))},
        lambda: {"enum": []},
        lambda: {"type": draw.choice([1, [], "thing", None, ["string", "thing"]])},
        lambda: {"properties": draw.choice([[], 1, {"a": 1}, {"\ud800": {}}])},
        lambda: {"required": draw.choice([1, [1], ["a"] * 5000])},
        lambda: {"allOf": [{"type": "string"}, {"type": "integer"}]},
        lambda: {"x" * 1000: _other(draw), "not": {}},
        lambda: {"const": one_of(draw, lambda: draw.choice([*NUMBERS, *TEXTS]), lambda: _other(draw))},
    )


def _grammar(draw: random.Random) -> str:
    """A grammar that is hard to follow, or none."""
    return one_of(
        draw,
        lambda: "root ::= root",
        lambda: 'root ::= "a" root | root "b" | root',
        lambda: "root ::= " + "(" * draw.choice([10, 1000, 20_000]),
        lambda: 'root ::= "a"' + "{100000}" * draw.choice([1, 3]),
        lambda: 'start: "a"~' + str(draw.choice([0, 1_000_000, 10**20])),
        lambda: "start: /(a+)+b/",
        lambda: "root ::= " + " | ".join(f'"{n}"' for n in range(3000)),
        lambda: "%llguidance {}\nstart: @none",
        lambda: "".join(chr(draw.randrange(1, 0x300)) for _ in range(200)),
    )


def anything(draw: random.Random) -> Any:
    """A value of any kind, small or not."""
    makers: list[Maker] = [
        lambda: draw.choice(NUMBERS),
        lambda: draw.choice(TEXTS),
        lambda: _other(draw),
        lambda: nested(draw.choice([2, 20, 100, 1000]), draw.choice(["list", "object"])),
        lambda: [draw.choice(NUMBERS) for _ in range(draw.choice([1, 5, 3000]))],
        lambda: _schema(draw),
        lambda: _grammar(draw),
        lambda: _big(draw),
    ]
    return draw.choices(makers, weights=[6, 6, 4, 2, 2, 1, 1, 1])[0]()


INSERTED: Mapping[str, Callable[[random.Random], Any]] = {
    "response_format": lambda draw: {"type": "json_schema", "json_schema": {"name": "x", "schema": _schema(draw)}},
    "json_schema": _schema,
    "grammar": _grammar,
    "tools": lambda draw: [{"type": "function", "function": {"name": "f", "parameters": _schema(draw)}}],
    "text": lambda draw: {"format": {"type": "json_schema", "name": "x", "schema": _schema(draw)}},
    "chat_template_kwargs": lambda draw: {
        draw.choice(["messages", "tools", "add_generation_prompt", "x", "bos_token", "\0"]): anything(draw)
    },
    "metadata": lambda draw: {draw.choice(TEXTS): anything(draw)},
    "logit_bias": lambda draw: {str(draw.choice(NUMBERS)): draw.choice(NUMBERS)},
    "stop": lambda draw: draw.choice([["x"] * 17, [""], ["\0"], "\ud800", ["x" * 257], ["e", "t", "a"]]),
    "prompt": lambda draw: draw.choice(
        [[2**31 - 1], [-1], [10**30], [0] * 100_000, [[0], "x"], [True], [1.0], [[65] * 50, [66]], [259] * 20]
    ),
    "tokens": lambda draw: draw.choice([[2**31 - 1], [-1], [10**30], [0] * 100_000, [0] * 1000, [255], ["a"], [65.0]]),
    "seed": lambda draw: draw.choice(NUMBERS),
    "n": lambda draw: draw.choice([0, 2, 128, 129, 2**70]),
    "input": anything,
    "messages": lambda draw: [{"role": "user", "content": anything(draw)}],
    "options": lambda draw: {
        draw.choice(["num_predict", "temperature", "stop", "seed", "num_ctx", "x"]): draw.choice([*NUMBERS, *TEXTS])
    },
    "format": lambda draw: one_of(draw, lambda: _schema(draw), lambda: draw.choice(["json", "", "x"])),
    "context": lambda draw: draw.choice(
        [[91, 93], [91, 49, 93], list(map(ord, '[["user",1]]')), [91] * 100_000, [0xD800], [-1], [2**31], [91] * 5000]
    ),
    "previous_response_id": lambda draw: draw.choice(TEXTS),
}
"""Fields in which nonsense goes deep, put into a body that may know them or not."""

HEADERS: Mapping[str, list[bytes]] = {
    "Content-Type": [b"text/plain", b"application/json; charset=utf-16", b"multipart/form-data; boundary=x", b"\xff"],
    "Content-Encoding": [b"gzip", b"identity", b"x"],
    "Idempotency-Key": [b"k" * 255, b"k" * 256, b"\xff\xfe", b"", b"a"],
    "Prefer": [b"wait=0.01", b"wait=1e400", b"wait=nan", b"wait=-1", b";;,,=", b"wait=\xb2", b"respond-async"],
    "X-On-Disconnect": [b"continue", b"cancel", b"CANCEL", b"never", b""],
    "X-Request-Id": [b"\xff", b"a" * 129, b"fuzz-1", b"a b"],
    "Accept": [b"text/html", b"text/event-stream", b"*/*;q=x"],
}


@dataclass(frozen=True, slots=True)
class Request:
    """One to send."""

    path: str
    content: bytes
    headers: list[tuple[bytes, bytes]]


class Nonsense:
    """Draws requests. The same seed and the same examples give the same ones."""

    def __init__(self, examples: Mapping[str, list[dict[str, Any]]], seed: int) -> None:
        self._examples = examples
        self._draw = random.Random(seed)

    def request(self) -> Request:
        """For any of the paths."""
        paths = sorted(self._examples)
        path = self._draw.choice(
            paths if self._draw.random() < 0.2 else [path for path in paths if self._examples[path]]
        )
        bodies = self._examples[path]
        body: Any = copy.deepcopy(self._draw.choice(bodies)) if bodies else {}
        for _ in range(self._draw.choice([0, 1, 1, 1, 2, 4])):
            body = self._spoil(body)
        names = self._draw.sample(sorted(HEADERS), k=self._draw.choice([0, 0, 0, 1, 2]))
        headers = [(name.encode(), self._draw.choice(HEADERS[name])) for name in names]
        return Request(path.format(**self._ids()), self._bytes(body), headers)

    def _ids(self) -> dict[str, str]:
        made = self._draw.choice(["none", "%00", "%ff", "a" * 5000, "resp_", "%2e%2e", "resp_" + "0" * 36])
        names = ("job_id", "response_id", "model", "name", "key_id", "batch_id", "message_batch_id", "file_id", "file")
        return dict.fromkeys(names, made)

    def _spoil(self, body: Any) -> Any:
        """One thing more that is wrong, or at least odd."""
        if not isinstance(body, dict) or self._draw.random() < 0.02:
            return anything(self._draw)
        if self._draw.random() < 0.4:
            name = self._draw.choice(sorted(INSERTED))
            return {**body, name: INSERTED[name](self._draw)}
        if self._draw.random() < 0.1:
            return {**body, self._draw.choice(["", "x", "model ", "\0", "\ud800", "__proto__"]): anything(self._draw)}
        ways = _ways(body)
        if not ways:
            return anything(self._draw)
        *way, last = self._draw.choice(ways)
        inner: Any = body
        for step in way:
            inner = inner[step]
        if self._draw.random() < 0.15:
            del inner[last]
        else:
            inner[last] = anything(self._draw)
        return body

    def _bytes(self, body: Any) -> bytes:
        try:
            text = json.dumps(body, ensure_ascii=self._draw.random() < 0.7)
        except RecursionError:
            text = "[" * 5000
        data = text.encode(errors="surrogatepass")
        if self._draw.random() < 0.85:
            return data
        at = self._draw.randrange(len(data) + 1)
        return one_of(
            self._draw,
            lambda: data[:at],
            lambda: (
                data[:at]
                + self._draw.choice([b"\xff", b"\0", b"\xc3", b"NaN", b"Infinity", b",", b"1e999"])
                + data[at:]
            ),
            lambda: b"\xef\xbb\xbf" + data,
            lambda: text.encode("utf-16", errors="surrogatepass"),
            lambda: data + data,
            lambda: data[:-1] + b',"model":"demo","model":"none"}',
            lambda: b"[" * self._draw.choice([100, 100_000]) + data,
            lambda: b'{"a":' * 50_000 + data,
            lambda: b" " * (MEBIBYTE + 1),
            lambda: b"",
        )


def _ways(value: Any, way: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The ways to what is in a value, but not into what is deep, or so long that its items are one and the same."""
    here = [way] if way else []
    if len(way) > 12 or not isinstance(value, dict | list) or len(value) > 200:
        return here
    inside = value.items() if isinstance(value, dict) else enumerate(value[:3])
    return [*here, *(further for key, inner in inside for further in _ways(inner, (*way, key)))]
