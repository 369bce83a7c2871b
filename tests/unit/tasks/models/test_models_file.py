"""What is wrong with models.yaml is told with its line, as it is written there, and in no library's words."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tasks.models.accepted import accept
from tasks.models.catalogue import Catalogue, CatalogueError, load
from tasks.models.engine_keys import ONE_KIND_ONLY

ONE = "models:\n  one:\n    path: x\n    "
LIBRARIES_WORDS = re.compile(
    r"Input should|Extra inputs|Value error|type=|Field required|<\w[\w ]*>|unicode string|Errno"
)
NO_ADAPTER = "must be the path of a GGUF adapter file, or a mapping with path and scale"
KEYS = "path, sha256, kind, slots, context, kv_tokens, share_prefixes, special_tokens_in_content, workers"
KEYS += ", answer_cache, keep_alive, priority, aliases, tags, sampling, chat_template_kwargs"
KEYS += ", threads, threads_batch, gpu_layers, main_gpu"
KEYS += ", tensor_split, flash_attention, cache_type_k, cache_type_v, mmap, mlock, batch_tokens, ubatch_tokens"
KEYS += ", rope_scaling, rope_scale, rope_freq_base, yarn_orig_context, chat_template, speculation, prefix_cache"
KEYS += ", adapters, pooling"
NAMES = "a mapping with each model by its name, indented under it"


def read(tmp_path: Path, content: str | bytes) -> Catalogue:
    path = tmp_path / "models.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return load(path)


def fault(tmp_path: Path, content: str | bytes) -> str:
    """What is said, after the file's full path."""
    with pytest.raises(CatalogueError) as caught:
        read(tmp_path, content)
    said = str(caught.value)
    assert said.startswith(str(tmp_path / "models.yaml"))
    assert not LIBRARIES_WORDS.search(said)
    assert said.isprintable()
    return said.removeprefix(str(tmp_path / "models.yaml")).lstrip(", ")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (ONE + "Slotz: 4", "line 4: models.one.Slotz is not a key of a model; did you mean slots?"),
        (ONE + "9: 4", f"line 4: models.one.9 is not a key of a model; there are {KEYS}"),
        (ONE + "workers: {mim: 1}", "line 4: models.one.workers.mim is not a key of workers; did you mean min?"),
        ("models:\n  one: {slots: 4}", "line 2: models.one.path is missing"),
        (
            "# mine\n\nmodelz: 1",
            "line 1: models is missing; line 3: modelz is not a key of the file; did you mean models?",
        ),
    ],
)
def test_a_key_is_told_as_it_is_written_with_the_nearest_that_there_is(tmp_path: Path, content: str, said: str) -> None:
    assert fault(tmp_path, content) == said


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("slots: 0", "slots is '0': it must be a whole number from 1 to 128"),
        ("slots: 0x100", "slots is '0x100': it must be a whole number from 1 to 128"),
        ("slots: many", "slots is 'many': it must be a whole number from 1 to 128"),
        ("slots: 4.5", "slots is '4.5': it must be a whole number from 1 to 128"),
        ("slots: yes", "slots is 'yes': it must be a whole number from 1 to 128"),
        ("slots:", "slots is empty: it must be a whole number from 1 to 128"),
        ("slots: [1]", "slots is a list: it must be a whole number from 1 to 128"),
        ("context: {a: 1}", "context is a mapping: it must be a whole number of 64 or more"),
        ("kv_tokens: 10", "kv_tokens is '10': it must be a whole number of 64 or more"),
        ("kv_tokens: 99", "kv_tokens: it is less than context: a full sequence would not fit"),
        ("kind: text", "kind is 'text': it must be generative, embedding or rerank"),
        ("share_prefixes: none", "share_prefixes is 'none': it must be owner or all"),
        ("special_tokens_in_content: some", "special_tokens_in_content is 'some': it must be true or false"),
        ("keep_alive: 3d", "keep_alive: it must be seconds, or a number with s, m or h, such as 10m"),
        ("answer_cache: 3d", "answer_cache: it must be seconds, or a number with s, m or h, such as 10m"),
        ("keep_alive: .inf", "keep_alive is '.inf': it must be a number above 0"),
        ("aliases: x", "aliases: it must be a list of texts"),
        ("tags: [1]", "tags: it must be a list of texts"),
        ("chat_template_kwargs: x", "chat_template_kwargs: it must be a mapping with each variable by its name"),
        (
            "chat_template_kwargs: {day: 2026-11-30}",
            "chat_template_kwargs: it must have values that JSON has; put a date into quotes",
        ),
        (
            "chat_template_kwargs: {a: [.nan]}",
            "chat_template_kwargs: it must have values that JSON has; put a date into quotes",
        ),
        ("sampling: {temperature: 9}", "sampling.temperature is '9': it must be a number from 0 to 2"),
        ("sampling: {top_q: 1}", "sampling.top_q is not a key of sampling; did you mean top_p?"),
        ("workers: 3", "workers is '3': it must be a mapping with the keys min, max"),
        ("workers: {min: 3, max: 2}", "workers.max: it is 2, less than workers.min"),
        ("workers: {min: 3}", "workers.max: it is 1, less than workers.min"),
        ("priority: high", "priority is 'high': it must be a whole number from -1000 to 1000"),
        ("threads: 0", "threads is '0': it must be a whole number from 1 to 1024"),
        ("threads_batch: all", "threads_batch is 'all': it must be a whole number from 1 to 1024"),
        ("gpu_layers: -2", "gpu_layers is '-2': it must be a whole number from -1 to 10000"),
        ("main_gpu: 16", "main_gpu is '16': it must be a whole number from 0 to 15"),
        ("tensor_split: 3", "tensor_split: it must be a list of numbers of 0 or more, one for each GPU"),
        ("tensor_split: [1, -1]", "tensor_split: it must be a list of numbers of 0 or more, one for each GPU"),
        ("tensor_split: [.nan]", "tensor_split: it must be a list of numbers of 0 or more, one for each GPU"),
        ("tensor_split: [0, 0]", "tensor_split: it must have a number above 0, and 16 numbers at most"),
        ("flash_attention: maybe", "flash_attention is 'maybe': it must be on, off or auto"),
        (
            "cache_type_k: q8_1",
            "cache_type_k is 'q8_1': it must be f32, f16, bf16, q8_0, q5_1, q5_0, q4_1, q4_0 or iq4_nl",
        ),
        ("cache_type_v: 8", "cache_type_v is '8': it must be f32, f16, bf16, q8_0, q5_1, q5_0, q4_1, q4_0 or iq4_nl"),
        ("mmap: maybe", "mmap is 'maybe': it must be true or false"),
        ("mlock: 2", "mlock is '2': it must be true or false"),
        ("batch_tokens: 63", "batch_tokens is '63': it must be a whole number from 64 to 16384"),
        ("ubatch_tokens: 0", "ubatch_tokens is '0': it must be a whole number from 32 to 16384"),
        ("adapters: [a]", "adapters: it must be a mapping with each adapter by its name"),
        ("adapters: {a b: c}", "adapters: an adapter's name may have letters, digits, '.', '_' and '-', 64 at most"),
        ("adapters: {a: {path: b, size: 1}}", "adapters: a: size is not a key of an adapter; there are path, scale"),
        ("adapters: {a: {path: b, scale: .inf}}", "adapters: a: scale must be a number from -100 to 100"),
        ("adapters: {a: {scale: 1}}", f"adapters: a {NO_ADAPTER}"),
        ("ubatch_tokens: 600", "ubatch_tokens: it is more than batch_tokens, which is 512"),
        ("rope_scaling: ntk", "rope_scaling is 'ntk': it must be none, linear or yarn"),
        ("rope_scale: 0.5", "rope_scale is '0.5': it must be a number from 1 to 128"),
        ("rope_scale: 4", "rope_scale: set rope_scaling to linear or yarn with it, by which positions are scaled"),
        ("rope_freq_base: 0", "rope_freq_base is '0': it must be a number above 0"),
        ("yarn_orig_context: 4096", "yarn_orig_context: it is for rope_scaling: yarn: leave yarn_orig_context out"),
        ("chat_template: ''", "chat_template is empty: it must be a text"),
        ("pooling: mean", "pooling: only an embedding model makes vectors: leave pooling out"),
    ],
)
def test_a_value_is_told_as_it_is_written_with_what_it_may_be(tmp_path: Path, line: str, said: str) -> None:
    assert fault(tmp_path, ONE + line) == f"line 4: models.one.{said}"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            ("flash_attention: off", "cache_type_v: q8_0"),
            "cache_type_v: values in q8_0 need flash attention: leave flash_attention out, or take f16",
        ),
        (
            ("main_gpu: 0", "tensor_split: [1, 1]"),
            "tensor_split: main_gpu puts all layers on one GPU: leave one of the two out",
        ),
        (
            ("slots: 65", "batch_tokens: 64"),
            "batch_tokens: it is less than slots: each sequence takes a token of a step",
        ),
        (("kind: embedding", "pooling: rank"), "pooling is 'rank': it must be mean, cls, last or none"),
        (("kind: rerank", "pooling: cls"), "pooling: only an embedding model makes vectors: leave pooling out"),
        *(
            ((f"kind: {kind}", f"{key}: {value}"), f"{key}: {ONE_KIND_ONLY['generative'][key]}: leave {key} out")
            for kind in ("embedding", "rerank")
            for key, value in {
                "threads_batch": 2, "cache_type_k": "f16", "cache_type_v": "f16", "ubatch_tokens": 64,
                "chat_template": "'{{ x }}'", "speculation": "lookup", "prefix_cache": "4GiB",
                "adapters": "{a: b.gguf}",
            }.items()
        ),
    ],
)  # fmt: skip
def test_keys_that_do_not_go_together_are_told(tmp_path: Path, lines: tuple[str, str], said: str) -> None:
    assert fault(tmp_path, ONE + "\n    ".join(lines)) == f"line 5: models.one.{said}"
    assert read(tmp_path, ONE + lines[0])["one"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("models:\n  one: {path: yes}", "line 2: models.one.path is 'yes': it must be a text; put it into quotes"),
        ("models:\n  one: {path: [x]}", "line 2: models.one.path is a list: it must be a text"),
        ("models:\n  one:\n", f"line 2: models.one is empty: it must be a mapping with the keys {KEYS}"),
        ("models:\n  one: x", f"line 2: models.one is 'x': it must be a mapping with the keys {KEYS}"),
        ("\nmodels:", f"line 2: models is empty: it must be {NAMES}"),
        ("models: {}", f"line 1: models is empty: it must be {NAMES}"),
        ("models: [1]", f"line 1: models is a list: it must be {NAMES}"),
        ("- 1", "line 1: the file is a list: it must be a mapping with the key models"),
        ("x", "line 1: the file is 'x': it must be a mapping with the key models"),
        (
            "models:\n  a b: {path: x}",
            "line 2: models.a b: a model's name may have letters, digits, '.', '_' and '-', 64 at most",
        ),
    ],
)
def test_what_stands_where_something_else_must_is_told(tmp_path: Path, content: str, said: str) -> None:
    assert fault(tmp_path, content) == said


