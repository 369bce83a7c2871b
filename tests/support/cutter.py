"""A TCP proxy that cuts connections."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator


class Cutter:
    """In front of a port of loopback. While `most_bytes` is a number, an answer is cut after so many.

    With `most_cuts`, no more answers than those are cut.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.most_bytes: int | None = None
        self.most_cuts: int | None = None
        self.num_cut = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._handle, args=(client,), daemon=True).start()

    def _handle(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._target)) as server, contextlib.suppress(OSError):
            threading.Thread(target=self._forward, args=(client, server), daemon=True).start()
            num_bytes = 0
            while part := server.recv(256):
                num_bytes += len(part)
                client.sendall(part)
                if self.most_bytes is not None and num_bytes >= self.most_bytes and self.num_cut != self.most_cuts:
                    self.num_cut += 1
                    client.shutdown(socket.SHUT_RDWR)
                    return

    @staticmethod
    def _forward(client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while part := client.recv(1 << 16):
                server.sendall(part)
            server.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def cutter(port: int) -> Iterator[Cutter]:
    """One that is closed at the end."""
    made = Cutter(port)
    try:
        yield made
    finally:
        made.close()
