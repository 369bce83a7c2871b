"""The functions of libllama as the engine calls them, and where its log goes."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import llama_cpp
import numpy as np
import numpy.typing as npt

from tasks.engine.llama import variants
from tasks.logs import get_logger

log = get_logger(__name__)

_LOG_LEVELS = {3: "debug", 4: "error"}
MOST_ERRORS = 20
"""The last of them takes the place of all that follow."""


def _keeping_the_gil(function: Any) -> Any:
    """The same C function, called without letting go of the GIL.

    For calls of microseconds: letting go means waiting up to 5 ms to get it back from the publisher's thread, and
    sampling makes several such calls for each token. Only `llama_decode` and the tokenizer let go.
    """
    twin = getattr(_PYDLL, function.__name__)
    twin.argtypes, twin.restype = function.argtypes, function.restype
    return twin


_PYDLL = ctypes.PyDLL(llama_cpp.llama_cpp._lib._name)
_get_logits_ith = _keeping_the_gil(llama_cpp.llama_get_logits_ith)
_get_logits_ith.restype = ctypes.c_void_p
sampler_accept = _keeping_the_gil(llama_cpp.llama_sampler_accept)
sampler_sample = _keeping_the_gil(llama_cpp.llama_sampler_sample)
sampler_free = _keeping_the_gil(llama_cpp.llama_sampler_free)
chain_add = _keeping_the_gil(llama_cpp.llama_sampler_chain_add)
chain_n = _keeping_the_gil(llama_cpp.llama_sampler_chain_n)
chain_remove = _keeping_the_gil(llama_cpp.llama_sampler_chain_remove)
init_dist = _keeping_the_gil(llama_cpp.llama_sampler_init_dist)
seq_cp = _keeping_the_gil(llama_cpp.llama_memory_seq_cp)
seq_rm = _keeping_the_gil(llama_cpp.llama_memory_seq_rm)
token_to_piece = _keeping_the_gil(llama_cpp.llama_token_to_piece)


def get_logits(ctx: Any, row: int, size: int) -> npt.NDArray[np.float32]:
    """The logits of a row of the last batch, in llama.cpp's own memory."""
    return floats(_get_logits_ith(ctx, row), size)


def floats(address: int, count: int) -> npt.NDArray[np.float32]:
    """Numbers in the library's memory, as an array that can be written.

    `numpy.ctypeslib.as_array` makes a type and several objects that name each other for every call: work for Python's
    collector at each token.
    """
    return np.frombuffer(_row_type(count).from_address(address), np.float32)


@cache
def _row_type(count: int) -> Any:
    return ctypes.c_float * count


def pointer(array: npt.NDArray[Any], kind: Any) -> Any:
    """A C pointer to an array's memory, which must outlive it."""
    return ctypes.cast(array.ctypes.data, ctypes.POINTER(kind))


_errors: list[str] = []
"""What the library has told of errors since somebody began to listen."""
_lines: list[str] | None = None
"""All that it tells, while somebody listens."""


@contextmanager
def errors_told() -> Iterator[list[str]]:
    """The errors that the library logs meanwhile; one at a time listens."""
    _errors.clear()
    yield _errors


@contextmanager
def lines_told() -> Iterator[list[str]]:
    """All that the library logs meanwhile, line by line; one at a time listens."""
    global _lines
    _lines = []
    try:
        yield _lines
    finally:
        _lines = None


def start() -> None:
    """Initialise the library, and load what computes; more than once does no harm.

    Raises:
        BackendFailure: it was compiled for other processors.
    """
    llama_cpp.llama_log_set(_log, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    variants.load()


@llama_cpp.llama_log_callback
def _log(level: int, text: bytes, _data: ctypes.c_void_p) -> None:
    """Kept at module level: llama.cpp holds the pointer for ever, and would call freed memory."""
    if _lines is not None:
        _lines.append(text.decode(errors="replace").rstrip())
    if level in _LOG_LEVELS:
        line = text.decode(errors="replace").strip()
        getattr(log, _LOG_LEVELS[level])("llama.cpp", text=line)
        if _LOG_LEVELS[level] == "error":
            _errors[MOST_ERRORS - 1 :] = [line]
