"""Loading a catalogue entry: the one place that tells the kinds of models apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, cast

from tasks.engine.backend import Backend, BackendFailure, FileAtFault
from tasks.engine.embedding import EmbeddingBackend
from tasks.engine.rerank import RerankBackend
from tasks.engine.speculation.speculation import MOST_ROWS
from tasks.logs import get_logger
from tasks.machine.memory import read_room
from tasks.models import adapter_faults, expected, facts, file_sign, gguf, hub, longest
from tasks.models import digest as digests
from tasks.models.catalogue import FAKE_PATH, ModelEntry, adapter_paths, gguf_path
from tasks.models.digest import file_digest
from tasks.models.plan import dry_run, fit
from tasks.settings import Settings
from tasks.worker.child import Progress
from tasks.worker.embedding_runner import Embedding
from tasks.worker.kept_prefixes import open_store
from tasks.worker.model_runner import ModelRunner
from tasks.worker.rerank_runner import Rerank
from tasks.worker.text_runner import TextRunner

if TYPE_CHECKING:
    from tasks.engine.llama import LlamaBackend, LlamaEmbeddingBackend

log = get_logger(__name__)

SPARE_BYTES = 2 << 30
"""More than a worker's process and buffers take."""


class _Downloading(hub.Progress):
    """A download's progress, for whoever follows the start, and for the log."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def advanced(self, done: int, total: int) -> None:
        self._progress.downloaded(done, total)

    def waits(self, file: str) -> None:
        log.info("another process downloads the file", file=file)

    def resumed(self, file: str, done: int) -> None:
        log.info("a download goes on", file=file, bytes=done)

    def cut(self, file: str, why: str) -> None:
        log.warning("a download was cut and is tried again", file=file, error=why)


def model_digest(entry: ModelEntry) -> str:
    """What the entry's files hold, the model's and its adapters', as a claim has it; raises `BackendFailure`."""
    if entry.path == FAKE_PATH:  # its adapters are what their paths say
        said = {name: sha256(adapter.path.encode()).hexdigest() for name, adapter in entry.adapters.items()}
        return digests.told(FAKE_PATH, said)
    try:
        adapters = {name: file_digest(path) for name, path in adapter_paths(entry).items()}
        return digests.told(file_digest(gguf_path(entry)), adapters)
    except OSError as exc:
        raise BackendFailure(f"the model cannot be read: {exc}") from exc


def preload(entry: ModelEntry) -> None:
    """Import what loading needs, without loading anything: processes that are forked from this one have it then."""
    if entry.path != FAKE_PATH:
        import tasks.engine.llama  # noqa: F401


def load_work(entry: ModelEntry, settings: Settings, progress: Progress) -> ModelRunner:
    """Load a model, with what is done with one of its kind; raises `BackendFailure`.

    One of the Hub's is downloaded first, unless it is there.
    """
    _download(entry.path, progress, sha256=entry.sha256)
    for adapter in entry.adapters.values():
        _download(adapter.path, progress)
    _check(entry, progress)
    _check_adapters(entry)
    progress.begin("loading")
    try:
        return _load(entry, settings, progress)
    except BackendFailure as exc:
        if entry.path != FAKE_PATH and (trouble := gguf.trouble(gguf_path(entry))):
            raise FileAtFault(trouble) from exc
        raise


def files_sign(entry: ModelEntry) -> object:
    """What differs once the model's files, or its adapters', are others."""
    if entry.path == FAKE_PATH:
        return None
    return file_sign.of_all([*gguf.parts(gguf_path(entry)), *adapter_paths(entry).values()])


def load_llama(
    entry: ModelEntry,
    settings: Settings,
    *,
    on_progress: Callable[[float], None] | None = None,
    allocates: bool = True,
) -> LlamaBackend | LlamaEmbeddingBackend:
    """A GGUF model. llama.cpp is imported here, and only if it is needed. What the entry says goes before settings.

    Args:
        allocates: whether it is loaded to compute, or only to tell what it would take.

    Raises:
        BackendFailure: it cannot be loaded, or is asked for longer texts than it was trained for.
    """
    if told := longest.trouble(entry):
        raise BackendFailure(told)
    from tasks.engine.llama import LlamaBackend, LlamaEmbeddingBackend, LlamaRerankBackend
    from tasks.engine.llama.options import Options

    make: Callable[..., LlamaBackend | LlamaEmbeddingBackend] = LlamaEmbeddingBackend
    if entry.kind == "rerank":
        _check_classifier(gguf_path(entry))
        make = LlamaRerankBackend
    if entry.generates:
        quotes = not entry.special_tokens_in_content
        rows = MOST_ROWS if entry.speculation in ("auto", "lookup") else 0
        adapters = adapter_paths(entry)
        make = partial(LlamaBackend, cache_tokens=entry.cache_tokens, quotes=quotes, draft_rows=rows, adapters=adapters)
    return make(
        gguf_path(entry),
        num_slots=entry.slots,
        context=entry.context,
        threads=entry.threads or settings.threads,
        gpu_layers=settings.gpu_layers if entry.gpu_layers is None else entry.gpu_layers,
        options=Options(**{field.name: getattr(entry, field.name) for field in fields(Options)}),
        on_progress=on_progress,
        allocates=allocates,
    )


