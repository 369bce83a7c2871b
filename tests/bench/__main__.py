"""Measure this checkout, and what it is held against, in one run; print a table and write JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.bench.cases import CASES
from tests.bench.config import Config
from tests.bench.make_model import PackageMissing, make
from tests.bench.rows import Row, table

FOLDER = Path("build/bench")


def main() -> None:
    """Run the cases that were asked for."""
    options = _options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the servers are stopped too
    config = Config(
        model=_model(options.model),
        runs=options.runs,
        threads=options.threads,
        llama_bin=options.llama_bin,
        llama_cpp_server=options.llama_cpp_server,
    )
    _say_what_is_missing(config)
    rows: list[Row] = []
    for name in options.only:
        began = time.monotonic()
        rows += CASES[name](config)
        _say(f"{name}: {time.monotonic() - began:.0f} s")
        _write(options.json, config, rows)
    sys.stdout.write(table(rows) + "\n")
    _say(f"every figure: {options.json}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="of each case; the table has their medians")
    parser.add_argument("--only", type=_names, default=list(CASES), help=f"of {','.join(CASES)}")
    parser.add_argument("--json", type=Path, default=FOLDER / "bench.json", help="where every figure is written")
    parser.add_argument("--model", type=Path, help="a bench model that is there already")
    parser.add_argument("--threads", type=int, default=2, help="of everything that decodes")
    parser.add_argument("--llama-bin", type=_folder, default=os.environ.get("LLAMA_BIN"),
                        help="the folder of llama-server and llama-batched-bench (LLAMA_BIN)")  # fmt: skip
    parser.add_argument("--llama-cpp-server", type=_executable, default=os.environ.get("LLAMA_CPP_SERVER"),
                        help="a Python that has llama-cpp-python[server] (LLAMA_CPP_SERVER)")  # fmt: skip
    return parser.parse_args()


def _names(text: str) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in CASES]
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no case {unknown[0]}; there are {', '.join(CASES)}")
    return names


def _folder(text: str) -> Path | None:
    if text and not (Path(text) / "llama-server").is_file():
        raise argparse.ArgumentTypeError(f"{text} has no llama-server")
    return Path(text).absolute() if text else None


def _executable(text: str) -> Path | None:
    if text and not os.access(text, os.X_OK):
        raise argparse.ArgumentTypeError(f"{text} cannot be run")
    return Path(text).absolute() if text else None


def _model(path: Path | None) -> Path:
    """The model to measure with; made on the first run."""
    if path is None:
        path = FOLDER / "bench-0.5b-q4_0.gguf"
        if not path.exists():
            try:
                make(path)
            except PackageMissing as exc:
                raise SystemExit(str(exc)) from exc
    if not path.exists():
        raise SystemExit(f"There is no model {path}.")
    return path.resolve()


def _say_what_is_missing(config: Config) -> None:
    if not config.llama_bin:
        _say("llama-server and llama-batched-bench are skipped; give --llama-bin")
    if not config.llama_cpp_server:
        _say("llama_cpp.server is skipped; give --llama-cpp-server")


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


def _write(path: Path, config: Config, rows: list[Row]) -> None:
    report = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": _machine(), "runs": config.runs}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**report, "rows": [row.encode() for row in rows]}, indent=2) + "\n")


def _machine() -> dict[str, Any]:
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip()
    return {
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "llama_cpp_python": version("llama-cpp-python"),
        "commit": commit,
    }


if __name__ == "__main__":
    main()
