"""``python -m tests.bench``: load a cluster of this checkout, print a table, and write JSON."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from tests.bench.load import Figures, Load, run
from tests.support.cluster import Cluster


def main() -> None:
    """Start a cluster with one model, load it, and say what was seen."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--gguf", default="demo", help="the model: a GGUF file, or the built-in demo")
    parser.add_argument("--slots", type=int, default=16)
    parser.add_argument("--context", type=int, default=1024)
    parser.add_argument("--out", type=Path, help="write the JSON here as well")
    args = parser.parse_args()
    path = args.gguf if args.gguf == "demo" else Path(args.gguf).resolve()
    models = f"models: {{bench: {{path: {path}, slots: {args.slots}, context: {args.context}}}}}"
    loads = {
        "alone": Load(model="bench", requests=4, concurrency=1),
        "16 at a time": Load(model="bench"),
        "16 at a time, sampled": Load(model="bench", temperature=0.8),
    }
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(Path(folder), models=models)
        cluster.start()
        try:
            rows = {name: run(cluster.url, load) for name, load in loads.items()}
        finally:
            cluster.stop()
    _print(rows)
    report = json.dumps({name: figures.row() for name, figures in rows.items()}, indent=2)
    sys.stdout.write(report + "\n")
    if args.out:
        args.out.write_text(report)


def _print(rows: dict[str, Figures]) -> None:
    sys.stderr.write(f"{'work':<24}{'ok':>8}{'tokens/s':>12}{'first token':>14}{'gap p50':>10}{'gap p99':>10}\n")
    for name, figures in rows.items():
        counts = f"{figures.ok}/{figures.of}"
        sys.stderr.write(
            f"{name:<24}{counts:>8}{figures.tokens_per_second:>12}{figures.first_token_p50_ms:>11} ms"
            f"{figures.gap_p50_ms:>7} ms{figures.gap_p99_ms:>7} ms\n"
        )


if __name__ == "__main__":
    main()
