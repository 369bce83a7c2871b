"""Tiny models of the kinds that the demo model is not of: random weights, written as GGUF files in milliseconds.

The vocabulary is SentencePiece's: pieces with scores, a space written as U+2581, and bytes for what no piece covers.

What is decoded together is rounded otherwise than what is decoded alone, and where two tokens are as good as equal
the choice differs (docs/engine.md). Random models are no better than others in that, so two things are chosen. The
weights: see `SHARPNESS`. And the seeds: of some hundred, those with which the likeliest token leads most clearly in
all that the tests decode. It leads by at least 25 times what rounding changed (hybrid 100, recurrent 950 times). After
a change to the weights, the vocabulary or the tests' prompts another seed may be the better one.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import numpy as np
import numpy.typing as npt

Tensor = npt.NDArray[np.float32]
Tensors = dict[str, Tensor]
Metadata = dict[str, Any]

CONTEXT = 1024
WIDTH, HEADS, FEED_FORWARD = 64, 2, 96
INNER, STATES, CONVOLUTION, RANK = 2 * WIDTH, 8, 4, 4
BERT_CONTEXT = 128
BUCKETS = 32
"""T5 counts distances between tokens in so many sizes."""
WINDOW = 12
"""Tokens that a layer with a sliding window looks back; prompts are longer."""

SHARPNESS = 5.0
"""So large that attention takes nearly all from one token. ggml adds up many in 16 bits, and not as it does in tiles of
64 rows: that is where nearly all of the rounding comes from."""
SEEDS = {"sentencepiece": 15, "sliding": 112, "recurrent": 39, "hybrid": 26}

# -- the vocabulary

SPACE = "\u2581"
"""How SentencePiece writes a space; it cannot tell this character of a text from one."""
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6
ENDS = ["</s>", "<|im_end|>"]
CONTROLS = ["<s>", "<|im_start|>", *ENDS]
WORDS = (
    "what is the capital of france tell me a story about llama count to classify sentiment food was who are you "
    "rule be kind and brief"
)
"""What pieces are made of."""
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] + '\n' + message['content'] }}<|im_end|>\n"
    "{% endfor %}<|im_start|>assistant\n"
)
JUDGE_TEMPLATE = "<|im_start|>rule: {query}\n{document}<|im_end|>\n<|im_start|>"


def vocabulary() -> tuple[list[str], list[int]]:
    """Tokens and their types: the unknown one, control tokens, bytes, and pieces that merge into words."""
    letters = [SPACE, *map(chr, range(33, 127)), *"äéß中"]
    beginnings = {SPACE + word[:length] for word in WORDS.split() for length in range(1, len(word) + 1)}
    pieces = [*letters, *sorted(beginnings, key=lambda piece: (len(piece), piece))]
    tokens = ["<unk>", *CONTROLS, *(f"<0x{byte:02X}>" for byte in range(256)), *pieces]
    types = [UNKNOWN, *[CONTROL] * len(CONTROLS), *[BYTE] * 256, *[NORMAL] * len(pieces)]
    return tokens, types


TOKENS, TOKEN_TYPES = vocabulary()
BEGIN = TOKENS.index("<s>")


def tokenizer(*, add_space_prefix: bool = True) -> Metadata:
    return {
        "model": "llama",
        "tokens": TOKENS,
        "scores": [float(len(token)) for token in TOKENS],
        "token_type": TOKEN_TYPES,
        "unknown_token_id": 0,
        "bos_token_id": BEGIN,
        "eos_token_id": TOKENS.index("</s>"),
        "add_bos_token": True,
        "add_space_prefix": add_space_prefix,
        "chat_template": CHAT_TEMPLATE,
    }


# -- the vocabulary of BERT

CLASS, SEPARATOR = "[CLS]", "[SEP]"
BERT_SPECIAL = ["[PAD]", "[UNK]", CLASS, SEPARATOR, "[MASK]"]
WORD_PIECES = [
    *BERT_SPECIAL,
    *(SPACE + letter for letter in ascii_lowercase),
    *ascii_lowercase,
    *(SPACE + sign for sign in ".,!?"),
    *sorted({SPACE + word for word in WORDS.split() if len(word) > 1}),
]
"""As GGUF has them: a piece that begins a word has a mark before it, where BERT's own files mark the others."""


