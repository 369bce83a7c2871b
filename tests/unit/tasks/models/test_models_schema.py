"""The schema of models.yaml is current, and agrees with what reads the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.models.catalogue import CatalogueError, ModelEntry, load
from tasks.models.models_schema import schema

COPY = Path(__file__).parents[4] / "docs" / "models.schema.json"
VALIDATOR = jsonschema.Draft202012Validator(schema())

NO_FILES = ["hf://o/r//f.gguf", "hf://o/r/x//f.gguf", "hf://o/r/./f.gguf", "hf://o/r@../f.gguf", "hf://o/r@./f.gguf"]
PATHS = ["demo", "a/b.gguf", "hf://o/r/f.gguf", "hf://o/r@v1/x/f.gguf", "hf://o/r@.v/.x/..f.gguf"]
VALUES: dict[str, tuple[list[Any], list[Any]]] = {
    "path": (
        PATHS,
        ["https://x/y.gguf", "hf://o/f.gguf", "hf://o/r/../f.gguf", "hf://o/r/x/../f.gguf", *NO_FILES, 7, None, []],
    ),
    "kind": (["generative", "embedding", "rerank"], ["text", None, 1]),
    "slots": ([1, 16, 64], [0, 129, 4.5, True, "many", None]),
    "context": ([64, 512], [63, -1, "x", None, {}]),
    "kv_tokens": ([4096, 100_000, None], [63, 1.5, "x", []]),
    "share_prefixes": (["owner", "all"], ["none", None, True]),
    "special_tokens_in_content": ([True, False], ["some", 2, None]),
    "workers": ([{}, {"min": 0}, {"min": 1, "max": 3}], [3, None, {"mim": 1}, {"min": -1}, {"max": 0}, {"max": "x"}]),
    "keep_alive": ([1, 0.5, "10m", "2 h", "1.5s", "90"], [0, -1, "3d", "0", "0.0 m", "", None, "m", True]),
    "answer_cache": ([1, "1h", "0.5s", None], [0, -1, "3d", "0", "on", True, []]),
    "priority": ([-1000, 0, 7], [1001, "high", None, 1.5]),
    "aliases": ([[], ["a/b:c"], ["ü", "x" * 256]], ["x", [1], ["a b"], [""], ["x" * 257], None]),
    "tags": ([[], ["code"]], ["x", [None], ["a b"], {}]),
    "sampling": (
        [{}, {"temperature": 0.6, "top_k": -1}, {"seed": 1, "max_tokens": 5}, {"top_p": None}],
        [3, None, {"temperature": 9}, {"top_q": 1}, {"top_p": 0}, {"seed": -1}, {"top_k": -2}, {"min_p": "x"}],
    ),
    "chat_template_kwargs": ([{}, {"a": [1, None]}], ["x", [1], None]),
    "threads": ([1, 1024, None], [0, 1025, "x", True, 2.5]),
    "threads_batch": ([1, 64, None], [0, 1025, []]),
    "gpu_layers": ([-1, 0, 10_000, None], [-2, 10_001, "all"]),
    "main_gpu": ([0, 15, None], [-1, 16, "x"]),
    "tensor_split": ([[1], [3, 1], [0, 0.5]], [3, [], [0], [-1, 2], ["x"], [True], [1] * 17, None, [1e9]]),
    "flash_attention": (["on", "off", "auto", True, False, None], ["maybe", 1, []]),
    "cache_type_k": (["f32", "q8_0", "iq4_nl"], ["q8_1", "F16", None, 8]),
    "cache_type_v": (["f16", "bf16", "q4_0"], ["q2_K", None, True]),
    "mmap": ([True, False, None], ["maybe", 2, []]),
    "mlock": ([True, False], ["maybe", 2, None]),
    "batch_tokens": ([64, 16_384, None], [63, 16_385, "x"]),
    "ubatch_tokens": ([32, 64, None], [31, 16_385, 1.5]),
    "rope_scaling": (["none", "linear", "yarn", None], ["longrope", True, 2]),
    "rope_scale": ([1, None], [0.5, 129, "x"]),
    "rope_freq_base": ([10_000, 1e6, None], [0, -1, "x"]),
    "yarn_orig_context": ([None], [63, "x", 0.5]),
    "chat_template": (["{{ messages }}", None], ["", 7, []]),
    "speculation": (["auto", "lookup", "off", False, None], ["on", True, 3]),
    "prefix_cache": (
        [
            None,
            "off",
            False,
            "4GiB",
            "512M",
            1 << 20,
            {"memory": "1GiB"},
            {"memory": 1 << 30, "folder": "/var/cache", "disk": "20GiB"},
        ],
        [
            "much",
            True,
            5,
            [],
            {},
            {"folder": "x", "disk": "1GiB"},
            {"memory": "1GiB", "folder": "x"},
            {"memory": "1GiB", "disk": "1GiB"},
            {"memory": "1GiB", "disc": "1GiB"},
            1 << 51,
            -1,
            {"memory": "1GiB", "folder": "", "disk": "1GiB"},
            {"memory": None},
            {"memory": True},
        ],
    ),
    "adapters": (
        [{}, {"a": "b.gguf"}, {"a.b-c": {"path": "hf://o/r/f.gguf", "scale": -0.5}, "d": {"path": "x"}}],
        [None, [], {"a b": "c"}, {"a": 1}, {"a": {}}, {"a": {"path": "x", "scale": 101}}, {"a": "http://x"}, {"a": ""}],
    ),
    "sha256": (["a" * 64, ["A0" * 32]], ["a" * 63, "g" * 64, 5, [["a" * 64]]]),
    "pooling": (["mean", "cls", "last", "none", None], ["rank", 1]),
}
"""Good and bad values of each key, such that good ones fit the good ones of other keys where a schema cannot tell."""


def is_read(folder: Path, body: Any) -> bool:
    path = folder / "models.yaml"
    path.write_text(json.dumps(body))  # which is YAML too
    try:
        load(path)
    except CatalogueError:
        return False
    return True


def test_the_copy_in_the_docs_is_current() -> None:
    assert json.loads(COPY.read_text()) == schema(), "caravan models schema > docs/models.schema.json"


def test_it_is_a_schema_and_every_key_has_its_words() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    known = schema()["$defs"]["ModelEntry"]["properties"]
    assert set(known) == set(ModelEntry.model_fields) == set(VALUES)
    assert {key for key, told in known.items() if "description" not in told} == {"workers", "sampling"}


@pytest.mark.parametrize("key", VALUES)
def test_both_take_good_values_and_refuse_bad_ones(key: str, tmp_path: Path) -> None:
    kind = {"kind": "embedding"} if key == "pooling" else {}
    for good, values in zip((True, False), VALUES[key], strict=True):
        for value in values:
            path = "a/b.gguf" if key == "sha256" else "demo"
            body = {"models": {"one": {"path": path, **kind, key: value}}}
            assert (VALIDATOR.is_valid(body), is_read(tmp_path, body)) == (good, good), value


@pytest.mark.parametrize(
    ("body", "good"),
    [
        ({"models": {"7b": {"path": "demo"}, "A.b_c-d": {"path": "demo"}}}, True),
        ({"models": {"x" * 64: {"path": "demo"}}}, True),
        ({"models": {"x" * 65: {"path": "demo"}}}, False),
        ({"models": {"a b": {"path": "demo"}}}, False),
        ({"models": {"-a": {"path": "demo"}}}, False),
        ({"models": {"batches": {"path": "demo"}}}, False),
        ({"models": {"webhooks": {"path": "demo"}}}, False),
        ({"models": {"one": {}}}, False),
        ({"models": {"one": {"path": "demo", "slotz": 4}}}, False),
        ({"models": {"one": "demo"}}, False),
        ({"models": {}}, False),
        ({"models": None}, False),
        ({"models": [1]}, False),
        ({"modelz": {"one": {"path": "demo"}}}, False),
        ({"models": {"one": {"path": "demo"}}, "version": 1}, False),
        ([], False),
    ],
)
def test_both_agree_on_names_and_on_the_file_itself(body: Any, good: bool, tmp_path: Path) -> None:
    assert (VALIDATOR.is_valid(body), is_read(tmp_path, body)) == (good, good)


@given(data=st.data())
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_both_agree_on_entries_of_many_keys(data: st.DataObject, tmp_path: Path) -> None:
    """Those of one kind alone, quantised values without flash attention, and a GPU beside shares among them.

    How many sums belong to a path, no schema tells.
    """
    keys = data.draw(st.sets(st.sampled_from(sorted(VALUES.keys() - {"sha256"})), max_size=8)) | {"path"}
    bad = data.draw(st.sampled_from([None, None, None, *sorted(keys)]))
    entry = {key: data.draw(st.sampled_from(VALUES[key][key == bad])) for key in sorted(keys)}
    body = {"models": {"one": entry}}
    assert VALIDATOR.is_valid(body) == is_read(tmp_path, body)