@pytest.mark.parametrize("content", ["", "# nothing\n", "---\n"])
def test_an_empty_file_is_told_what_it_must_have(tmp_path: Path, content: str) -> None:
    said = "is empty: it must have the key models and, indented under it, each model by its name"
    assert fault(tmp_path, content).strip() == said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("models:\n\tone: 1", "line 2, column 1: this is not YAML: a tab cannot indent a line; use spaces"),
        (
            "models:\n  one: path: x",
            "line 2, column 12: this is not YAML: there is a ':' too many: look at how far the line is indented, "
            "and put a value that has ': ' into quotes",
        ),
        (
            "models:\n  one:\n    path: x\n   slots: 2",
            "line 4, column 4: this is not YAML: the line is indented otherwise than those beside it "
            "(what began in line 2)",
        ),
        ("models: {a: 1", "line 1, column 14: this is not YAML: a '}' or a ',' is missing"),
        ("models: [", "line 1, column 10: this is not YAML: the file ends before it is whole"),
        ("a: 'x\n", "line 2, column 1: this is not YAML: a quote is not closed (what began in line 1)"),
        ("a: @x", "line 1, column 4: this is not YAML: a value cannot begin with '@'; put it into quotes"),
        ("a: *b", "line 1, column 4: this is not YAML: there is no anchor for the alias 'b'"),
        ("a: !b c", "line 1, column 4: this is not YAML: a tag (!) cannot be used here"),
        ("a: 1\nb\nc: 1", "line 3, column 1: this is not YAML: a key has no ':' after it (what began in line 2)"),
        (
            "---\na: 1\n---\nb: 1",
            "line 3, column 1: this is not YAML: a second document begins; take out the '---' (what began in line 2)",
        ),
        ("a: 1\nb: \x00", "line 2: the character U+0000 cannot be in YAML"),
        ("[a]: 1", "line 1: a key must be a text, and not a list or a mapping"),
        (
            "models:\n  a: {path: x}\n  b: {path: x}\n  a: {path: y}",
            "line 4: the key 'a' occurs twice; first in line 2",
        ),
        (ONE + "path: y", "line 4: the key 'path' occurs twice; first in line 3"),
        (b"models:\n  a: {path: \xff}", "line 2: byte 0xff is not UTF-8; save the file as UTF-8"),
        ("models: {}".encode("utf-16"), "cannot be read: it is UTF-16; save it as UTF-8"),
    ],
)
def test_what_is_no_yaml_is_told_with_its_place(tmp_path: Path, content: str | bytes, said: str) -> None:
    assert fault(tmp_path, content).strip() == said


