#!/usr/bin/env bash
# huggingface_hub 2.4.0 does not compare what it downloads over HTTP with the SHA-256 that the Hub tells of it (the ETag of
# a large file): bytes of the right number and another sum are kept in the cache, under the name of the right sum, and no
# later call finds it out. Only the length is checked. `hf cache verify` compares, if one asks for it.
#
# A small Hub on loopback tells the SHA-256 of a file of 1 MB, and sends it with one byte changed, as a faulty proxy or
# disk would. The file is downloaded, and downloaded again.
#
# Seen (huggingface_hub 2.4.0):
#   first call: no error; second call: no error, no request for bytes
#   the blob's name is the told sum, its content has another
#
# Exits 0 while that is so, 1 if it behaves otherwise, 2 if the package cannot be installed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check "huggingface_hub==2.4.0" || { echo "huggingface_hub cannot be installed" >&2; exit 2; }

cat >look.py <<'PY'
import hashlib, http.server, os, pathlib, threading

RIGHT = bytes(range(256)) * 4096
SENT = RIGHT[:-1] + b"?"
TOLD = hashlib.sha256(RIGHT).hexdigest()
GETS = []

class Hub(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.send_response(200)
        self.send_header("X-Repo-Commit", "c" * 40)
        self.send_header("ETag", f'"{TOLD}"')
        self.send_header("Content-Length", str(len(SENT)))
        self.end_headers()

    def do_GET(self):
        GETS.append(self.path)
        self.do_HEAD()
        self.wfile.write(SENT)

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ.update(
    HF_ENDPOINT=f"http://127.0.0.1:{server.server_address[1]}", HF_HOME="cache",
    HF_HUB_DISABLE_XET="1", HF_HUB_DISABLE_TELEMETRY="1", HF_HUB_DISABLE_PROGRESS_BARS="1",
)
import huggingface_hub

paths = [huggingface_hub.hf_hub_download("o/r", "f.bin") for _ in range(2)]
blob = pathlib.Path(paths[0]).resolve()
found = hashlib.sha256(blob.read_bytes()).hexdigest()
print(f"huggingface_hub {huggingface_hub.__version__}: no error, {len(GETS)} GET")
print("blob's name:    ", blob.name)
print("content's sum:  ", found)
raise SystemExit(not (len(GETS) == 1 and blob.name == TOLD and found == hashlib.sha256(SENT).hexdigest()))
PY
venv/bin/python look.py
