"""The libraries for every processor, on processors that this machine is not: emulated by qemu's user mode.

They take minutes to compile, so they are tried where they are: `make wheel`, `pip install --no-deps --target FOLDER
deploy/wheels/llama_cpp_python-*.whl`, `apt-get install qemu-user`, and the folder in CARAVAN_TEST_LIBRARIES.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LIBRARIES = os.environ.get("CARAVAN_TEST_LIBRARIES")
DEMO = Path(__file__).parents[2] / "tasks" / "models" / "demo" / "demo.gguf"

ASK = """
import sys
from pathlib import Path
from tasks.engine.backend import Row
from tasks.engine.llama import LlamaBackend

backend = LlamaBackend(Path(sys.argv[1]), num_slots=2, context=256, cache_tokens=512, threads=1)
text = backend.render_chat([{"role": "user", "content": "What is the capital of France?"}])
tokens = backend.tokenize(text, add_special=True, parse_special=True)
rows, answer = [Row(token, at, 0, at == len(tokens) - 1) for at, token in enumerate(tokens)], b""
while True:
    backend.decode(rows)
    token = int(backend.logits(len(rows) - 1).argmax())
    if backend.is_end(token):
        break
    answer += backend.piece(token)
    rows = [Row(token, rows[-1].position + 1, 0, True)]
print(backend.processor, answer.decode(), sep=": ")
"""


@pytest.mark.skipif(
    not LIBRARIES, reason="CARAVAN_TEST_LIBRARIES names no folder with the libraries for every processor"
)
@pytest.mark.parametrize(
    ("processor", "variant"),
    [
        ("Nehalem", "sse42"),
        ("SandyBridge", "sandybridge"),
        ("IvyBridge", "ivybridge"),
        ("Haswell", "haswell"),
    ],
)
def test_an_older_processor_loads_its_variant_and_answers_rightly(processor: str, variant: str) -> None:
    qemu = shutil.which("qemu-x86_64")
    assert qemu, "qemu-x86_64 is missing: apt-get install qemu-user"
    done = subprocess.run(
        [qemu, "-cpu", processor, str(Path(sys.executable).resolve()), "-c", ASK, str(DEMO)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(LIBRARIES), *filter(None, sys.path)])},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.stdout.strip() == f"{variant}: The capital of France is Paris.", done.stderr[-2000:]