def test_a_folder_and_a_file_that_is_missing_are_told_with_the_full_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for path, reason in ((Path(), "is a directory"), (Path("none.yaml"), "no such file or directory")):
        with pytest.raises(CatalogueError) as caught:
            load(path)
        assert str(caught.value) == f"{tmp_path / path} cannot be read: {reason}"


def test_all_faults_are_told_in_the_order_of_their_lines(tmp_path: Path) -> None:
    text = "models:\n  a:\n    colour: red\n    path: x\n    slots: 0\n  b: {path: x, context: 1}"
    lines = re.findall(r"line (\d+): (models\.[\w.]+)", fault(tmp_path, text))
    assert lines == [("3", "models.a.colour"), ("5", "models.a.slots"), ("6", "models.b.context")]


def test_a_long_value_is_cut(tmp_path: Path) -> None:
    assert len(fault(tmp_path, ONE + "slots: " + "9x" * 5000)) < 400


def test_a_name_is_what_is_written_also_where_yaml_reads_something_else(tmp_path: Path) -> None:
    assert list(read(tmp_path, "models: {on: {path: x}, 7: {path: y}, 1.50: {path: z}}")) == ["on", "7", "1.50"]


def test_entries_may_share_keys_by_a_merge(tmp_path: Path) -> None:
    text = "models:\n  a: &a {path: x, slots: 4}\n  b:\n    <<: *a\n    slots: 8"
    models = read(tmp_path, text)
    assert (models["a"].slots, models["b"].slots) == (4, 8)
    assert models["b"].path == models["a"].path
    assert fault(tmp_path, text + "0000").startswith("line 5: models.b.slots is '80000'")


