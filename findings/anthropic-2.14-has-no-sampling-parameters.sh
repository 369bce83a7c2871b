#!/usr/bin/env bash
# The anthropic package 2.14.0 (Python) has no temperature, top_p and top_k: `messages.create` raises TypeError for them.
# They are sent as `extra_body={"temperature": 0}`.
#
# Seen: the three are no parameters of `messages.create`; stop_sequences is one.
#
# Exits 0 while that is so, 1 if it is not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check anthropic==2.14.0
"$folder/venv/bin/python" -P - <<'PY'
import inspect

import anthropic
from anthropic.resources.messages import Messages

has = inspect.signature(Messages.create).parameters
found = {name: name in has for name in ("temperature", "top_p", "top_k", "stop_sequences")}
print(anthropic.__version__, found)
raise SystemExit(found != {"temperature": False, "top_p": False, "top_k": False, "stop_sequences": True})
PY
