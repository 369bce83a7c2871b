"""Write the bench model: random weights in the shape of Qwen2.5-0.5B, 4 bits each, or of another kind.

Speed does not depend on what the weights say, so the model costs what a real one of 24 layers and a vocabulary of
152k costs. The tokenizer is the demo model's, with made-up tokens up to the vocabulary's size. Needs the packages
`gguf` and `numpy`, and may run in any Python that has them:

    python -m tests.bench.make_model build/bench/bench-0.5b-q4_0.gguf
    python -m tests.bench.make_model --kind F16 build/bench/bench-0.5b-f16.gguf
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

TOKENIZER = Path(__file__).parents[2] / "tasks" / "models" / "demo" / "demo.gguf"
LAYERS, WIDTH, FEED_FORWARD, VOCABULARY = 24, 896, 4864, 151_936
HEADS, KV_HEADS = 14, 2
KV_WIDTH = WIDTH // HEADS * KV_HEADS
CONTEXT = 32_768
MATRICES = {
    "attn_q": (WIDTH, WIDTH), "attn_k": (KV_WIDTH, WIDTH), "attn_v": (KV_WIDTH, WIDTH), "attn_output": (WIDTH, WIDTH),
    "ffn_gate": (FEED_FORWARD, WIDTH), "ffn_up": (FEED_FORWARD, WIDTH), "ffn_down": (WIDTH, FEED_FORWARD),
}  # fmt: skip
"""Rows and columns of a layer's matrices."""
BIASES = {"attn_q": WIDTH, "attn_k": KV_WIDTH, "attn_v": KV_WIDTH}
NORMS = ("attn_norm", "ffn_norm")


class PackageMissing(Exception):
    """Raised when this Python has no `gguf`; the message says what to do."""


KINDS = ("Q4_0", "Q8_0", "F16")


def make(path: Path, kind: str = "Q4_0") -> None:
    """Write the model to `path` with weights of one of `KINDS`; raises `PackageMissing`."""
    try:
        import gguf
    except ImportError as exc:
        raise PackageMissing(
            f"Making the bench model needs the package gguf, which this Python lacks. In an environment of its own: "
            f"pip install gguf, then from here: python -m tests.bench.make_model {path}"
        ) from exc
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    writer = gguf.GGUFWriter(unfinished, "qwen2")
    _describe(writer)
    _copy_tokenizer(writer, gguf.GGUFReader(TOKENIZER), normal=int(gguf.TokenType.NORMAL))
    _add_weights(writer, gguf, gguf.GGMLQuantizationType[kind])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    unfinished.rename(path)


def _describe(writer: Any) -> None:
    writer.add_name("bench-0.5b")
    writer.add_context_length(CONTEXT)
    writer.add_block_count(LAYERS)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_freq_base(1e6)
    writer.add_layer_norm_rms_eps(1e-6)


def _copy_tokenizer(writer: Any, source: Any, *, normal: int) -> None:
    tokens = list(source.fields["tokenizer.ggml.tokens"].contents())
    types = list(source.fields["tokenizer.ggml.token_type"].contents())
    made_up = [f"w{number}" for number in range(VOCABULARY - len(tokens))]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens + made_up)
    writer.add_token_types(types + [normal] * len(made_up))
    writer.add_token_merges(list(source.fields["tokenizer.ggml.merges"].contents()))
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(False)
    writer.add_chat_template(source.fields["tokenizer.chat_template"].contents())


def _add_weights(writer: Any, gguf: Any, kind: Any) -> None:
    import numpy as np

    rng = np.random.default_rng(0)

    def matrix(name: str, rows: int, columns: int) -> None:
        weights: npt.NDArray[np.float32] = rng.standard_normal((rows, columns), dtype=np.float32) * columns**-0.5
        writer.add_tensor(f"{name}.weight", gguf.quants.quantize(weights, kind), raw_dtype=kind)

    matrix("token_embd", VOCABULARY, WIDTH)
    writer.add_tensor("output_norm.weight", np.ones(WIDTH, np.float32))
    for layer in range(LAYERS):
        for name in NORMS:
            writer.add_tensor(f"blk.{layer}.{name}.weight", np.ones(WIDTH, np.float32))
        for name, shape in MATRICES.items():
            matrix(f"blk.{layer}.{name}", *shape)
        for name, size in BIASES.items():
            writer.add_tensor(f"blk.{layer}.{name}.bias", np.zeros(size, np.float32))


def main() -> None:
    """Make the model that the command line names."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.make_model", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("path", type=Path)
    parser.add_argument("--kind", choices=KINDS, default=KINDS[0], help="of the weights")
    options = parser.parse_args()
    try:
        make(options.path, options.kind)
    except PackageMissing as exc:
        raise SystemExit(str(exc)) from exc


if __name__ == "__main__":
    main()
