"""Turns for the others of a web process: its greenlets change only at calls that wait, and a computation has none.

What is made piece by piece pauses between the pieces. What cannot, like judging the tools of a large request, is done
by a thread: the greenlets and the threads take turns at the interpreter.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextvars import copy_context
from functools import cache
from typing import Any, ParamSpec, TypeVar

from flask import request

PAUSE_SECONDS = 1e-4
"""With 0 gevent lets other greenlets run, but looks at neither its timers nor its sockets."""

LARGE = 1 << 12
"""Bytes of a body from which on judging it may take milliseconds: a grammar of 30 KB takes 70, a list of 40 jobs 8."""
THREADS = 2

P = ParamSpec("P")
T = TypeVar("T")


def pause() -> None:
    """Let the others of this process have their turn."""
    time.sleep(PAUSE_SECONDS)


def in_turns(items: Iterable[T], size: int) -> Iterator[T]:
    """The items, with a pause after each `size` of them."""
    for number, item in enumerate(items, 1):
        yield item
        if number % size == 0:
            pause()


def aside(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What a call gives: of a thread, if the request being handled is large, while others have their turns."""
    return in_thread(work, *args, **kwargs) if _is_large() else work(*args, **kwargs)


def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What a call gives, of a thread, while others have their turns."""
    pool = _pool()
    if pool is None:
        return work(*args, **kwargs)

    def run() -> tuple[T | None, Exception | None]:
        try:
            return work(*args, **kwargs), None
        except Exception as exc:
            return None, exc

    made, failure = pool.apply(copy_context().run, (run,))
    if failure is not None:
        raise failure
    return made  # type: ignore[no-any-return]


def _is_large() -> bool:
    """Whether the body may be large: of one that is compressed or comes in chunks nobody knows."""
    length = request.content_length
    return length is None or length >= LARGE or "Content-Encoding" in request.headers


@cache
def _pool() -> Any:
    """Threads of this process, where threads would be greenlets; None where each request has a thread anyway."""
    from gevent import monkey, threadpool

    return threadpool.ThreadPool(THREADS) if monkey.is_module_patched("threading") else None
