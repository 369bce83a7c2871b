"""A small Hugging Face Hub: what huggingface_hub asks of one to download files."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

COMMIT = "c0ffee" + "0" * 34


class Hub:
    """Serves files by ``owner/repo/file``. `cuts` is how many of the next downloads are broken off in the middle."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = dict(files)
        self.cuts = 0
        self.downloads: list[str] = []
        self.tokens: set[str | None] = set()
        self.url = ""

    def find(self, path: str) -> tuple[str, bytes] | None:
        owner, repo, _resolve, _revision, *file = unquote(path).strip("/").split("/")
        name = "/".join((owner, repo, *file))
        return (name, self.files[name]) if name in self.files else None


@contextmanager
def hub_server(files: Mapping[str, bytes]) -> Iterator[Hub]:
    """A hub on loopback, for as long as the block runs."""
    hub = Hub(files)

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def log_message(self, format: str, *args: object) -> None:
            pass

        def _answer(self, *, body: bool) -> None:
            hub.tokens.add(self.headers.get("Authorization"))
            found = hub.find(self.path) if "/resolve/" in self.path else None
            if found is None:
                self.send_response(404)
                self.send_header("X-Error-Code", "EntryNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            name, content = found
            begin = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0])
            self.send_response(206 if begin else 200)
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(len(content) - begin))
            if begin:
                self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
            self.end_headers()
            if body:
                hub.downloads.append(name)
                cut, hub.cuts = hub.cuts > 0, max(0, hub.cuts - 1)
                middle = (begin + len(content)) // 2
                self.wfile.write(content[begin:middle] if cut else content[begin:])
                if cut:
                    self.close_connection = True
                    self.connection.close()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
