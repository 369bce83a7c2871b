"""Why a file is no LoRA adapter of a model, by the heads of both.

llama.cpp looks at some of this itself, and ends the process for the rest: when it reads a value of another type, or
when it multiplies matrices of sizes that do not belong together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from tasks.models import gguf
from tasks.models.gguf import EMBEDDINGS, OUTPUT, Head
from tasks.models.gguf_types import Tensor

PARTS: Final = (".lora_a", ".lora_b")
PASSED_OVER: Final = "_norm.weight"
"""What llama.cpp leaves out of an adapter."""
KINDS: Final = frozenset({0, 1, 2, 3, 6, 7, 8, 30})
"""F32, F16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 and BF16: ggml's types that an adapter is written in."""
OTHER_MODEL: Final = "it is of another model"


def trouble(path: Path, model: Sequence[Path]) -> str:
    """Why llama.cpp cannot compute with an adapter's file, and what to do; '' if it can.

    Args:
        path: a file that is there.
        model: the files of the model. If their heads cannot be read, nothing is said: loading them tells why.
    """
    if damage := gguf.trouble(path):
        return damage
    try:
        heads = [gguf.head(part) for part in model]
    except (OSError, gguf.NotGguf):
        return ""
    found = next(_faults(gguf.head(path), heads), "")
    return f"{path}: {found}" if found else ""


def _faults(adapter: Head, model: Sequence[Head]) -> Iterator[str]:
    yield from _of_fields(adapter, str(model[0].fields.get("general.architecture")))
    tensors = {tensor.name: tensor for tensor in adapter.tensors if not tensor.name.endswith(PASSED_OVER)}
    matrices = {tensor.name: tensor for head in model for tensor in head.tensors}
    names = sorted({name.removesuffix(part) for name in tensors for part in PARTS if name.endswith(part)})
    if others := [name for name in tensors if not name.endswith(PARTS)]:
        yield f"the tensor {others[0]} is no part of a LoRA adapter: convert it by convert_lora_to_gguf.py"
    if not names:
        yield "it has no tensors"
    for name in names:
        pair = [tensors.get(name + part) for part in PARTS]
        a, b = pair
        if a is None or b is None:
            yield f"of {name} one half is missing"
        elif name not in matrices:
            yield f"the model has no tensor {name}: {OTHER_MODEL}"
        else:
            yield from _of_pair(name, a, b, matrices)


def _of_fields(adapter: Head, architecture: str) -> Iterator[str]:
    fields = adapter.fields
    kind, sort, family = (fields.get(key) for key in ("general.type", "adapter.type", "general.architecture"))
    if kind != "adapter":
        yield "it is a model, and no adapter" if kind in (None, "model") else f"it is no adapter but a '{kind}'"
    if sort != "lora":
        yield f"it is an adapter of the type '{sort}', and only 'lora' can be used"
    if family != architecture:
        yield f"it is made for the architecture '{family}', and the model is a '{architecture}'"
    if not isinstance(fields.get("adapter.lora.alpha", 0.0), float):
        yield "adapter.lora.alpha is no number of 32 bits: convert it again"
    if "adapter.alora.invocation_tokens" in fields:
        yield "it is an adapter that begins at certain tokens (aLoRA), which Caravan does not run"


def _of_pair(name: str, a: Tensor, b: Tensor, matrices: Mapping[str, Tensor]) -> Iterator[str]:
    """Shapes are ggml's, the inputs first."""
    whole = matrices[name].shape
    if len(whole) < 2 or len(a.shape) != len(whole) or len(b.shape) != len(whole):
        yield f"{name} is no matrix that an adapter can change"
    elif name == EMBEDDINGS and OUTPUT not in matrices:
        yield f"it changes {name}, which is the model's output as well: train it without the embeddings"
    else:
        into, out = (b.shape[1], a.shape[1]) if name == EMBEDDINGS else (a.shape[0], b.shape[1])
        ranks = {a.shape[0], b.shape[0]} if name == EMBEDDINGS else {a.shape[1], b.shape[0]}
        if (into, out) != whole[:2] or a.shape[2:] != whole[2:] or b.shape[2:] != whole[2:]:
            yield f"{name} is {out} x {into} in it, and {whole[1]} x {whole[0]} in the model: {OTHER_MODEL}"
        elif len(ranks) > 1:
            yield f"the halves of {name} have the ranks {' and '.join(map(str, sorted(ranks)))}: convert it again"
        elif not {a.kind, b.kind} <= KINDS:
            yield f"{name} is written in a type that an adapter cannot have: write it in F16 or F32"
