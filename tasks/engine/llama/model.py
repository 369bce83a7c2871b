"""A GGUF file: its weights and its vocabulary. What is computed with them is a context's business."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import llama_cpp

from tasks.engine.backend import BackendFailure, FileAtFault
from tasks.engine.llama import library, variants
from tasks.engine.llama.options import DEFAULTS, Options, refusal
from tasks.engine.llama.quoting import Prompt
from tasks.engine.llama.tokenizer import Tokenizer

WITHOUT_UNKNOWN = (llama_cpp.LLAMA_VOCAB_TYPE_SPM, llama_cpp.LLAMA_VOCAB_TYPE_BPE)
"""Vocabularies that spell with bytes what no token covers. Others have one unknown token for a word of any length."""

_REASON = "error loading model: "
"""What stands before llama.cpp's own words for why a file cannot be loaded."""
_INFILL = {
    "prefix": llama_cpp.llama_vocab_fim_pre,
    "suffix": llama_cpp.llama_vocab_fim_suf,
    "middle": llama_cpp.llama_vocab_fim_mid,
    "repository": llama_cpp.llama_vocab_fim_rep,
    "file": llama_cpp.llama_vocab_fim_sep,
}
_OF_THE_FILE = ("not within the file bounds", "unknown model architecture", "unknown pre-tokenizer", "missing tensor")
"""Words of reasons that another try does not change."""


class Model:
    """A GGUF file, loaded.

    Args:
        path: the GGUF file.
        context: tokens a sequence may hold; cut to what the model was trained for, and scaled to.
        gpu_layers: layers on the GPU; -1 is all.
        options: how it is run otherwise.
        on_progress: told how much of the file is loaded, from 0 to 1.
        allocates: whether it is loaded to compute. Without, it takes no memory, and tells what it would take.

    Raises:
        BackendFailure: the file cannot be loaded.
    """

    def __init__(
        self,
        path: Path,
        *,
        context: int,
        gpu_layers: int,
        options: Options = DEFAULTS,
        on_progress: Callable[[float], None] | None = None,
        allocates: bool = True,
    ) -> None:
        library.start()
        self.options = options
        self.most_output_bytes = 0
        """Of the logits that llama.cpp keeps of a batch; it takes memory for them only when they are asked for."""
        self._model = _load(path, gpu_layers, options, on_progress, allocates=allocates)
        self.processor = variants.cpu_variant()
        self.on_gpu = gpu_layers != 0 and bool(llama_cpp.llama_supports_gpu_offload())
        self._vocab = llama_cpp.llama_model_get_vocab(self._model)
        self.context: int = min(context, options.longest(llama_cpp.llama_model_n_ctx_train(self._model)))
        self.num_layers: int = llama_cpp.llama_model_n_layer(self._model)
        self.vocab_size: int = llama_cpp.llama_vocab_n_tokens(self._vocab)
        self.longest_piece = self._longest_piece()
        self.measures: Mapping[str, int] = {
            "n_ctx_train": llama_cpp.llama_model_n_ctx_train(self._model),
            "n_embd": llama_cpp.llama_model_n_embd(self._model),
            "n_params": llama_cpp.llama_model_n_params(self._model),
            "n_vocab": self.vocab_size,
            "size": llama_cpp.llama_model_size(self._model),
        }
        self.infill_tokens: Mapping[str, int] = {
            name: token for name, read in _INFILL.items() if (token := read(self._vocab)) != llama_cpp.LLAMA_TOKEN_NULL
        }
        self._tokenizer = Tokenizer(self._vocab, "".join(map(self._template_text, (None, b"tool_use"))))

    def tokenize(self, text: str, *, add_special: bool, parse_special: bool) -> list[int]:
        if isinstance(text, Prompt) and parse_special and not add_special:
            return self._tokenizer.tokenize_prompt(text)
        return self._tokenizer.tokenize(text, add_special=add_special, parse_special=parse_special)

    def detokenize(self, tokens: Sequence[int]) -> bytes:
        return b"".join(self._read_piece(token, special=True) for token in tokens)

    def tokenizer_info(self) -> Mapping[str, Any]:
        return {
            "bos_token": self._special_text(llama_cpp.llama_vocab_bos(self._vocab)) or None,
            "eos_token": self._special_text(llama_cpp.llama_vocab_eos(self._vocab)) or None,
            "pad_token": self._special_text(llama_cpp.llama_vocab_pad(self._vocab)) or None,
            "add_bos_token": bool(llama_cpp.llama_vocab_get_add_bos(self._vocab)),
            "chat_template": self._template_text(None) or None,
        }

    def close(self) -> None:
        llama_cpp.llama_model_free(self._model)

    def _new_context(self, params: Any, no_room: str) -> Any:
        """A context of the model. Raises `BackendFailure`: with llama.cpp's reason, or with what is said of no room."""
        self.options.scale_positions(params)
        with library.errors_told() as told:
            ctx = llama_cpp.llama_init_from_model(self._model, params)
        if not ctx:
            reason = refusal(told)
            raise BackendFailure(f"llama.cpp refuses the model's settings: {reason}" if reason else no_room)
        return ctx

    def _read_piece(self, token: int, *, special: bool) -> bytes:
        buffer = ctypes.create_string_buffer(64)
        size = library.token_to_piece(self._vocab, token, buffer, len(buffer), 0, special)
        if size < 0:
            buffer = ctypes.create_string_buffer(-size)
            size = library.token_to_piece(self._vocab, token, buffer, len(buffer), 0, special)
        return buffer.raw[:size]

    def _special_text(self, token: int) -> str:
        """The text of a token, empty for none."""
        return self._read_piece(token, special=True).decode(errors="replace") if token >= 0 else ""

    def _template_text(self, name: bytes | None) -> str:
        """The chat template of that name, or the file's first; empty if there is none.

        One that the options have takes the place of all.
        """
        if self.options.chat_template is not None:
            return "" if name else self.options.chat_template
        template = llama_cpp.llama_model_chat_template(self._model, name)
        return template.decode(errors="replace") if template else ""

    def _field(self, key: str) -> str:
        """What the file says under a key, as text; empty if it says nothing."""
        buffer = ctypes.create_string_buffer(256)
        size = llama_cpp.llama_model_meta_val_str(self._model, key.encode(), buffer, len(buffer))
        return buffer.value.decode(errors="replace") if size >= 0 else ""

    def _memory_is_plain(self) -> bool:
        """Whether every layer keeps every token: recurrent, hybrid and sliding-window memory forgets as it goes."""
        model = self._model
        return not (
            llama_cpp.llama_model_is_recurrent(model)
            or llama_cpp.llama_model_is_hybrid(model)
            or llama_cpp.llama_model_n_swa(model)
        )

    def _longest_piece(self) -> int:
        if llama_cpp.llama_vocab_type(self._vocab) not in WITHOUT_UNKNOWN:
            return sys.maxsize
        return max(len(self._read_piece(token, special=True)) for token in range(self.vocab_size))


