"""The cases: each measures some rows of the table."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.bench import engine_alone, servers
from tests.bench.beside import measure
from tests.bench.bulk import BulkLoad
from tests.bench.bulk import run as run_bulk
from tests.bench.client import Answer, ask, body
from tests.bench.config import Config, words
from tests.bench.engine_alone import in_a_child
from tests.bench.load import Figures, Load, run
from tests.bench.rows import Row

GREEDY: dict[str, Any] = {"temperature": 0.0}
SAMPLED: dict[str, Any] = {"temperature": 0.8, "top_k": 40}
LONG_CONTEXT = 4608
FIRST_TOKEN_PROMPTS = 20
FIRST_TOKEN_WORDS = 16
BULK_SETTLES_SECONDS = 5


def decode(config: Config) -> list[Row]:
    """Decoding alone: the engine, and llama.cpp's own loop."""
    size: dict[str, Any] = {"prompt_tokens": 64, "generate": 48}
    limit, greedy, sampled = [], [], []
    for _ in range(config.runs):
        if config.llama_bin:
            limit.append(servers.batched_bench(config, **size))
        greedy.append(in_a_child(engine_alone.decode_speed, config, **size, sampling=GREEDY))
        sampled.append(in_a_child(engine_alone.decode_speed, config, **size, sampling=SAMPLED))
    against: dict[str, Any] = {"unit": "tokens/s", "peer": "llama-batched-bench", "theirs": limit}
    return [
        Row(what="engine, 16 sequences decode, greedy", ours=greedy, target=0.95, **against),
        Row(what="engine, 16 sequences decode, temperature 0.8", ours=sampled, target=0.88, **against),
    ]


def streams(config: Config) -> list[Row]:
    """The whole stack under 48 streams, 16 at a time."""
    seen = _loaded(config, Load(seed=1000), peers=(servers.LLAMA_SERVER, servers.LLAMA_CPP_SERVER))
    return [
        _speeds("48 streams, 16 at a time", seen, servers.LLAMA_SERVER, target=1.0),
        _speeds("48 streams, 16 at a time", seen, servers.LLAMA_CPP_SERVER, target=2.8),
    ]


def prefix(config: Config) -> list[Row]:
    """The whole stack under 64 requests that begin alike."""
    load = Load(seed=2000, requests=64, shared_prefix_words=512, max_tokens=24)
    seen = _loaded(config, load, peers=(servers.LLAMA_SERVER,))
    return [_speeds("64 requests share 512 words", seen, servers.LLAMA_SERVER, target=3.0)]


def bulk(config: Config) -> list[Row]:
    """A dataset through the whole stack, and llama.cpp's own loop over as many tokens."""
    ours, theirs, seen = [], [], []
    with TemporaryDirectory() as folder, servers.caravan(config, Path(folder)) as url:
        run_bulk(url, BulkLoad(seed=4999, rows=config.slots, max_tokens=8), Path(folder))
        for number in range(config.runs):
            found = run_bulk(url, BulkLoad(seed=5000 + number, rows=512, max_tokens=48), Path(folder))
            seen.append(found.encode())
            ours.append(found.tokens_per_second)
            if config.llama_bin:
                size: dict[str, Any] = {"prompt_tokens": round(found.prompt_tokens / found.rows), "generate": 48}
                theirs.append(servers.batched_bench(config, **size, figure="speed"))
    return [
        Row(
            what="bulk: 512 rows of 32 words, 48 tokens out",
            unit="tokens/s, read and written",
            ours=ours,
            peer="llama-batched-bench",
            theirs=theirs,
            target=0.85,
            seen=seen,
        )
    ]


def bulk_prefix(config: Config) -> list[Row]:
    """A dataset whose rows share a system prompt, and llama.cpp's server under the same load."""
    load, ours, theirs = Load(seed=6000, requests=256, shared_prefix_words=512, max_tokens=24), [], []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        url = stack.enter_context(servers.caravan(config, folder))
        peer = stack.enter_context(servers.llama_server(config, folder)) if config.llama_bin else None
        for number in range(config.runs):
            asked = BulkLoad(seed=6000 + number, rows=256, system_words=512, max_tokens=24)
            ours.append(run_bulk(url, asked, folder).generated_per_second)
            theirs += [run(peer, replace(load, seed=load.seed + number)).tokens_per_second] if peer else []
    return [
        Row(
            what="bulk: 256 rows share a system prompt of 512 words",
            unit="tokens/s",
            ours=ours,
            peer=servers.LLAMA_SERVER,
            theirs=theirs,
            target=3.0,
        )
    ]


def bulk_beside(config: Config) -> list[Row]:
    """The first token of who waits for it, one request after the other, while a dataset is worked through."""
    ours, theirs = [], []
    with TemporaryDirectory() as folder, servers.caravan(config, Path(folder)) as url:
        for number in range(config.runs):
            rng = random.Random(7000 + number)
            quiet, beside = ([words(rng, FIRST_TOKEN_WORDS) for _ in range(FIRST_TOKEN_PROMPTS + 1)] for _ in range(2))
            theirs.append(_median_ms(asyncio.run(_first_tokens(url, quiet))))
            asked = BulkLoad(seed=7000 + number, rows=256, max_tokens=48)
            with ThreadPoolExecutor(1) as pool:
                dataset = pool.submit(run_bulk, url, asked, Path(folder))
                time.sleep(BULK_SETTLES_SECONDS)
                ours.append(_median_ms(asyncio.run(_first_tokens(url, beside))))
                assert not dataset.done(), "the dataset has ended too soon to measure beside it"
                dataset.result()
    return [
        Row(
            what="first token beside a bulk run",
            unit="ms",
            ours=ours,
            peer="idle",
            theirs=theirs,
            compare="difference",
            target=1000,
            at_most=True,
        )
    ]


