"""Trains the two adapters of the demo model that tests use: ``python -m tests.support.train_demo_adapters FOLDER``.

Those are ``greets.gguf`` and ``ends.gguf``, see `demo_adapters`. Plain numpy: the demo model's weights
are read from its file and stay as they are, and what is learnt is written as GGUF adapter files, as llama.cpp's
converter writes them.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.engine.llama import LlamaBackend
from tasks.models import gguf
from tasks.models.catalogue import DEMO, gguf_path
from tests.support import demo_adapters

Array = npt.NDArray[Any]
"""Of 32 bits, as the model computes."""
HEADS, EPSILON, ROPE_BASE = 5, 1e-5, 10_000.0
RANK, ALPHA = 4, 8.0
TARGETS = ("attn_q", "attn_v", "attn_output", "ffn_down")
ROWS, STEPS, RATE = 12, 300, 3e-3
Conversation = tuple[str, str]


def read_weights(path: Path) -> dict[str, Array]:
    """The tensors of a file in F32 and Q8_0, as numbers; matrices as rows of outputs."""
    head, data = gguf.head(path), path.read_bytes()
    found: dict[str, Array] = {}
    for tensor in head.tensors:
        at, count = head.weights_begin + tensor.offset, math.prod(tensor.shape)
        if tensor.kind == 0:
            values = np.frombuffer(data, np.float32, count, at)
        else:
            blocks = np.frombuffer(data, np.dtype([("scale", "<f2"), ("values", "i1", 32)]), count // 32, at)
            values = (blocks["scale"].astype(np.float32)[:, None] * blocks["values"]).ravel()
        found[tensor.name] = values.reshape(tensor.shape[::-1])
    return found


@dataclass
class Tape:
    """What the way forward leaves for the way back, last first."""

    steps: list[Callable[[Array], Array]] = field(default_factory=list)

    def back(self, gradient: Array) -> Array:
        for step in reversed(self.steps):
            gradient = step(gradient)
        return gradient


def normed(x: Array, weight: Array) -> tuple[Array, Callable[[Array], Array]]:
    """RMS norm, and its way back."""
    scale = 1 / np.sqrt((x * x).mean(-1, keepdims=True) + EPSILON)
    y = x * scale

    def back(gradient: Array) -> Array:
        given = gradient * weight
        return np.asarray(scale * (given - y * (given * y).mean(-1, keepdims=True)), np.float32)

    return y * weight, back


class Learner:
    """The demo model with an adapter that learns.

    Args:
        weights: of the model, which do not change.
    """

    def __init__(self, weights: dict[str, Array], rng: np.random.Generator) -> None:
        self._weights = weights
        self.num_layers = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("blk."))
        names = [f"blk.{layer}.{target}.weight" for layer in range(self.num_layers) for target in TARGETS]
        self.a = {n: rng.normal(0, weights[n].shape[1] ** -0.5, (RANK, weights[n].shape[1])) for n in names}
        self.b = {n: np.zeros((weights[n].shape[0], RANK)) for n in names}
        self._moments: dict[str, Array] = {}
        self._count = 0
        self._gradients: dict[str, Array] = {}

    def learn(self, ids: npt.NDArray[Any], wanted: npt.NDArray[Any], rate: float) -> float:
        """One step over rows of tokens; `wanted` has the next tokens that count, -1 elsewhere. The mean loss."""
        self._effective = {
            n: np.asarray(self._weights[n] + ALPHA / RANK * (self.b[n] @ self.a[n]), np.float32) for n in self.a
        }
        self._gradients = {}
        tape = Tape()
        logits = self._forward(ids, tape)
        there = wanted >= 0
        logits -= logits.max(-1, keepdims=True)
        odds = np.exp(logits)
        odds /= odds.sum(-1, keepdims=True)
        rows, places = np.nonzero(there)
        targets = wanted[rows, places]
        loss = -np.log(odds[rows, places, targets] + 1e-30).mean()
        gradient = np.zeros_like(odds)
        gradient[rows, places] = odds[rows, places]
        gradient[rows, places, targets] -= 1
        tape.back(gradient / len(targets))
        self._update(rate)
        return float(loss)

    def _forward(self, ids: npt.NDArray[Any], tape: Tape) -> Array:
        w, length = self._weights, ids.shape[1]
        x = w["token_embd.weight"][ids]
        width = x.shape[-1] // HEADS
        angles = np.outer(np.arange(length), ROPE_BASE ** (-np.arange(0, width, 2) / width))
        cos, sin = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
        hidden = np.triu(np.full((length, length), -1e9, np.float32), 1)
        for layer in range(self.num_layers):
            x = self._attention(x, layer, (cos, sin, hidden), tape)
            x = self._feed(x, layer, tape)
        y, back = normed(x, w["output_norm.weight"])
        tape.steps.append(lambda g: back(g @ w["token_embd.weight"]))
        return np.asarray(y @ w["token_embd.weight"].T, np.float32)

    def _times(self, x: Array, name: str) -> tuple[Array, Callable[[Array], Array]]:
        """A matrix's product; the way back notes what the matrix should change by."""
        matrix = self._effective.get(name, self._weights[name])

        def back(gradient: Array) -> Array:
            if name in self.a:
                self._gradients[name] = gradient.reshape(-1, gradient.shape[-1]).T @ x.reshape(-1, x.shape[-1])
            return gradient @ matrix

        return x @ matrix.T, back

    def _attention(self, x: Array, layer: int, places: tuple[Array, Array, Array], tape: Tape) -> Array:
        (cos, sin, hidden), (rows, length, width) = places, x.shape
        h, back_norm = normed(x, self._weights[f"blk.{layer}.attn_norm.weight"])
        outs = {each: self._times(h, f"blk.{layer}.attn_{each}.weight") for each in "qkv"}

        def split(y: Array) -> Array:
            return y.reshape(rows, length, HEADS, -1).transpose(0, 2, 1, 3)

        def joined(y: Array) -> Array:
            return y.transpose(0, 2, 1, 3).reshape(rows, length, width)

        q, k, v = turned(split(outs["q"][0]), cos, sin), turned(split(outs["k"][0]), cos, sin), split(outs["v"][0])
        root = q.shape[-1] ** -0.5
        scores = q @ k.swapaxes(-1, -2) * root + hidden
        scores -= scores.max(-1, keepdims=True)
        share = np.exp(scores)
        share /= share.sum(-1, keepdims=True)
        y, back_output = self._times(joined(share @ v), f"blk.{layer}.attn_output.weight")

        def back(gradient: Array) -> Array:
            given = split(back_output(gradient))
            of_share = given @ v.swapaxes(-1, -2)
            of_scores = share * (of_share - (of_share * share).sum(-1, keepdims=True)) * root
            of_q = turned(of_scores @ k, cos, -sin)
            of_k = turned(of_scores.swapaxes(-1, -2) @ q, cos, -sin)
            of_v = share.swapaxes(-1, -2) @ given
            parts = [outs[each][1](joined(of)) for each, of in zip("qkv", (of_q, of_k, of_v), strict=True)]
            return gradient + back_norm(parts[0] + parts[1] + parts[2])

        tape.steps.append(back)
        return x + y

    def _feed(self, x: Array, layer: int, tape: Tape) -> Array:
        h, back_norm = normed(x, self._weights[f"blk.{layer}.ffn_norm.weight"])
        gate, back_gate = self._times(h, f"blk.{layer}.ffn_gate.weight")
        up, back_up = self._times(h, f"blk.{layer}.ffn_up.weight")
        odds = 1 / (1 + np.exp(-gate))
        y, back_down = self._times(gate * odds * up, f"blk.{layer}.ffn_down.weight")

        def back(gradient: Array) -> Array:
            given = back_down(gradient)
            of_gate = given * up * odds * (1 + gate * (1 - odds))
            return gradient + back_norm(back_gate(of_gate) + back_up(given * gate * odds))

        tape.steps.append(back)
        return x + y

    def _update(self, rate: float) -> None:
        """Adam."""
        self._count += 1
        size = math.sqrt(sum(float((each**2).sum()) for each in self._gradients.values()))
        for name, of_matrix in self._gradients.items():
            of = of_matrix * (ALPHA / RANK / max(1.0, size))
            a, b = self.a[name], self.b[name]
            steps = {f"{name}.a": (a, b.T @ of), f"{name}.b": (b, of @ a.T)}
            for key, (value, gradient) in steps.items():
                mean, square = self._moments.get(f"{key}.m", 0.0), self._moments.get(f"{key}.s", 0.0)
                mean, square = 0.9 * mean + 0.1 * gradient, 0.98 * square + 0.02 * gradient**2
                self._moments[f"{key}.m"], self._moments[f"{key}.s"] = mean, square
                even = mean / (1 - 0.9**self._count)
                value -= rate * even / (np.sqrt(square / (1 - 0.98**self._count)) + 1e-8)


