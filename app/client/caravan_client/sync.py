"""The client of code that waits."""

from __future__ import annotations

import functools
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Concatenate, Literal, ParamSpec, Self, TypeVar, Unpack, overload

import httpx

from caravan_client import wire
from caravan_client.calls import Calls
from caravan_client.events import EventReader, StreamedEvent
from caravan_client.exchange import Broken, Exchange, Patience, Pause, Request, Response
from caravan_client.job import Job, Model
from caravan_client.options import Asked, Options
from caravan_client.proxies import proxy_of
from caravan_client.server_errors import CaravanError

P = ParamSpec("P")
T = TypeVar("T")


def _done(method: Callable[Concatenate[Calls, P], Exchange[T]]) -> Callable[Concatenate[Client, P], T]:
    """The method of the client that carries one of `Calls` out."""

    @functools.wraps(method)
    def call(self: Client, /, *args: P.args, **options: P.kwargs) -> T:
        return self.carry_out(method(self.calls, *args, **options))

    return call


class Client:
    """A cluster.

    Args:
        url: where it is.
        api_key: the key to call with, where keys are asked for.
        model: the model to ask where nothing else says one; may be left out where there is only one.
        patience: how long failures that pass by themselves are waited out.
    """

    def __init__(
        self,
        url: str = wire.DEFAULT_URL,
        api_key: str | None = None,
        *,
        model: str | None = None,
        patience: Patience | None = None,
    ) -> None:
        options, self._proxy = wire.options(url, api_key), proxy_of(url)
        proxy = self._proxy.url if self._proxy else None
        with wire.usable(self._proxy):
            transport = httpx.HTTPTransport(proxy=proxy, limits=wire.limits(None))
        self._http = httpx.Client(**options, transport=transport)
        self.calls = Calls(model=model, patience=patience)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    submit = _done(Calls.submit)
    submit_many = _done(Calls.submit_many)
    wait_any = _done(Calls.wait_any)
    job = _done(Calls.job)
    wait = _done(Calls.wait)
    run = _done(Calls.run)
    rerank = _done(Calls.rerank)
    cancel = _done(Calls.cancel)
    retry = _done(Calls.retry)
    delete = _done(Calls.delete)
    models = _done(Calls.models)
    upload_file = _done(Calls.upload_file)
    read_file = _done(Calls.read_file)
    call = _done(Calls.call)

    def stream(self, job: Job | str, *, after: str = "") -> Iterator[StreamedEvent]:
        """A job's events, to its end. A connection that breaks is made again, and goes on after the last event."""
        reader = EventReader(job if isinstance(job, str) else job.id, after, self.calls.patience)
        while not reader.ended:
            try:
                with self._http.stream(**wire.arguments(reader.request())) as response:
                    error = response.read() if response.is_error else b""
                    reader.opened(Response(response.status_code, response.headers, error, self._proxy))
                    for line in response.iter_lines():
                        if event := reader.feed(line):
                            yield event
                            if reader.ended:
                                return
                reason: str | CaravanError = "The stream ended before the job did."
            except httpx.TransportError as exc:
                reason = wire.reason(exc, self._proxy)
            except CaravanError as exc:
                reason = exc
            if not reader.ended:
                time.sleep(reader.broke(reason))

    @overload
    def ask(self, asked: Asked, *, response_model: None = None, **options: Unpack[Options]) -> str: ...
    @overload
    def ask(self, asked: Asked, *, response_model: type[Model], **options: Unpack[Options]) -> Model: ...
    def ask(
        self, asked: Asked, *, response_model: type[Model] | None = None, **options: Unpack[Options]
    ) -> str | Model:
        """The answer: a text, or an instance of `response_model`. Raises the job's error if it has none."""
        job = self.run(asked, response_model=response_model, **options)
        return job.text if response_model is None else job.parse(response_model)

    @overload
    def map(
        self,
        inputs: Iterable[Asked],
        *,
        response_model: None = None,
        concurrency: int = 16,
        on_error: Literal["raise"] = "raise",
        **options: Unpack[Options],
    ) -> Iterator[str]: ...
    @overload
    def map(
        self,
        inputs: Iterable[Asked],
        *,
        response_model: type[Model],
        concurrency: int = 16,
        on_error: Literal["raise"] = "raise",
        **options: Unpack[Options],
    ) -> Iterator[Model]: ...
    @overload
    def map(
        self,
        inputs: Iterable[Asked],
        *,
        response_model: type[Model] | None = None,
        concurrency: int = 16,
        on_error: Literal["return"],
        **options: Unpack[Options],
    ) -> Iterator[str | Model | CaravanError]: ...
    def map(
        self,
        inputs: Iterable[Asked],
        *,
        response_model: type[Model] | None = None,
        concurrency: int = 16,
        on_error: Literal["raise", "return"] = "raise",
        **options: Unpack[Options],
    ) -> Iterator[Any]:
        """The answers to many inputs, in their order, so many of them under way at once. Reads on as answers are taken.

        Args:
            on_error: whether an input that has no answer ends it all, or gives its error in the answer's place.
        """

        def answer(asked: Asked) -> Any:
            try:
                return self.ask(asked, response_model=response_model, **options)
            except CaravanError as exc:
                if on_error == "return":
                    return exc
                raise

        pool, under_way = ThreadPoolExecutor(concurrency), deque[Future[Any]]()
        try:
            for asked in inputs:
                if len(under_way) >= concurrency:
                    yield under_way.popleft().result()
                under_way.append(pool.submit(answer, asked))
            while under_way:
                yield under_way.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)

    def carry_out(self, exchange: Exchange[T]) -> T:
        """Carry out an exchange."""
        came: Response | Broken | None = None
        try:
            while True:
                step = exchange.throw(came) if isinstance(came, Broken) else exchange.send(came)
                came = self._step(step)
        except StopIteration as end:
            result: T = end.value
            return result

    def _step(self, step: Request | Pause) -> Response | Broken | None:
        if isinstance(step, Pause):
            time.sleep(step.seconds)
            return None
        try:
            response = self._http.request(**wire.arguments(step))
        except httpx.TransportError as exc:
            return Broken(wire.reason(exc, self._proxy), sent=wire.sent(exc))
        return Response(response.status_code, response.headers, response.content, self._proxy)