def _load(
    path: Path, gpu_layers: int, options: Options, on_progress: Callable[[float], None] | None, *, allocates: bool
) -> Any:
    if not path.is_file():
        raise BackendFailure(f"there is no model file {path}")
    params = llama_cpp.llama_model_default_params()
    params.n_gpu_layers = gpu_layers
    options.place(params)
    if not allocates:
        params.no_alloc, params.load_mode = True, llama_cpp.LLAMA_LOAD_MODE_NONE  # no file is mapped: else it aborts

    @llama_cpp.llama_progress_callback
    def note(fraction: float, _data: Any) -> bool:
        if on_progress is not None:
            on_progress(fraction)
        return True

    params.progress_callback = note
    locks = options.mlock and allocates
    with library.errors_told() as told, library.lines_told() if locks else nullcontext(()) as lines:
        model = llama_cpp.llama_model_load_from_file(str(path).encode(), params)
    if not model:
        raise _failure(path, told)
    if unlocked := next((line for line in lines if "failed to mlock" in line), ""):
        llama_cpp.llama_model_free(model)
        raise BackendFailure(
            f"mlock: {unlocked.removeprefix('warning: ').splitlines()[0]}; raise the limit "
            "(ulimit -l unlimited, LimitMEMLOCK=infinity), or leave mlock out"
        )
    return model


def _failure(path: Path, told: Sequence[str]) -> BackendFailure:
    """Why a file cannot be loaded, by what llama.cpp has told of it."""
    of_file = any(sign in line for line in told for sign in _OF_THE_FILE)
    return (FileAtFault if of_file else BackendFailure)(_trouble(path, told))


def _trouble(path: Path, told: Sequence[str]) -> str:
    reason = next((line.split(_REASON, 1)[1] for line in told if _REASON in line), "")
    if "not within the file bounds" in reason:
        return f"{path} is incomplete: download it again"
    if not reason:
        return f"llama.cpp cannot load {path}; its own lines in the worker's log say why"
    return f"llama.cpp cannot load {path}: {reason.rstrip('.')}; take another file or another model"
