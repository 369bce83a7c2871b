"""The client of asyncio code. What its methods do is told in `caravan_client.sync`."""

from __future__ import annotations

import asyncio
import functools
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from typing import Any, Concatenate, Literal, ParamSpec, Self, TypeVar, Unpack, overload

import httpx

from caravan_client import wire
from caravan_client.calls import Calls
from caravan_client.events import EventReader, StreamedEvent
from caravan_client.exchange import Broken, Exchange, Patience, Pause, Request, Response
from caravan_client.job import Job, Model
from caravan_client.lanes import Lanes
from caravan_client.options import Asked, Options
from caravan_client.proxies import proxy_of
from caravan_client.server_errors import CaravanError
from caravan_client.together import Together

P = ParamSpec("P")
T = TypeVar("T")


def _awaited(
    method: Callable[Concatenate[Calls, P], Exchange[T]],
) -> Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, T]]:
    """The method of the client that carries one of `Calls` out."""

    @functools.wraps(method)
    async def call(self: AsyncClient, /, *args: P.args, **options: P.kwargs) -> T:
        return await self.carry_out(method(self.calls, *args, **options))

    return call


class AsyncClient:
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
        with wire.usable(self._proxy):
            lanes = Lanes(self._proxy)
        self._http = httpx.AsyncClient(**options, transport=lanes)
        self.calls = Calls(model=model, patience=patience)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    submit = _awaited(Calls.submit)
    submit_many = _awaited(Calls.submit_many)
    wait_any = _awaited(Calls.wait_any)
    job = _awaited(Calls.job)
    wait = _awaited(Calls.wait)
    run = _awaited(Calls.run)
    rerank = _awaited(Calls.rerank)
    cancel = _awaited(Calls.cancel)
    retry = _awaited(Calls.retry)
    delete = _awaited(Calls.delete)
    models = _awaited(Calls.models)
    upload_file = _awaited(Calls.upload_file)
    read_file = _awaited(Calls.read_file)
    call = _awaited(Calls.call)

    def together(self) -> Together:
        """Many jobs under way over few requests."""
        return Together(self.calls, self.carry_out)

    async def stream(self, job: Job | str, *, after: str = "") -> AsyncIterator[StreamedEvent]:
        """A job's events, to its end. A connection that breaks is made again, and goes on after the last event."""
        reader = EventReader(job if isinstance(job, str) else job.id, after, self.calls.patience)
        while not reader.ended:
            try:
                async with self._http.stream(**wire.arguments(reader.request())) as response:
                    error = await response.aread() if response.is_error else b""
                    reader.opened(Response(response.status_code, response.headers, error, self._proxy))
                    async for line in response.aiter_lines():
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
                await asyncio.sleep(reader.broke(reason))

    @overload
    async def ask(self, asked: Asked, *, response_model: None = None, **options: Unpack[Options]) -> str: ...
    @overload
    async def ask(self, asked: Asked, *, response_model: type[Model], **options: Unpack[Options]) -> Model: ...
    async def ask(
        self, asked: Asked, *, response_model: type[Model] | None = None, **options: Unpack[Options]
    ) -> str | Model:
        """The answer: a text, or an instance of `response_model`. Raises the job's error if it has none."""
        job = await self.run(asked, response_model=response_model, **options)
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
    ) -> AsyncIterator[str]: ...
    @overload
    def map(
        self,
        inputs: Iterable[Asked],
        *,
        response_model: type[Model],
        concurrency: int = 16,
        on_error: Literal["raise"] = "raise",
        **options: Unpack[Options],
    ) -> AsyncIterator[Model]: ...
    @overload
    def map(
        self,
        inputs: Iterable[Asked],
        *,
        response_model: type[Model] | None = None,
        concurrency: int = 16,
        on_error: Literal["return"],
        **options: Unpack[Options],
    ) -> AsyncIterator[str | Model | CaravanError]: ...
    async def map(
        self,
        inputs: Iterable[Asked],
        *,
        response_model: type[Model] | None = None,
        concurrency: int = 16,
        on_error: Literal["raise", "return"] = "raise",
        **options: Unpack[Options],
    ) -> AsyncIterator[Any]:
        """The answers to many inputs, in their order, so many of them under way at once. Reads on as answers are taken.

        Args:
            on_error: whether an input that has no answer ends it all, or gives its error in the answer's place.
        """

        async def answer(asked: Asked) -> Any:
            try:
                return await self.ask(asked, response_model=response_model, **options)
            except CaravanError as exc:
                if on_error == "return":
                    return exc
                raise

        under_way = deque[asyncio.Task[Any]]()
        try:
            for asked in inputs:
                if len(under_way) >= concurrency:
                    yield await under_way.popleft()
                under_way.append(asyncio.ensure_future(answer(asked)))
            while under_way:
                yield await under_way.popleft()
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def carry_out(self, exchange: Exchange[T]) -> T:
        """Carry out an exchange."""
        came: Response | Broken | None = None
        try:
            while True:
                step = exchange.throw(came) if isinstance(came, Broken) else exchange.send(came)
                came = await self._step(step)
        except StopIteration as end:
            result: T = end.value
            return result

    async def _step(self, step: Request | Pause) -> Response | Broken | None:
        if isinstance(step, Pause):
            await asyncio.sleep(step.seconds)
            return None
        try:
            response = await self._http.request(**wire.arguments(step))
        except httpx.TransportError as exc:
            return Broken(wire.reason(exc, self._proxy), sent=wire.sent(exc))
        return Response(response.status_code, response.headers, response.content, self._proxy)
