"""Vocabularies of published models, from the source package of the llama-cpp-python that is installed.

They are read where pip puts the package, and are no part of this repository.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import llama_cpp

from tasks.engine.llama import library
from tests.support.real_templates import fetched

FOLDER: Final = "/vendor/llama.cpp/models/"


def real_vocabularies(folder: Path) -> dict[str, Path]:
    """GGUF files without weights by their names, fetched into a folder where they are kept; raises NotToBeHad."""
    return {path.stem.removeprefix("ggml-vocab-"): path for path in fetched(folder, FOLDER, "ggml-vocab-*.gguf")}


@contextmanager
def vocabulary(path: Path) -> Iterator[Any]:
    """llama.cpp's vocabulary of a file, loaded without weights."""
    library.start()
    params = llama_cpp.llama_model_default_params()
    params.vocab_only = True
    model = llama_cpp.llama_model_load_from_file(str(path).encode(), params)
    try:
        yield llama_cpp.llama_model_get_vocab(model)
    finally:
        llama_cpp.llama_model_free(model)