def gaps(config: Config) -> list[Row]:
    """The whole stack with a long prompt beside 8 streams, and the same prompt alone."""
    with TemporaryDirectory() as folder, servers.caravan(config, Path(folder), context=LONG_CONTEXT) as url:
        seen = [asyncio.run(measure(url, 3000 + number)) for number in range(config.runs)]
    details = [run.encode() for run in seen]
    return [
        Row(
            what="gap p99 of 8 streams beside a prompt of 4,000 tokens",
            unit="ms",
            ours=[run.gap_p99_ms for run in seen],
            peer="without the prompt",
            theirs=[run.quiet_gap_p99_ms for run in seen],
            compare="ours",
            target=300,
            at_most=True,
            seen=details,
        ),
        Row(
            what="that prompt's prefill",
            unit="tokens/s",
            ours=[run.prefill_beside for run in seen],
            peer="the prompt alone",
            theirs=[run.prefill_alone for run in seen],
            target=0.7,
            seen=details,
        ),
    ]


def first_token(config: Config) -> list[Row]:
    """The first token through the idle stack, and from the engine alone."""
    ours, theirs = [], []
    with TemporaryDirectory() as folder, servers.caravan(config, Path(folder)) as url:
        for number in range(config.runs):
            rng = random.Random(4000 + number)
            prompts = [words(rng, FIRST_TOKEN_WORDS) for _ in range(FIRST_TOKEN_PROMPTS + 1)]
            ours.append(_median_ms(asyncio.run(_first_tokens(url, prompts))))
            theirs.append(_median_ms(in_a_child(engine_alone.first_tokens, config, prompts)))
    return [
        Row(
            what="first token, idle",
            unit="ms",
            ours=ours,
            peer="engine alone",
            theirs=theirs,
            compare="difference",
            target=15,
            at_most=True,
        )
    ]


def tick(config: Config) -> list[Row]:
    """How late another thread gets on while the engine decodes."""
    seen = [in_a_child(engine_alone.tick_lateness, config) for _ in range(config.runs)]
    return [
        Row(
            what="lateness p99 of a thread beside 16 decoding sequences",
            unit="ms",
            ours=[1e3 * busy for busy, _ in seen],
            peer="without decoding",
            theirs=[1e3 * quiet for _, quiet in seen],
            compare="ours",
            target=20,
            at_most=True,
        )
    ]


CASES: dict[str, Callable[[Config], list[Row]]] = {
    "decode": decode,
    "streams": streams,
    "prefix": prefix,
    "bulk": bulk,
    "bulk-prefix": bulk_prefix,
    "bulk-beside": bulk_beside,
    "gaps": gaps,
    "first-token": first_token,
    "tick": tick,
}


def _loaded(config: Config, load: Load, *, peers: tuple[str, ...]) -> dict[str, list[Figures]]:
    """Load our cluster and those peers that are there, one after the other; the figures of each, a run each."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        urls = {"caravan": stack.enter_context(servers.caravan(config, folder))}
        if config.llama_bin and servers.LLAMA_SERVER in peers:
            urls[servers.LLAMA_SERVER] = stack.enter_context(servers.llama_server(config, folder))
        if config.llama_cpp_server and servers.LLAMA_CPP_SERVER in peers:
            urls[servers.LLAMA_CPP_SERVER] = stack.enter_context(servers.llama_cpp_server(config, folder))
        for url in urls.values():
            run(url, Load(seed=load.seed - 1, requests=config.slots, max_tokens=8))
        seen: dict[str, list[Figures]] = {name: [] for name in urls}
        for number in range(config.runs):
            for name, url in urls.items():
                seen[name].append(run(url, replace(load, seed=load.seed + number)))
        return seen


def _speeds(what: str, seen: dict[str, list[Figures]], peer: str, *, target: float) -> Row:
    ours, theirs = seen["caravan"], seen.get(peer, [])
    return Row(
        what=what,
        unit="tokens/s",
        ours=[figures.tokens_per_second for figures in ours],
        peer=peer,
        theirs=[figures.tokens_per_second for figures in theirs],
        target=target,
        seen=[{"ours": figures.encode()} for figures in ours] + [{"theirs": figures.encode()} for figures in theirs],
    )


async def _first_tokens(url: str, prompts: list[str]) -> list[float]:
    seconds = []
    for prompt in prompts:
        answer = Answer()
        await ask(url, body("bench", prompt, 4), answer)
        seconds.append(answer.first_seconds)
    return seconds


def _median_ms(seconds: list[float]) -> float:
    """Without the first, which warms up."""
    return 1e3 * statistics.median(seconds[1:])
