"""Connections for many requests at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import httpx

from caravan_client import wire
from caravan_client.proxies import Proxy


class Lanes(httpx.AsyncBaseTransport):
    """A connection for each request under way, used again by the next ones.

    httpcore 1.0's own pool compares all its connections with all others at every request: with 32 of them that took
    more than half of a client's time.
    """

    def __init__(self, proxy: Proxy | None = None) -> None:
        self._tls = httpx.create_ssl_context()
        self._proxy = proxy
        self._lanes: list[httpx.AsyncHTTPTransport] = []
        self._idle = [self._open()]  # at once, so that a proxy that cannot be used is told before a request

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        lane = self._idle.pop() if self._idle else self._open()
        try:
            response = await lane.handle_async_request(request)
        except BaseException:
            self._idle.append(lane)
            raise
        assert isinstance(response.stream, httpx.AsyncByteStream), "an asynchronous transport has such streams"
        response.stream = _Body(response.stream, lambda: self._idle.append(lane))
        return response

    async def aclose(self) -> None:
        for lane in self._lanes:
            await lane.aclose()

    def _open(self) -> httpx.AsyncHTTPTransport:
        proxy = self._proxy.url if self._proxy else None
        lane = httpx.AsyncHTTPTransport(verify=self._tls, limits=wire.limits(1), proxy=proxy)
        self._lanes.append(lane)
        return lane


class _Body(httpx.AsyncByteStream):
    """A response's body, which gives its lane back when it is closed."""

    def __init__(self, stream: httpx.AsyncByteStream, give_back: Callable[[], None]) -> None:
        self._stream = stream
        self._give_back: Callable[[], None] | None = give_back

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            yield part

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            give_back, self._give_back = self._give_back, None
            if give_back:
                give_back()
