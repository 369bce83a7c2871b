#!/usr/bin/env bash
# huggingface_hub 2.4.0 never goes on with a file whose download was killed: each attempt writes to a part with a random
# name (`ETAG.8hex.incomplete`), so the next one asks for byte 0 again, and the killed one's part stays in the cache for
# ever. Within one process a broken connection is resumed by a Range request. huggingface_hub 0.36.0 wrote to
# `ETAG.incomplete` and went on with it after a kill.
#
# A small Hub on loopback serves one file of 64 MB. The first download is killed when the Hub has sent half of it, the second
# runs to its end.
#
# Seen (the first byte that each attempt asked for; parts left in the cache after the second):
#   huggingface_hub 2.4.0    0 0         1 part
#   huggingface_hub 0.36.0   0 31457280  0 parts
#
# Exits 0 while that is so, 1 if a version behaves otherwise, 2 if a package cannot be installed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat >hub.py <<'PY'
"""A Hub with one file. It holds the first GET at half of the file; it notes from which byte on each GET asks."""
import hashlib, http.server, sys, threading, time

CONTENT = bytes(range(256)) * 262144
HELD = threading.Event()

class Hub(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.answer(False)

    def do_GET(self):
        self.answer(True)

    def log_message(self, *_):
        pass

    def answer(self, body):
        first = int(self.headers.get("Range", "bytes=0-").split("=")[1].split("-")[0])
        self.send_response(206 if first else 200)
        self.send_header("X-Repo-Commit", "c" * 40)
        self.send_header("ETag", '"' + hashlib.sha256(CONTENT).hexdigest() + '"')
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(CONTENT) - first))
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.end_headers()
        if not body:
            return
        with open("asked", "a") as notes:
            print(first, file=notes)
        if HELD.is_set():
            self.wfile.write(CONTENT[first:])
            return
        HELD.set()
        self.wfile.write(CONTENT[: len(CONTENT) // 2])
        self.wfile.flush()
        open("half", "w").close()
        time.sleep(60)

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
server.daemon_threads = True
print(server.server_address[1], flush=True)
server.serve_forever()
PY

look() { # a version: what each attempt asked for, and how many parts are left
  python3 -m venv "venv$1"
  "venv$1/bin/pip" install -q --disable-pip-version-check "huggingface_hub==$1" || { echo "huggingface_hub $1 cannot be installed" >&2; exit 2; }
  rm -rf cache asked half port
  "venv$1/bin/python" hub.py >port &
  local hub=$!
  until [ -s port ]; do sleep 0.1; done
  local fetch=(env HF_ENDPOINT="http://127.0.0.1:$(cat port)" HF_HOME="$folder/cache" HF_HUB_DISABLE_XET=1 HF_HUB_DISABLE_TELEMETRY=1 HF_HUB_DOWNLOAD_TIMEOUT=300
    "venv$1/bin/python" -c 'from huggingface_hub import hf_hub_download as get; get("o/r", "f.bin")')
  "${fetch[@]}" >/dev/null 2>&1 &
  local first=$!
  until [ -e half ]; do sleep 0.1; done
  # What was sent lies in the part's file as soon as the library has written a chunk of it.
  for _ in $(seq 50); do [ -n "$(find cache -name '*.incomplete' -size +0 2>/dev/null)" ] && break; sleep 0.1; done
  kill -9 "$first" && wait "$first" 2>/dev/null || true
  "${fetch[@]}" >/dev/null 2>&1
  kill "$hub" && wait "$hub" 2>/dev/null || true
  echo "$(tr '\n' ' ' <asked)$(find cache -name '*.incomplete' | wc -l)"
}

new=$(look 2.4.0)
old=$(look 0.36.0)
echo "huggingface_hub 2.4.0:  asked from / parts left: $new"
echo "huggingface_hub 0.36.0: asked from / parts left: $old"
[ "$new" = "0 0 1" ] && [[ "$old" =~ ^0\ [1-9][0-9]*\ 0$ ]]
