"""A small Hugging Face Hub: what huggingface_hub asks of one to download files."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

COMMIT = "c0ffee" + "0" * 34
REVISIONS = ("main", COMMIT)
PIECE = 1 << 16


class Hub:
    """Serves files by ``owner/repo/file``, of which a test may spoil the delivery."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = dict(files)
        self.cuts = 0
        """How many of the next answers are broken off after half of what they have."""
        self.gives_nothing = False
        """Whether every answer is broken off before its first byte."""
        self.held_after: int | None = None
        """An answer stands still at this byte of the file, until `release` is set."""
        self.release = threading.Event()
        self.holding = threading.Event()
        """Set once an answer stands still."""
        self.sent: dict[str, bytes] = {}
        """Files of which other bytes are sent than the Hub says."""
        self.refusals: dict[str, tuple[int, str]] = {}
        """Status and error code for files, or for a repository as ``owner/repo``."""
        self.knows_ranges = True
        self.tells_sizes = True
        """Whether an answer says how long it is; else its end is the end of the connection."""
        self.downloads: list[str] = []
        self.begins: list[int] = []
        """The first byte that each download asked for."""
        self.tokens: set[str | None] = set()
        self.url = ""

    def find(self, path: str) -> tuple[str, bytes] | None:
        owner, repo, _resolve, _revision, *file = unquote(path).strip("/").split("/")
        name = "/".join((owner, repo, *file))
        return (name, self.files[name]) if name in self.files else None

    def refusal(self, path: str) -> tuple[int, str] | None:
        """Status and error code for a path below ``/OWNER/REPO/resolve/REVISION/``."""
        owner, repo, _resolve, revision, *file = unquote(path).strip("/").split("/")
        name = f"{owner}/{repo}"
        refused = self.refusals.get(name) or self.refusals.get("/".join((name, *file)))
        if refused:
            return refused
        if not any(each.startswith(f"{name}/") for each in self.files):
            return 404, "RepoNotFound"
        if revision not in REVISIONS:
            return 404, "RevisionNotFound"
        return None if "/".join((name, *file)) in self.files else (404, "EntryNotFound")

    def told(self, path: str) -> object:
        """What the calls under ``/api`` answer: the files of a repository, or its branches."""
        _models, owner, repo, what, *_ = path.removeprefix("/api/").split("?")[0].split("/")
        if what == "refs":
            return {
                "branches": [{"name": "main", "ref": "refs/heads/main", "targetCommit": COMMIT}],
                "tags": [],
                "converts": [],
            }
        begin = f"{owner}/{repo}/"
        return [
            {"type": "file", "path": name.removeprefix(begin), "size": len(content), "oid": "0" * 40}
            for name, content in self.files.items()
            if name.startswith(begin)
        ]


@contextmanager
def hub_server(files: Mapping[str, bytes]) -> Iterator[Hub]:
    """A hub on loopback, for as long as the block runs."""
    hub = Hub(files)

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            if self.path.startswith("/api/"):
                self._tell()
            else:
                self._answer(body=True)

        def log_message(self, format: str, *args: object) -> None:
            pass

        def _tell(self) -> None:
            told = json.dumps(hub.told(self.path)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def _answer(self, *, body: bool) -> None:
            hub.tokens.add(self.headers.get("Authorization"))
            refused = hub.refusal(self.path) if "/resolve/" in self.path else (404, "EntryNotFound")
            if refused:
                self.send_response(refused[0])
                self.send_header("X-Error-Code", refused[1])
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            found = hub.find(self.path)
            assert found is not None
            name, content = found
            asked = self.headers.get("Range") if hub.knows_ranges else None
            first, _, last = (asked or "bytes=0-").removeprefix("bytes=").partition("-")
            begin, end = int(first), min(len(content), int(last) + 1 if last else len(content))
            self.send_response(206 if asked else 200)
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("Accept-Ranges", "bytes")
            if hub.tells_sizes:
                self.send_header("Content-Length", str(end - begin))
            if asked:
                self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{len(content)}")
            self.end_headers()
            if body:
                hub.downloads.append(name)
                hub.begins.append(begin)
                self._send(hub.sent.get(name, content), begin, end)

        def _send(self, content: bytes, begin: int, end: int) -> None:
            cut, hub.cuts = hub.cuts > 0, max(0, hub.cuts - 1)
            last = begin if hub.gives_nothing else (begin + end) // 2 if cut else end
            held = hub.held_after
            if held is not None and begin <= held < last:
                self.wfile.write(content[begin:held])
                self.wfile.flush()
                hub.holding.set()
                hub.release.wait(60)
                begin = held
            self.wfile.write(content[begin:last])
            if cut or hub.gives_nothing:
                self.close_connection = True
                self.connection.close()

        def handle(self) -> None:
            try:
                super().handle()
            except (ConnectionError, ValueError):  # the client was killed
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        hub.release.set()
        server.shutdown()
        server.server_close()
        thread.join()
