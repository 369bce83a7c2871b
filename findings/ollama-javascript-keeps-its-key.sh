#!/usr/bin/env bash
# The npm package ollama 0.6.4 reads OLLAMA_API_KEY, but sends it to https://ollama.com alone: a server of one's own that
# asks for keys gets none, and the key has to be given as a header. The Python package ollama 0.6.3 sends it to any host.
#
# Seen by a server on 127.0.0.1 (its Authorization header):
#   npm ollama 0.6.4                        none
#   npm ollama 0.6.4, headers: {...}        Bearer secret
#   PyPI ollama 0.6.3                       Bearer secret
#
# Exits 0 while that is so, 1 if a package behaves otherwise, 2 if one cannot be installed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv && venv/bin/pip install --quiet ollama==0.6.3 || { echo "ollama 0.6.3 is not to be had" >&2; exit 2; }
npm install --silent --no-audit --no-fund --ignore-scripts ollama@0.6.4 || { echo "npm has no ollama 0.6.4" >&2; exit 2; }

cat >look.mjs <<'JS'
import http from "node:http";
import { promisify } from "node:util";
import { execFile } from "node:child_process";
import { Ollama } from "ollama";

const seen = [];
const server = http.createServer((request, response) => {
  seen.push(request.headers.authorization ?? "none");
  response.setHeader("Content-Type", "application/json");
  response.end('{"models": []}');
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const host = `http://127.0.0.1:${server.address().port}`;
await new Ollama({ host }).list();
await new Ollama({ host, headers: { Authorization: "Bearer secret" } }).list();
await promisify(execFile)("venv/bin/python", ["-c", `import ollama; ollama.Client(host="${host}").list()`]);
server.close();
console.log(seen.join(", "));
JS

seen=$(NO_PROXY=127.0.0.1 no_proxy=127.0.0.1 OLLAMA_API_KEY=secret node look.mjs)
echo "npm, npm with the header, PyPI: $seen"
[ "$seen" = "none, Bearer secret, Bearer secret" ]
