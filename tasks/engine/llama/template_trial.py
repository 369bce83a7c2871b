"""A process that compiles and runs a chat template, to see whether that ends: nothing else can end it.

jinja2 works out what is constant while it compiles, however large it grows. So the worker has a model's template tried
before it compiles it itself.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from dataclasses import dataclass
from typing import Final

from tasks.answers.process_limits import limit
from tasks.engine.llama.template_environment import create_environment, time_names

TOO_MUCH_MEMORY: Final = 3
"""The status with which the process ends when it asked for too much."""
PATIENCE: Final = 20.0
"""Seconds for which the process may fail to begin, beside those that it has."""

log = logging.getLogger(__name__)  # structlog, and what it is configured by, take longer to load than all else here


@dataclass(frozen=True, slots=True)
class Bounds:
    """What compiling a template and running it on a greeting may take."""

    seconds: float = 2.0
    wall_seconds: float = 20.0
    memory_bytes: int = 256 << 20


def fault(source: str, *, bos: str, eos: str, bounds: Bounds = Bounds()) -> str:
    """Why a template cannot be used: '' if it can, or if its own faults are all that is wrong with it.

    Waits no longer than its bounds allow. If nothing can be tried, the template counts as one that can be used.
    """
    trial = {
        "source": source,
        "tokens": {"bos_token": bos, "eos_token": eos},
        "bounds": [bounds.seconds, bounds.wall_seconds, bounds.memory_bytes],
    }
    command = [sys.executable, "-P", "-m", __spec__.name]
    try:
        tried = subprocess.run(  # noqa: S603 - our own module
            command,
            input=json.dumps(trial).encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=bounds.wall_seconds + PATIENCE,
            start_new_session=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return _over(bounds)
    except OSError as exc:
        log.warning("chat template not tried: %s", exc)
        return ""
    if tried.returncode < 0 or tried.returncode == TOO_MUCH_MEMORY:
        return _over(bounds)
    if tried.returncode:
        log.warning("chat template not tried: %s", tried.stderr.decode(errors="replace")[-200:])
    return ""


def _over(bounds: Bounds) -> str:
    megabytes = bounds.memory_bytes >> 20
    return f"compiling it takes more than {bounds.seconds:g} seconds of a processor, or more than {megabytes} MiB"


def main() -> None:
    """Try the template that the standard input has. Its own faults are for the worker to find, and to tell."""
    trial = json.load(sys.stdin)
    seconds, wall_seconds, memory_bytes = trial["bounds"]
    known = {**trial["tokens"], **time_names(0.0), "messages": [{"role": "user", "content": "Hello"}], "tools": None}
    environment = create_environment()
    limit(seconds=seconds, wall_seconds=wall_seconds, memory_bytes=memory_bytes)
    try:
        environment.from_string(trial["source"]).render(**known, add_generation_prompt=True, enable_thinking=True)
    except MemoryError:
        sys.exit(TOO_MUCH_MEMORY)
    except Exception:  # noqa: S110 - of jinja2, of Python's compiler, or of what the template does
        pass


if __name__ == "__main__":
    main()