def word_pieces() -> Metadata:
    """Of letters all words can be made; what has others is unknown."""
    return {
        "model": "bert",
        "tokens": WORD_PIECES,
        "scores": [0.0] * len(WORD_PIECES),
        "token_type": [CONTROL] * len(BERT_SPECIAL) + [NORMAL] * (len(WORD_PIECES) - len(BERT_SPECIAL)),
        "token_type_count": 2,
        "unknown_token_id": WORD_PIECES.index("[UNK]"),
        "seperator_token_id": WORD_PIECES.index(SEPARATOR),
        "padding_token_id": WORD_PIECES.index("[PAD]"),
        "cls_token_id": WORD_PIECES.index(CLASS),
        "mask_token_id": WORD_PIECES.index("[MASK]"),
        "bos_token_id": WORD_PIECES.index(CLASS),
        "eos_token_id": WORD_PIECES.index(SEPARATOR),
    }


# -- weights


class Weights:
    """Random tensors, scaled so that what goes through them keeps its size."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def matrix(self, rows: int, columns: int, *, gain: float = 1.0) -> Tensor:
        """As numpy has it: `rows` go out, `columns` come in."""
        return self._random.standard_normal((rows, columns), dtype=np.float32) * np.float32(gain / columns**0.5)

    def ends(self) -> Tensor:
        """From the last layer to the vocabulary; a token that ends the answer is likelier than others."""
        output = self.matrix(len(TOKENS), WIDTH, gain=8)
        output[[TOKENS.index(token) for token in ENDS]] *= 1.2
        return output

    def around(self) -> Tensors:
        """What comes before and after the layers."""
        return {
            "token_embd.weight": self.matrix(len(TOKENS), WIDTH, gain=WIDTH**0.5),
            "output_norm.weight": ones(WIDTH),
            "output.weight": self.ends(),
        }

    def attention(self) -> Tensors:
        return {
            "attn_norm.weight": ones(WIDTH),
            "attn_q.weight": self.matrix(WIDTH, WIDTH, gain=SHARPNESS),
            "attn_k.weight": self.matrix(WIDTH, WIDTH, gain=SHARPNESS),
            "attn_v.weight": self.matrix(WIDTH, WIDTH),
            "attn_output.weight": self.matrix(WIDTH, WIDTH),
        }

    def feed_forward(self) -> Tensors:
        return {
            "ffn_norm.weight": ones(WIDTH),
            "ffn_gate.weight": self.matrix(FEED_FORWARD, WIDTH),
            "ffn_up.weight": self.matrix(FEED_FORWARD, WIDTH),
            "ffn_down.weight": self.matrix(WIDTH, FEED_FORWARD),
        }

    def state_space(self) -> Tensors:
        """One Mamba layer, whose states fade after one token or after hundreds."""
        rates = np.tile(np.geomspace(0.002, 1, STATES, dtype=np.float32), (INNER, 1))
        return {
            "attn_norm.weight": ones(WIDTH),
            "ssm_in.weight": self.matrix(2 * INNER, WIDTH),
            "ssm_conv1d.weight": self.matrix(INNER, CONVOLUTION),
            "ssm_conv1d.bias": zeros(INNER),
            "ssm_x.weight": self.matrix(RANK + 2 * STATES, INNER, gain=2),
            "ssm_dt.weight": self.matrix(INNER, RANK),
            "ssm_dt.bias": zeros(INNER),
            "ssm_a": -rates,
            "ssm_d": ones(INNER),
            "ssm_out.weight": self.matrix(WIDTH, INNER, gain=2),
        }

    def bert_layer(self) -> Tensors:
        """With a bias for every matrix, and norms after what they belong to."""
        sizes = {"attn_q": WIDTH, "attn_k": WIDTH, "attn_v": WIDTH, "attn_output": WIDTH, "ffn_up": FEED_FORWARD}
        tensors = {f"{name}.weight": self.matrix(size, WIDTH) for name, size in sizes.items()}
        tensors |= {"ffn_down.weight": self.matrix(WIDTH, FEED_FORWARD)}
        tensors |= {f"{name}.bias": zeros(size) for name, size in {**sizes, "ffn_down": WIDTH}.items()}
        return tensors | norm("attn_output_norm") | norm("layer_output_norm")


def norm(name: str) -> Tensors:
    """A layer norm that leaves what it normalised as it is."""
    return {f"{name}.weight": ones(WIDTH), f"{name}.bias": zeros(WIDTH)}


def ones(size: int) -> Tensor:
    return np.ones(size, np.float32)


def zeros(size: int) -> Tensor:
    return np.zeros(size, np.float32)


def layer(number: int, *parts: Tensors) -> Tensors:
    return {f"blk.{number}.{name}": tensor for part in parts for name, tensor in part.items()}


# -- kinds

MEAN, LAST, RANK = 1, 3, 4
"""llama.cpp's kinds of pooling."""