NO_VALUE = "this is not YAML: this has no value; put it into quotes if it is a text"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (ONE + "tags: [2026-13-45]", f"line 4, column 12: {NO_VALUE}"),
        (ONE + "slots: " + "1" * 5000, f"line 4, column 12: {NO_VALUE}"),
        (ONE + "slots: !!int many", f"line 4, column 12: {NO_VALUE}"),
        (ONE + "mmap: !!bool perhaps", f"line 4, column 11: {NO_VALUE}"),
        (ONE + "tags: [0x_]", f"line 4, column 12: {NO_VALUE}"),
        (ONE + "tags: !!map x", f"line 4: {NO_VALUE}"),
        (ONE + r'tags: ["\U00110000"]', f"line 4: {NO_VALUE}"),
        (ONE + r'tags: ["\uD800"]', r"line 4: '\ud800' has half a character"),
        ("[" * 5000, "cannot be read: its brackets are nested too deeply"),
    ],
)
def test_what_the_parser_fails_at_is_a_fault_of_the_file(tmp_path: Path, content: str, said: str) -> None:
    """Or whoever reads the file again while it serves would end by it."""
    assert fault(tmp_path, content).strip() == said


def test_a_file_that_may_never_end_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "models.yaml"
    os.mkfifo(path)
    with pytest.raises(CatalogueError, match="it is no file"):
        load(path)


@pytest.mark.parametrize("path", ["~nobody-of-that-name/x.gguf", "/" + "x" * 300 + ".gguf"])
def test_a_path_that_no_system_takes_is_told_as_one_that_is_not_there(tmp_path: Path, path: str) -> None:
    file = tmp_path / "models.yaml"
    file.write_text(f"models: {{one: {{path: {path}}}}}")
    with pytest.raises(CatalogueError, match="These models have no file: one "):
        accept(file)
