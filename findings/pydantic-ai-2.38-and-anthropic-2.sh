#!/usr/bin/env bash
# pydantic-ai-slim 2.38.0 asks for anthropic>=1.3.0 with its extra `anthropic`, and cannot ask a model of Anthropic's with
# anthropic 2.0.0 or later: it calls BetaMessageParam, which has been a Union since then, and no more a TypedDict.
#
# Seen with a server on 127.0.0.1 that answers each message with "Hello":
#   anthropic 1.17.0   Hello
#   anthropic 2.0.0    TypeError: Cannot instantiate typing.Union
#   anthropic 2.14.0   TypeError: Cannot instantiate typing.Union
#
# Exits 0 while that is so, 1 if a package behaves otherwise, 2 if one cannot be installed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

install() { venv/bin/pip install --quiet --disable-pip-version-check "$@" || { echo "$* is not to be had" >&2; exit 2; }; }

python3 -m venv venv
install "pydantic-ai-slim[anthropic]==2.38.0" anthropic==1.17.0

cat >ask.py <<'PY'
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import anthropic
from pydantic_ai import Agent
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.providers.anthropic import AnthropicProvider

MESSAGE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "stop_reason": "end_turn",
    "stop_sequence": None, "content": [{"type": "text", "text": "Hello"}],
    "usage": {"input_tokens": 1, "output_tokens": 1},
}


class Answering(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps(MESSAGE).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Answering)
threading.Thread(target=server.serve_forever, daemon=True).start()
provider = AnthropicProvider(base_url=f"http://127.0.0.1:{server.server_port}", api_key="none")
try:
    said = Agent(AnthropicModel("claude", provider=provider)).run_sync("Hello").output
except TypeError as exc:
    said = f"TypeError: {exc}"
print(anthropic.__version__, said)
PY

seen=""
for version in 1.17.0 2.0.0 2.14.0; do
  install "anthropic==$version"
  seen+="$(NO_PROXY=127.0.0.1 venv/bin/python ask.py)"$'\n'
done
printf '%s' "$seen"
[ "$seen" = "1.17.0 Hello
2.0.0 TypeError: Cannot instantiate typing.Union
2.14.0 TypeError: Cannot instantiate typing.Union
" ]