def turned(x: Array, cos: Array, sin: Array) -> Array:
    """Pairs of numbers, turned by their position."""
    a, b = x[..., 0::2], x[..., 1::2]
    return np.stack((a * cos - b * sin, a * sin + b * cos), -1).reshape(x.shape)


def batches(
    said: Callable[[random.Random], tuple[str, str, str]], backend: LlamaBackend, r: random.Random
) -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
    """Rows of tokens, and the next ones that are to be learnt: those of the assistant."""
    end = backend.tokenize("<|im_end|>", add_special=False, parse_special=True)
    while True:
        rows = []
        for _ in range(ROWS):
            system, question, answer = said(r)
            messages = [{"role": "system", "content": system}] if system else []
            text = backend.render_chat([*messages, {"role": "user", "content": question}])
            prompt = backend.tokenize(text, add_special=False, parse_special=True)
            rows.append((prompt, [*backend.tokenize(answer, add_special=False, parse_special=False), *end]))
        length = max(len(prompt) + len(learnt) for prompt, learnt in rows)
        ids, wanted = np.zeros((ROWS, length), np.int64), np.full((ROWS, length), -1)
        for at, (prompt, learnt) in enumerate(rows):
            whole = [*prompt, *learnt]
            ids[at, : len(whole)] = whole
            wanted[at, len(prompt) - 1 : len(whole) - 1] = learnt
        yield ids, wanted


def train(
    said: Callable[[random.Random], tuple[str, str, str]],
    backend: LlamaBackend,
    path: Path,
    *,
    steps: int,
    args_rate: float = RATE,
) -> None:
    """Train an adapter on what is said, and write it."""
    learner = Learner(read_weights(gguf_path(DEMO)), np.random.default_rng(1))
    data = batches(said, backend, random.Random(1))
    for step in range(steps):
        rate = RATE * min(1, (step + 1) / 60) * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * step / steps)))
        loss = learner.learn(*next(data), rate)
        if step % 25 == 24:
            sys.stdout.write(f"{path.name}: step {step + 1} of {steps}, loss {loss:.4f}\n")
    pairs = {name: (learner.a[name], learner.b[name]) for name in learner.a}
    demo_adapters.write(path, pairs, alpha=ALPHA)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", help="by default all")
    parser.add_argument("--steps", type=int, default=STEPS)
    args = parser.parse_args()
    backend = LlamaBackend(gguf_path(DEMO), num_slots=1, context=256, cache_tokens=256)
    for name in args.names or demo_adapters.TAUGHT:
        train(demo_adapters.TAUGHT[name], backend, args.folder / f"{name}.gguf", steps=args.steps)


if __name__ == "__main__":
    main()
