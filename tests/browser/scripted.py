"""A cluster whose fake model says what the tests of the playground and of bulk runs need."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.cluster import Cluster
from tests.support.fronts import ADMIN_KEY, bearer

MODELS = """
models:
  talk: {path: fake, slots: 2, context: 2048, kv_tokens: 4096}
  demo: {path: demo, slots: 2, context: 512, kv_tokens: 1024}
"""
STORY = "".join(f"Line {number} of a long story about a llama.\n" for number in range(20))
EVIL = (
    "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">\n\n"
    "**Bold**, [your bank](https://evil.example/login), [run](javascript:alert(1)), "
    "![pixel](https://spy.example/p.png)\n\n- one\n- two\n"
)
CALL = '<tool_call>\n{"name": "weather", "arguments": {"city": "Paris"}}\n</tool_call>'
SAYS = {
    "France?": "The capital of France is Paris.",
    "a story": STORY,
    "something evil": EVIL,
    "the weather": CALL,
    "18 degrees": "It is 18 degrees in Paris.",
    "a thought": "<think>Nobody asked for the sum. It is 19.</think>It is **19**.",
    "Classify": "positive",
}


def cluster(folder: Path) -> Cluster:
    """It has keys, and 20 ms for a token."""
    script = folder / "script.json"
    script.write_text(json.dumps([{"after": after, "say": say} for after, say in SAYS.items()]))
    running = Cluster(
        folder,
        models=MODELS,
        env={
            "CARAVAN_KEYS": "true",
            "CARAVAN_ADMIN_KEY": ADMIN_KEY,
            "CARAVAN_LEASE_SECONDS": "4",
            "CARAVAN_FAKE_SCRIPT": str(script),
            "CARAVAN_FAKE_STEP_SECONDS": "0.01",
        },
    )
    running.http.headers.update(bearer(ADMIN_KEY))
    return running