def shape(*, layers: int) -> Metadata:
    return {
        "context_length": CONTEXT,
        "embedding_length": WIDTH,
        "block_count": layers,
        "feed_forward_length": FEED_FORWARD,
        "attention.head_count": HEADS,
        "attention.head_count_kv": HEADS,
        "attention.layer_norm_rms_epsilon": 1e-5,
    }


def state_space_shape() -> Metadata:
    sizes = {"conv_kernel": CONVOLUTION, "inner_size": INNER, "state_size": STATES, "time_step_rank": RANK}
    return {f"ssm.{name}": size for name, size in sizes.items()}


def sentencepiece(weights: Weights) -> tuple[Metadata, Tensors]:
    """Llama: every token is kept."""
    tensors = weights.around() | layer(0, weights.attention(), weights.feed_forward())
    return metadata("llama", shape(layers=1), tokenizer()), tensors


def sliding(weights: Weights) -> tuple[Metadata, Tensors]:
    """Gemma 3: the first layer of two looks back no further than `WINDOW` tokens."""
    tensors = weights.around()
    norms = {
        "attn_q_norm.weight": SHARPNESS * ones(WIDTH // HEADS),
        "attn_k_norm.weight": SHARPNESS * ones(WIDTH // HEADS),
        "post_attention_norm.weight": ones(WIDTH),
        "post_ffw_norm.weight": ones(WIDTH),
    }
    for number in range(2):
        tensors |= layer(number, weights.attention(), weights.feed_forward(), norms)
    window = {"attention.sliding_window": WINDOW, "attention.sliding_window_pattern": 2}
    return metadata("gemma3", {**shape(layers=2), **window}, tokenizer(add_space_prefix=False)), tensors


def recurrent(weights: Weights) -> tuple[Metadata, Tensors]:
    """Mamba: a sequence is one state."""
    tensors = weights.around()
    for number in range(2):
        tensors |= layer(number, weights.state_space())
    return metadata("mamba", {**shape(layers=2), **state_space_shape()}, tokenizer()), tensors


def hybrid(weights: Weights) -> tuple[Metadata, Tensors]:
    """Jamba: a Mamba layer, then one with attention."""
    norms = {"ssm_dt_norm.weight": ones(RANK), "ssm_b_norm.weight": ones(STATES), "ssm_c_norm.weight": ones(STATES)}
    tensors = weights.around()
    tensors |= layer(0, weights.state_space(), norms, weights.feed_forward())
    tensors |= layer(1, weights.attention(), weights.feed_forward())
    heads = {"attention.head_count_kv": [0, HEADS]}
    return metadata("jamba", {**shape(layers=2), **heads, **state_space_shape()}, tokenizer()), tensors


def bert(weights: Weights) -> tuple[Metadata, Tensors]:
    """BERT: every token sees those after it as well, and words come from a WordPiece vocabulary."""
    tensors = {
        "token_embd.weight": weights.matrix(len(WORD_PIECES), WIDTH, gain=WIDTH**0.5),
        "token_types.weight": weights.matrix(2, WIDTH),
        "position_embd.weight": weights.matrix(BERT_CONTEXT, WIDTH, gain=WIDTH**0.5),
        **norm("token_embd_norm"),
    }
    for number in range(2):
        tensors |= layer(number, weights.bert_layer())
    sizes = {
        **shape(layers=2),
        "context_length": BERT_CONTEXT,
        "attention.causal": False,
        "attention.layer_norm_epsilon": 1e-5,
        "pooling_type": MEAN,
    }
    return metadata("bert", sizes, word_pieces()), tensors


def t5_encoder(weights: Weights) -> tuple[Metadata, Tensors]:
    """What T5 reads with: llama.cpp runs it by another call than all others."""
    tensors = {
        "token_embd.weight": weights.matrix(len(TOKENS), WIDTH, gain=WIDTH**0.5),
        "enc.output_norm.weight": ones(WIDTH),
        "enc.blk.0.attn_rel_b.weight": weights.matrix(BUCKETS, HEADS),
    }
    for number in range(2):
        own = weights.attention() | weights.feed_forward()
        own["attn_o.weight"] = own.pop("attn_output.weight")
        tensors |= {f"enc.{name}": tensor for name, tensor in layer(number, own).items()}
    sizes = {
        **shape(layers=2),
        "attention.key_length": WIDTH // HEADS,
        "attention.value_length": WIDTH // HEADS,
        "attention.relative_buckets_count": BUCKETS,
        "pooling_type": MEAN,
    }
    return metadata("t5encoder", sizes, tokenizer()), tensors


def mean_of_llama(weights: Weights) -> tuple[Metadata, Tensors]:
    """A decoder whose vectors are the means of its tokens' ones."""
    return pooled(sentencepiece(weights), MEAN)


def last_of_llama(weights: Weights) -> tuple[Metadata, Tensors]:
    """A decoder whose vectors are those of the last tokens."""
    return pooled(sentencepiece(weights), LAST)


def plain_llama(weights: Weights) -> tuple[Metadata, Tensors]:
    """A decoder that was made to generate text."""
    return sentencepiece(weights)


def cross_encoder(weights: Weights) -> tuple[Metadata, Tensors]:
    """BERT with a classifier, which reads a query and a document together and gives one number."""
    fields, tensors = bert(weights)
    tensors |= {
        "cls.weight": weights.matrix(WIDTH, WIDTH),
        "cls.bias": zeros(WIDTH),
        "cls.output.weight": weights.matrix(1, WIDTH, gain=4),
        "cls.output.bias": ones(1),
    }
    return {**fields, "bert.pooling_type": RANK}, tensors


def judge(weights: Weights) -> tuple[Metadata, Tensors]:
    """Qwen 3 with a classifier of two answers and a template for pairs: the score is how likely the first one is."""
    fields, tensors = sentencepiece(weights)
    norms = {f"attn_{of}_norm.weight": SHARPNESS * ones(WIDTH // HEADS) for of in "qk"}
    tensors |= layer(0, norms) | {"cls.output.weight": weights.matrix(2, WIDTH)}
    named = {key.replace("llama.", "qwen3."): value for key, value in fields.items()}
    answers = {"qwen3.pooling_type": RANK, "qwen3.classifier.output_labels": ["yes", "no"]}
    template = {"tokenizer.chat_template.rerank": JUDGE_TEMPLATE}
    return {**named, "general.architecture": "qwen3", **answers, **template}, tensors


def pooled(model: tuple[Metadata, Tensors], pooling: int) -> tuple[Metadata, Tensors]:
    fields, tensors = model
    return {**fields, f"{fields['general.architecture']}.pooling_type": pooling}, tensors


KINDS: dict[str, Callable[[Weights], tuple[Metadata, Tensors]]] = {
    made.__name__: made for made in (sentencepiece, sliding, recurrent, hybrid)
}


EMBEDDING_KINDS: dict[str, Callable[[Weights], tuple[Metadata, Tensors]]] = {
    made.__name__: made for made in (bert, t5_encoder, mean_of_llama, last_of_llama, plain_llama)
}
"""Those that make vectors of texts."""


RERANK_KINDS: dict[str, Callable[[Weights], tuple[Metadata, Tensors]]] = {
    made.__name__: made for made in (cross_encoder, judge)
}
"""Those that score pairs of texts."""


def metadata(architecture: str, model: Metadata, tokenizer: Metadata) -> Metadata:
    return {
        "general.architecture": architecture,
        **{f"{architecture}.{key}": value for key, value in model.items()},
        **{f"tokenizer.{'' if key == 'chat_template' else 'ggml.'}{key}": value for key, value in tokenizer.items()},
    }


def write_kind(kind: str, folder: Path) -> Path:
    """The file of a model of this kind."""
    path = folder / f"{kind}.gguf"
    write_gguf(path, *KINDS[kind](Weights(SEEDS[kind])))
    return path


def write_embedding(kind: str, folder: Path) -> Path:
    """The file of a model that makes vectors."""
    path = folder / f"{kind}.gguf"
    write_gguf(path, *EMBEDDING_KINDS[kind](Weights(0)))
    return path


def write_rerank(kind: str, folder: Path) -> Path:
    """The file of a model that scores pairs of texts."""
    path = folder / f"{kind}.gguf"
    write_gguf(path, *RERANK_KINDS[kind](Weights(0)))
    return path


GAP_MARKS = ["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|repo_name|>", "<|file_sep|>"]
"""By their texts llama.cpp knows them."""


def write_infiller(folder: Path, *, marks: int = len(GAP_MARKS)) -> Path:
    """A model that knows so many of the marks around a gap: they are in the place of its longest words."""
    fields, tensors = sentencepiece(Weights(SEEDS["sentencepiece"]))
    kept = len(TOKENS) - marks
    fields["tokenizer.ggml.tokens"] = [*TOKENS[:kept], *GAP_MARKS[:marks]]
    fields["tokenizer.ggml.token_type"] = [*TOKEN_TYPES[:kept], *[CONTROL] * marks]
    path = folder / f"infiller-{marks}.gguf"
    write_gguf(path, fields, tensors)
    return path


def write_reciter(pieces: list[str], folder: Path) -> Path:
    """A model that says these tokens, of which none comes twice, and then ends: `BEGIN` is what it is to be asked.

    The layers add nothing, and what asks for a token is the embedding of the token before it.
    """
    fields, tensors = sentencepiece(Weights(0))
    for name in tensors:
        if name.endswith(("attn_output.weight", "ffn_down.weight")) or name == "output.weight":
            tensors[name][:] = 0
    said = [BEGIN, *map(TOKENS.index, pieces), TOKENS.index("</s>")]
    tensors["output.weight"][said[1:]] = tensors["token_embd.weight"][said[:-1]]
    path = folder / "reciter.gguf"
    write_gguf(path, fields, tensors)
    return path


# -- the file format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md

VERSION, ALIGNMENT, F32, F16 = 3, 32, 0, 1
UINT32, INT32, FLOAT32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
PACKING = {UINT32: "<I", INT32: "<i", FLOAT32: "<f", BOOL: "<?"}


def write_gguf(path: Path, fields: Mapping[str, Any], tensors: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write a GGUF file with tensors in float32, or in float16 where they are."""
    head = b"GGUF" + struct.pack("<IQQ", VERSION, len(tensors), len(fields))
    head += b"".join(_string(key) + _typed(value) for key, value in fields.items())
    data = b""
    for name, tensor in tensors.items():
        head += _string(name) + struct.pack("<I", tensor.ndim)
        head += b"".join(struct.pack("<Q", size) for size in reversed(tensor.shape))
        half = tensor.dtype == np.float16
        head += struct.pack("<IQ", F16 if half else F32, len(data))
        data += _padded(np.ascontiguousarray(tensor, "<f2" if half else "<f4").tobytes())
    path.write_bytes(_padded(head) + data)


def _typed(value: Any) -> bytes:
    """A field's type and value. Whole numbers are signed in arrays, as token types are."""
    if not isinstance(value, list):
        kind = _type_of(value)
        return struct.pack("<I", kind) + _packed(value, kind)
    kind = INT32 if isinstance(value[0], int) else _type_of(value[0])
    items = b"".join(_packed(item, kind) for item in value)
    return struct.pack("<IIQ", ARRAY, kind, len(value)) + items


def _type_of(value: Any) -> int:
    types = {bool: BOOL, int: UINT32, float: FLOAT32, str: STRING}
    return types[type(value)]


def _packed(value: Any, kind: int) -> bytes:
    return _string(value) if kind == STRING else struct.pack(PACKING[kind], value)


def _string(text: str) -> bytes:
    """A text, in which a surrogate stands for a byte that is no UTF-8."""
    data = text.encode(errors="surrogateescape")
    return struct.pack("<Q", len(data)) + data


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % ALIGNMENT)
