"""The head of a GGUF file, as far as it tells what memory the model takes, and whether it is one.

The format is in ggml's docs/gguf.md: a magic, a version, two counts, then keys with typed values, little endian.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from tasks.byte_sizes import size
from tasks.models import gguf_types
from tasks.models.cache_types import BYTES, PLAIN
from tasks.models.gguf_types import Tensor

MAGIC = b"GGUF"
REMEDY = "download it again"
"""Of a file that is not one."""
EMBEDDINGS, OUTPUT = "token_embd.weight", "output.weight"
REPACKED = frozenset({2, 10, 12, 20})
"""Q4_0, Q2_K, Q4_K and IQ4_NL: ggml's types with kernels for rearranged matrices on every processor that has any."""
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_LONGEST = 1 << 16
"""Bytes of a text, and elements of a list, that are kept; longer ones (the vocabulary) are passed over."""
_LARGEST = 1 << 48
_MOST_DIMENSIONS = 8
ALIGNMENT = 32
"""Bytes; weights begin at a multiple, unless the file says otherwise."""
_PART = re.compile(r"-00001-of-(?!00000)(\d{5})\.gguf$")


@dataclass(frozen=True, slots=True)
class Passed:
    """A list that was passed over: of texts, or a long one."""

    count: int


class NotGguf(Exception):
    """Raised for a file that is not a GGUF file, or only a beginning of one."""


def fields(path: Path) -> dict[str, Any]:
    """What the file says of its model, by key. Raises NotGguf, OSError."""
    return head(path).fields


@dataclass(frozen=True, slots=True)
class Head:
    """What a file says before its weights."""

    fields: dict[str, Any]
    tensors: tuple[Tensor, ...]
    weights_begin: int
    """The byte at which the weights begin."""


def head(path: Path) -> Head:
    """The head of a file. Raises NotGguf, OSError."""
    with path.open("rb") as file:
        if file.read(4) != MAGIC:
            raise NotGguf(f"{path} is not a GGUF file")
        try:
            _version, num_tensors, count = struct.unpack("<IQQ", file.read(20))
            found = {_text(file): _value(file, *_numbers(file, "I")) for _ in range(count)}
            tensors = tuple(_tensor(file) for _ in range(num_tensors))
            alignment = int(found.get("general.alignment") or ALIGNMENT)
            return Head(found, tensors, -(-file.tell() // alignment) * alignment)
        except (struct.error, MemoryError, OverflowError, KeyError, RecursionError, TypeError, ValueError) as exc:
            raise NotGguf(f"{path} is damaged or incomplete") from exc


def has_whole_head(path: Path) -> bool:
    """Whether a file that may end early has its whole head, or is none of GGUF. Raises OSError."""
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            return True
    try:
        return head(path).weights_begin > 0
    except NotGguf:
        return False


def trouble(path: Path) -> str:
    """Why nothing can load a model from these files, and what to do; '' if their heads are in order."""
    for part in parts(path):
        try:
            found = head(part)
            if missing := gguf_types.missing_bytes(found.tensors, part.stat().st_size - found.weights_begin):
                return f"{part} is incomplete, its last {size(missing)} are missing: {REMEDY}"
        except FileNotFoundError:
            return f"there is no file {part}"
        except OSError as exc:
            return f"{part} cannot be read ({exc.strerror})"
        except NotGguf as exc:
            return f"{exc}: {REMEDY}"
    return ""


def parts(path: Path) -> list[Path]:
    """The files of a model that is split into several, of which `path` is the first; else that alone."""
    match = _PART.search(path.name)
    if match is None:
        return [path]
    begin, count = path.name[: match.start()], int(match[1])
    return [path.with_name(f"{begin}-{number:05d}-of-{count:05d}.gguf") for number in range(1, count + 1)]


def cache_bytes_per_token(model: Mapping[str, Any], *, keys: str = PLAIN, values: str = PLAIN) -> int:
    """Bytes of the cache for one token, at most: windows and recurrent layers take less. 0 if the file does not say.

    Args:
        keys, values: the formats in which they are kept.
    """
    family = model.get("general.architecture", "")

    def of(key: str) -> Any:
        return model.get(f"{family}.{key}")

    layers, heads = of("block_count") or 0, of("attention.head_count")
    shared = of("attention.head_count_kv") or heads
    head_size = of("attention.key_length") or ((of("embedding_length") or 0) // max(1, _most(heads)))
    each = head_size * BYTES[keys] + (of("attention.value_length") or head_size) * BYTES[values]
    total = sum(shared) if isinstance(shared, list) else layers * (shared or 0)
    return int(total * each)


def doubled_bytes(path: Path) -> int:
    """Bytes of the matrix that llama.cpp has twice where it repacks matrices: once as it is and once repacked.

    That is the one of a model whose tokens go in and come out by the same matrix; 0 for any other. Raises NotGguf,
    OSError.
    """
    tensors = {tensor.name: tensor for tensor in head(path).tensors}
    if OUTPUT in tensors or EMBEDDINGS not in tensors or tensors[EMBEDDINGS].kind not in REPACKED:
        return 0
    return gguf_types.num_bytes(tensors[EMBEDDINGS])


def weights_bytes(path: Path) -> int:
    """What the weights of a file take; 0 of one that is not here, or is damaged: loading it tells why."""
    try:
        return max(0, path.stat().st_size - head(path).weights_begin)
    except (OSError, NotGguf):
        return 0


def _most(heads: Any) -> int:
    return max(heads, default=1) if isinstance(heads, list) else int(heads or 1)


def _tensor(file: BinaryIO) -> Tensor:
    name, (num_dimensions,) = _text(file), _numbers(file, "I")
    if num_dimensions > _MOST_DIMENSIONS:
        raise struct.error("no tensor has so many dimensions")
    shape = _numbers(file, f"{num_dimensions}Q")
    return Tensor(name, shape, *_numbers(file, "IQ"))


def _numbers(file: BinaryIO, form: str) -> tuple[Any, ...]:
    return struct.unpack("<" + form, file.read(struct.calcsize("<" + form)))


def _text(file: BinaryIO) -> str:
    (length,) = _numbers(file, "Q")
    if length > _LONGEST:
        _pass_over(file, length)
        return ""
    data = file.read(length)
    if len(data) < length:
        raise struct.error("the file ends")
    return data.decode(errors="replace")


def _value(file: BinaryIO, kind: int) -> Any:
    if kind == _STRING:
        return _text(file)
    if kind != _ARRAY:
        return _numbers(file, _SCALARS[kind])[0]
    element, count = _numbers(file, "IQ")
    if element in _SCALARS:
        if count <= _LONGEST:
            return list(_numbers(file, str(count) + _SCALARS[element]) if count else ())
        _pass_over(file, count * struct.calcsize("<" + _SCALARS[element]))
        return Passed(count)
    for _ in range(count):
        _value(file, element)
    return Passed(count)


def _pass_over(file: BinaryIO, count: int) -> None:
    if count > _LARGEST:  # what cannot be a length is refused by seek in ways of its own
        raise struct.error("no file is that long")
    file.seek(count, 1)