def _check_classifier(path: Path) -> None:
    """Raise FileAtFault for a file without the matrices of a score: llama.cpp would compute numbers all the same."""
    try:
        heads = [gguf.head(part) for part in gguf.parts(path)]
    except (OSError, gguf.NotGguf):
        return  # loading it tells why
    if not facts.has_classifier(heads):
        raise FileAtFault("the model has no classifier, and so it scores no pairs of texts: take a reranker")


def _download(path: str, progress: Progress, *, sha256: Sequence[str] = ()) -> None:
    """Have a file of the Hub's here."""
    if not path.startswith(hub.SCHEME) or hub.downloaded(path):
        return
    progress.begin("downloading")
    try:
        hub.download(path, sha256=sha256, progress=_Downloading(progress))
    except hub.WrongContent as exc:
        raise FileAtFault(str(exc)) from exc
    except hub.DownloadFailed as exc:
        raise BackendFailure(str(exc)) from exc


def _check_adapters(entry: ModelEntry) -> None:
    """Raise FileAtFault for an adapter with which llama.cpp would compute nothing, or end the process."""
    for name, path in adapter_paths(entry).items():
        if trouble := adapter_faults.trouble(path, gguf.parts(gguf_path(entry))):
            raise FileAtFault(f"the adapter {name} cannot be used: {trouble}")


def _check(entry: ModelEntry, progress: Progress) -> None:
    """The SHA-256 of the entry's files, before the first load of them."""
    if not expected.is_known(entry):
        progress.begin("checking")
    try:
        expected.check(entry)
    except expected.WrongChecksum as exc:
        raise FileAtFault(str(exc)) from exc
    except OSError as exc:
        log.warning("a checksum cannot be computed", path=entry.path, error=str(exc))  # loading it tells why


def _load(entry: ModelEntry, settings: Settings, progress: Progress) -> ModelRunner:
    if entry.path != FAKE_PATH:
        _refuse_what_cannot_fit(entry)
    if entry.kind == "embedding":
        return Embedding(_embedding_backend(entry, settings, progress))
    if entry.kind == "rerank":
        return Rerank(_rerank_backend(entry, settings, progress))
    pages = open_store(entry.prefix_cache, files=model_digest(entry))
    backend = _backend(entry, settings, progress)
    if pages is not None and not backend.can_share:
        log.warning("prefix_cache has no effect: this model's memory gives no part of a sequence", path=entry.path)
    across = entry.share_prefixes == "all"
    return TextRunner(backend, across_owners=across, speculation=entry.speculation or "off", pages=pages)


def _refuse_what_cannot_fit(entry: ModelEntry) -> None:
    """Before the machine swaps, or the kernel kills. What takes more than is free now may fit in a moment."""
    room = read_room()
    if room is None or _is_small(entry, room.total):
        return
    try:
        (sizes,) = dry_run.sizes([entry])
    except dry_run.CannotLoad:
        return  # loading it tells why
    except dry_run.CannotTell as exc:
        log.warning("nothing tells what the model takes", path=entry.path, error=str(exc))
        return
    if told := fit.trouble(sizes, room):
        raise BackendFailure(told)


def _is_small(entry: ModelEntry, memory: int) -> bool:
    """Whether it surely fits, by what the heads of its files say: then a worker starts a second earlier."""
    try:
        files = gguf.parts(gguf_path(entry))
        weights = sum(part.stat().st_size for part in files)
        token = gguf.cache_bytes_per_token(gguf.fields(files[0]), keys=entry.cache_type_k, values=entry.cache_type_v)
    except (OSError, gguf.NotGguf):
        return True  # loading it tells why
    prefixes = entry.prefix_cache.memory if entry.prefix_cache else 0
    return bool(token) and 2 * (weights + entry.cache_tokens * token) + prefixes + SPARE_BYTES < memory


def _backend(entry: ModelEntry, settings: Settings, progress: Progress) -> Backend:
    if entry.path == FAKE_PATH:
        from tasks.engine.fake import FakeBackend
        from tasks.engine.scripted import Script, ScriptedBackend

        script = settings.fake_script
        make = partial(ScriptedBackend, Script.read(script)) if script else FakeBackend
        return make(
            num_slots=entry.slots,
            context=entry.context,
            cache_tokens=entry.cache_tokens,
            step_seconds=settings.fake_step_seconds,
            adapters=entry.adapters,
        )
    return cast(Backend, load_llama(entry, settings, on_progress=progress.loaded))


def _embedding_backend(entry: ModelEntry, settings: Settings, progress: Progress) -> EmbeddingBackend:
    if entry.path == FAKE_PATH:
        from tasks.engine.fake_embedding import FakeEmbeddingBackend

        pools = entry.pooling != "none"
        return FakeEmbeddingBackend(num_slots=entry.slots, context=entry.context, pools=pools, step_seconds=0.02)
    return cast(EmbeddingBackend, load_llama(entry, settings, on_progress=progress.loaded))


def _rerank_backend(entry: ModelEntry, settings: Settings, progress: Progress) -> RerankBackend:
    if entry.path == FAKE_PATH:
        from tasks.engine.fake_rerank import FakeRerankBackend

        return FakeRerankBackend(num_slots=entry.slots, context=entry.context, step_seconds=0.02)
    return cast(RerankBackend, load_llama(entry, settings, on_progress=progress.loaded))
