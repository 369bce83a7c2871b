"""A GGUF model and its context."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import llama_cpp

from tasks.answers.syntax import PLAIN
from tasks.answers.tools.formats import MARKERS
from tasks.engine.backend import BackendFailure, CacheFull, Logprobs, Row, Saved
from tasks.engine.llama import chain, library, saving, template_trial
from tasks.engine.llama.adapters import LoadedAdapters
from tasks.engine.llama.batch import Batch
from tasks.engine.llama.chat_template import ChatTemplate
from tasks.engine.llama.compute_threads import ComputeThreads
from tasks.engine.llama.constraint import Compiler, is_special
from tasks.engine.llama.logits import Distribution, Logits
from tasks.engine.llama.model import Model
from tasks.engine.llama.options import DEFAULTS, Options
from tasks.engine.llama.quoting import Prompt
from tasks.engine.llama.sampler import LlamaSampler
from tasks.engine.llama.saving import Saving
from tasks.engine.passes import QUAD_ROWS, TILE_ROWS, Pass, fit, split
from tasks.engine.prompt_logprobs import most_rows
from tasks.engine.step_clock import StepClock
from tasks.errors import ChatTemplateMissing, InvalidRequest
from tasks.logs import get_logger
from tasks.records.adapters import Adapters
from tasks.records.sampling import SamplingParams

BATCH_TOKENS = 512
NO_KV_SLOT = 1
FLOAT_BYTES = 4

log = get_logger(__name__)


class LlamaBackend(Model):
    """A GGUF model and one context with a unified KV cache.

    Args:
        path: the GGUF file.
        num_slots: sequences decoded together.
        context: tokens a sequence may hold; cut to what the model was trained for.
        cache_tokens: tokens the cache holds in all.
        threads: CPU threads; all cores if None.
        gpu_layers: layers on the GPU; -1 is all.
        options: how it is run otherwise.
        quotes: whether no special token is read in what a conversation says.
        draft_rows: rows of a step with drafts, at most; 0 if nothing is drafted.
        adapters: files of LoRA adapters, by the names under which they are asked for.
        on_progress: told how much of the file is loaded, from 0 to 1.
        allocates: whether it is loaded to compute, or only to tell what it would take.

    Raises:
        BackendFailure: the file cannot be loaded, the options do not suit it, or the context does not fit into memory.
    """

    def __init__(
        self,
        path: Path,
        *,
        num_slots: int,
        context: int,
        cache_tokens: int,
        threads: int | None = None,
        gpu_layers: int = -1,
        options: Options = DEFAULTS,
        quotes: bool = True,
        draft_rows: int = 0,
        adapters: Mapping[str, Path] = MappingProxyType({}),
        on_progress: Callable[[float], None] | None = None,
        allocates: bool = True,
    ) -> None:
        super().__init__(
            path,
            context=context,
            gpu_layers=gpu_layers,
            options=options,
            on_progress=on_progress,
            allocates=allocates,
        )
        self.num_slots, self.cache_tokens, self._quotes = num_slots, cache_tokens, quotes
        self._draft_rows = draft_rows
        self._adapters = LoadedAdapters(self._model, adapters if allocates else {})
        self.adapters = self._adapters.names
        self.batch_tokens = min(options.batch_tokens or BATCH_TOKENS, cache_tokens)
        self.can_share = self._memory_is_plain()
        kept = num_slots if self.can_share else 0
        self.num_sequences = min(llama_cpp.llama_max_parallel_sequences() - 1, num_slots + kept)
        self._splits = not self.on_gpu and self.can_share
        self._block_rows = _block_rows() if self._splits else 1
        self.tile_tokens = TILE_ROWS if self._splits else 1
        threads = threads or os.cpu_count() or 1
        self.ctx = self._create_context(threads)
        self._threads = ComputeThreads(self.ctx, threads, prompts=options.threads_batch, apart=not self.on_gpu)
        self._memory = llama_cpp.llama_get_memory(self.ctx)
        self._saving = Saving(self.ctx, spare=self.num_sequences)
        self.saved_as = saving.form(options, cache_tokens=cache_tokens)
        self.end_tokens = [t for t in range(self.vocab_size) if llama_cpp.llama_vocab_is_eog(self._vocab, t)]
        self._ends = frozenset(self.end_tokens)
        self._closes_texts = bool(llama_cpp.llama_vocab_get_add_eos(self._vocab))
        self.compiler = Compiler(
            self._vocab,
            vocab_size=self.vocab_size,
            end_tokens=self.end_tokens,
            processor=self._threads.leave_one_free,
        )
        self.distribution = Distribution(self.vocab_size)
        self._template, self._tools_template = self._chat_template(None), self._chat_template(b"tool_use")
        self.tells_time = any(each.tells_time for each in (self._template, self._tools_template) if each)
        self.syntax = (self._tools_template or self._template).syntax if self._template else PLAIN
        self.special_markers: Mapping[str, int] = dict(self._find_markers())
        self._markers = frozenset(self.special_markers.values())
        self._batch = Batch(self.batch_tokens + self._block_rows)
        self._last_pass: dict[int, int] = {}
        self._pieces: dict[int, bytes] = {}

    def render_chat(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        tools: Sequence[Mapping[str, Any]] | None = None,
        variables: Mapping[str, Any] | None = None,
        at: float = 0.0,
        begun: Mapping[str, Any] | None = None,
    ) -> Prompt:
        template = (tools and self._tools_template) or self._template
        if template is None:
            raise ChatTemplateMissing(
                "This model has no chat template. Send a prompt instead of messages.", param="messages"
            )
        return template.render(messages, tools=tools, variables=variables, at=at, begun=begun)

    def tokenize(self, text: str, *, add_special: bool, parse_special: bool) -> list[int]:
        """As `Vocabulary` says; a prompt never ends with the token that ends an answer, whatever the file says."""
        tokens = super().tokenize(text, add_special=add_special, parse_special=parse_special)
        return tokens[:-1] if add_special and self._closes_texts else tokens

    def piece(self, token: int) -> bytes:
        if token not in self._pieces:
            self._pieces[token] = self._read_piece(token, special=token in self._markers)
        return self._pieces[token]

    def is_end(self, token: int) -> bool:
        return token in self._ends

    def check(self, params: SamplingParams) -> object:
        for token, _ in params.logit_bias:
            if token >= self.vocab_size:
                raise InvalidRequest(f"The vocabulary has {self.vocab_size} tokens, none {token}.", param="logit_bias")
        return self.compiler.compile(params.grammar) if params.grammar else None

    @property
    def clocks(self) -> Sequence[StepClock]:
        return self.compiler.clocks

    def sampler(self, params: SamplingParams, index: int, prompt: Sequence[int] = ()) -> LlamaSampler:
        return LlamaSampler(self, params, index, prompt)

    def fit(self, prompt_tokens: int) -> int:
        return fit(prompt_tokens, block_rows=self._block_rows) if self._splits else prompt_tokens

    def adapt(self, adapters: Adapters) -> None:
        if self.adapters:
            self._adapters.use(self.ctx, adapters)

    def decode(self, rows: Sequence[Row]) -> None:
        if len(rows) > self.batch_tokens:
            raise BackendFailure(f"a batch of {len(rows)} rows, {self.batch_tokens} at most")
        whole = Pass(list(range(len(rows))), padding=0)
        passes = split(rows, block_rows=self._block_rows) if self._splits else [whole]
        for number, part in enumerate(passes):
            if not self._run([rows[at] for at in part.indices], part.padding):
                self._undo([rows[at] for earlier in passes[:number] for at in earlier.indices])
                raise CacheFull
        self._last_pass = {at: place for place, at in enumerate(passes[-1].indices)}

    def logits(self, row: int) -> Logits:
        """The logits of a row of the last batch, in llama.cpp's own memory: valid, and writable, until the next."""
        return library.get_logits(self.ctx, self._last_pass[row], self.vocab_size)

    def logprobs(self, row: int, token: int, count: int) -> Logprobs:
        self.distribution.read(self.logits(row))
        return Logprobs(token, self.distribution.logprob(token), self.distribution.top(count))

    def chain(self, params: SamplingParams) -> Any:
        """A sampler chain of llama.cpp's, which the caller frees."""
        return chain.build(params, vocab=self._vocab, vocab_size=self.vocab_size, context=self.context)

    def choose(self, links: Any, row: int) -> int:
        """The token that a sampler chain chooses after a row of the last batch."""
        return int(library.sampler_sample(links, self.ctx, self._last_pass[row]))

    def draw(self, links: Any, row: int, count: int) -> Logprobs:
        """The token that a chain draws after a row of the last batch, with so many of the likeliest that it left."""
        return chain.draw(links, self.logits(row), count)

    def forget(self, slot: int, start: int = 0) -> None:
        if not library.seq_rm(self._memory, slot, start, -1):
            raise BackendFailure(f"slot {slot} could not be cut at {start}")

    def copy(self, source: int, target: int, length: int) -> None:
        library.seq_cp(self._memory, source, target, 0, length)

    def save(self, slot: int, start: int, end: int) -> Saved:
        return self._saving.save(slot, start, end)

    def load(self, slot: int, start: int, saved: Saved) -> bool:
        return self._saving.load(slot, start, saved)

    def close(self) -> None:
        self.compiler.close()
        llama_cpp.llama_free(self.ctx)
        super().close()

    def _run(self, rows: Sequence[Row], padding: int) -> bool:
        """Whether the cache had room; if not, nothing was computed."""
        spare_slot = self.num_sequences
        self._batch.fill([*rows, *(Row(0, position, spare_slot, False) for position in range(padding))])
        with self._threads.computing(prompts=len({row.slot for row in rows}) < len(rows)):
            status = llama_cpp.llama_decode(self.ctx, self._batch.struct)
        if padding:
            self.forget(spare_slot)
        if status == NO_KV_SLOT and padding:
            return self._run(rows, padding=0)
        if status not in (0, NO_KV_SLOT):
            raise BackendFailure(f"llama_decode returned {status}")
        return bool(status == 0)

    def _undo(self, rows: Sequence[Row]) -> None:
        for slot in {row.slot for row in rows}:
            self.forget(slot, min(row.position for row in rows if row.slot == slot))

    def _create_context(self, threads: int) -> Any:
        params = llama_cpp.llama_context_default_params()
        spare = self._block_rows if self._splits else 0
        params.n_ctx = self.cache_tokens
        params.n_batch = self.batch_tokens + spare
        params.n_ubatch = min(params.n_batch, self.options.ubatch_tokens or params.n_batch)
        params.n_outputs_max = min(params.n_batch, max(self.num_slots, self._draft_rows) + most_rows(self.vocab_size))
        self.most_output_bytes = params.n_outputs_max * self.vocab_size * FLOAT_BYTES
        params.type_k, params.type_v = self.options.cache_types()
        params.n_seq_max = self.num_sequences + self.can_share  # one for padding, and for what is saved
        params.n_threads = params.n_threads_batch = threads
        params.flash_attn_type = self.options.flash_attn_type("on")
        params.kv_unified = True
        params.swa_full = False  # nothing of it is shared, so a layer with a window need not keep more
        params.no_perf = True
        return self._new_context(
            params, f"no room for a context of {self.cache_tokens} tokens; lower kv_tokens or slots"
        )

    def _chat_template(self, name: bytes | None) -> ChatTemplate | None:
        """The template of that name, or the model's first; models may have one of their own for tools."""
        source = self._template_text(name)
        if not source:
            return None
        bos = self._special_text(llama_cpp.llama_vocab_bos(self._vocab))
        eos = self._special_text(llama_cpp.llama_vocab_eos(self._vocab))
        if reason := template_trial.fault(source, bos=bos, eos=eos):
            if self.options.chat_template is not None:
                raise BackendFailure(f"chat_template: {reason}; correct it")
            log.warning("chat template not used", reason=reason)
            return ChatTemplate.unusable(reason)
        return ChatTemplate(source, bos=bos, eos=eos, quotes=self._quotes)

    def _find_markers(self) -> Iterator[tuple[str, int]]:
        """The markers of tool calls and reasoning that are one token, and no ordinary one."""
        for marker in MARKERS:
            tokens = self.tokenize(marker, add_special=False, parse_special=True)
            if len(tokens) == 1 and is_special(self._vocab, tokens[0], marker):
                yield marker, tokens[0]


def _block_rows() -> int:
    """Rows that the CPU's matrix kernels take at once."""
    return 16 if b"AVX512 = 1" in llama_cpp.llama_print_system_info() else QUAD_ROWS
