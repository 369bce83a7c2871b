"""The catalogue and its file."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from tasks.errors import InvalidRequest, ModelNotFound
from tasks.models.adapters import AdapterFile
from tasks.models.catalogue import DEMO, FAKE_PATH, Catalogue, CatalogueError, ModelEntry, gguf_path, kind_for, load
from tasks.models.hub import HubFile
from tasks.models.key_types import LONGEST_SECONDS as YEARS
from tasks.records.job import Operation

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_models(text: str) -> Path:
        path = tmp_path / "models.yaml"
        path.write_text(text)
        return path

    return write_models


def entry(write: Write, fields: str) -> ModelEntry:
    return load(write(f"models: {{one: {{path: one.gguf, {fields}}}}}"))["one"]


def test_without_a_file_there_is_the_demo_model_alone() -> None:
    catalogue = load(None)
    assert dict(catalogue) == {"demo": DEMO}
    assert gguf_path(catalogue["demo"]).is_file()


def test_a_file_names_its_models(write: Write) -> None:
    catalogue = load(write("models:\n  small: {path: a.gguf}\n  large: {path: b.gguf, slots: 4}\n"))
    assert list(catalogue) == ["small", "large"]
    assert len(catalogue) == 2
    assert catalogue["large"].slots == 4


def test_a_relative_path_is_meant_from_the_file(write: Write, tmp_path: Path) -> None:
    catalogue = load(write("models: {one: {path: weights/one.gguf}, two: {path: /srv/two.gguf}}"))
    assert gguf_path(catalogue["one"]) == tmp_path / "weights/one.gguf"
    assert gguf_path(catalogue["two"]) == Path("/srv/two.gguf")


def test_a_file_that_is_named_by_a_relative_path_leads_to_absolute_ones(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("models: {one: {path: weights/one.gguf}}")
    monkeypatch.chdir(tmp_path)
    assert gguf_path(load(Path("models.yaml"))["one"]) == tmp_path / "weights/one.gguf"


def test_a_path_may_begin_at_home(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/llama")
    assert load(write("models: {one: {path: ~/one.gguf}}"))["one"].path == "/home/llama/one.gguf"


@pytest.mark.parametrize("built_in", ["demo", "fake"])
def test_a_built_in_model_is_no_path(write: Write, built_in: str) -> None:
    assert load(write(f"models: {{one: {{path: {built_in}}}}}"))["one"].path == built_in


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10m", 600),
        ("90", 90),
        ("90s", 90),
        ("1.5h", 5400),
        ("'2 m'", 120),
        ("45", 45),
        ("0.5", 0.5),
        ("99999999h", YEARS),
        ("999999999999", YEARS),
    ],
)
def test_a_duration_may_have_a_unit(write: Write, text: str, seconds: float) -> None:
    assert entry(write, f"keep_alive: {text}").keep_alive == seconds


def test_the_cache_holds_every_slot_unless_it_is_said_otherwise(write: Write) -> None:
    assert entry(write, "slots: 4, context: 512").cache_tokens == 2048
    assert entry(write, "slots: 4, context: 512, kv_tokens: 1000").cache_tokens == 1000


@pytest.mark.parametrize(("slots", "lookahead"), [(1, 1), (8, 1), (16, 2), (128, 16)])
def test_a_worker_looks_ahead_by_an_eighth_of_its_slots(slots: int, lookahead: int) -> None:
    assert ModelEntry(path="x", slots=slots).lookahead == lookahead


def test_what_a_model_can_be_asked_for_is_a_matter_of_its_kind() -> None:
    assert DEMO.operations == set(Operation) - {Operation.EMBEDDING, Operation.RERANK}
    embedding = DEMO.model_copy(update={"kind": "embedding"})
    tokens = {Operation.TOKENIZE, Operation.DETOKENIZE, Operation.TOKENIZER_INFO}
    assert embedding.operations == {Operation.EMBEDDING} | tokens
    assert DEMO.model_copy(update={"kind": "rerank"}).operations == {Operation.RERANK} | tokens


def test_each_operation_has_a_kind_of_models() -> None:
    kinds = {operation: kind_for(operation) for operation in Operation}
    assert kinds.pop(Operation.EMBEDDING) == "embedding"
    assert kinds.pop(Operation.RERANK) == "rerank"
    assert set(kinds.values()) == {"generative"}


@pytest.mark.parametrize("kind", ["embedding", "rerank"])
def test_a_model_that_does_not_generate_has_no_cache_to_size(write: Write, kind: str) -> None:
    with pytest.raises(CatalogueError, match="leave kv_tokens out"):
        entry(write, f"kind: {kind}, kv_tokens: 8192")


def test_special_tokens_in_contents_are_read_for_those_models_alone_that_say_so(write: Write) -> None:
    assert not entry(write, "slots: 4").special_tokens_in_content
    assert entry(write, "special_tokens_in_content: true").special_tokens_in_content
    with pytest.raises(CatalogueError, match="leave special_tokens_in_content out"):
        entry(write, "kind: embedding, special_tokens_in_content: true")


def test_an_entry_does_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        DEMO.slots = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("models: {one: {path: x, slots: 0}}", r"models\.one\.slots"),
        ("models: {one: {path: x, slots: 129}}", r"models\.one\.slots"),
        ("models: {one: {path: x, slots: many}}", r"models\.one\.slots"),
        ("models: {one: {path: x, context: 10}}", r"models\.one\.context"),
        ("models: {one: {path: x, kv_tokens: 10}}", r"models\.one\.kv_tokens"),
        ("models: {one: {path: x, context: 100, kv_tokens: 99}}", r"models\.one\.kv_tokens: it is less than context"),
        ("models: {one: {path: x, keep_alive: 0}}", r"models\.one\.keep_alive"),
        ("models: {one: {path: x, keep_alive: 3d}}", r"models\.one\.keep_alive"),
        ("models: {one: {path: x, workers: {max: 0}}}", r"models\.one\.workers\.max"),
        ("models: {one: {path: x, workers: {min: 3, max: 2}}}", r"models\.one\.workers\.max: it is 2, less than"),
        ("models: {one: {path: x, workers: {most: 3}}}", r"models\.one\.workers\.most"),
        ("models: {one: {slots: 4}}", r"models\.one\.path"),
        ("models: {one: {path: x, colour: red}}", r"models\.one\.colour"),
        ("models: {one: x}", r"models\.one"),
        ("models: {batches: {path: x}}", "'batches' is reserved for a queue"),
        ("models: {webhooks: {path: x}}", "'webhooks' is reserved for a queue"),
        ("models: {'no spaces': {path: x}}", r"models\.no spaces"),
        ("models: {-dash: {path: x}}", r"models\.-dash"),
        ("models: {" + "x" * 65 + ": {path: x}}", "64 at most"),
        ("models: {}", "models is empty"),
        ("modells: {one: {path: x}}", "modells"),
        ("", "models.yaml is empty"),
        ("models: [", r"models\.yaml, line 1, column 10: this is not YAML"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_and_the_place_is_named(write: Write, text: str, place: str) -> None:
    path = write(text)
    with pytest.raises(CatalogueError, match=place) as caught:
        load(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("models: {one: {path: x, slotz: 4}}", "models.one.slotz is not a key of a model; did you mean slots?"),
        ("models: {one: {path: x, KV_Token: 4}}", "KV_Token is not a key of a model; did you mean kv_tokens?"),
        ("models: {one: {path: x, workers: {mim: 1}}}", "mim is not a key of workers; did you mean min?"),
        ("models: {one: {path: x, workers: {least: 1}}}", "least is not a key of workers; there are min, max"),
        ("models: {one: {path: x, colour: red}}", "colour is not a key of a model; there are path, sha256, kind, "),
        ("modelz: {one: {path: x}}", "modelz is not a key of the file; did you mean models?"),
        ("models: {one: {path: x}}\nversion: 1", "version is not a key of the file; the only one is models"),
    ],
)
def test_an_unknown_key_is_told_with_the_one_that_was_meant(write: Write, text: str, said: str) -> None:
    with pytest.raises(CatalogueError, match=re.escape(said)):
        load(write(text))


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"nowhere\.yaml cannot be read"):
        load(tmp_path / "nowhere.yaml")


def test_all_faults_of_a_file_are_told_at_once(write: Write) -> None:
    with pytest.raises(CatalogueError, match=r"models\.a\.slots.*models\.b\.context"):
        load(write("models: {a: {path: x, slots: 0}, b: {path: x, context: 1}}"))


@pytest.mark.parametrize("name", ["Qwen2.5-0.5B_q8", "7b", "x" * 64])
def test_the_names_that_models_have_are_allowed(write: Write, name: str) -> None:
    assert list(load(write(f"models: {{{name}: {{path: x}}}}"))) == [name]


def test_a_model_is_found_by_its_name() -> None:
    assert Catalogue({"demo": DEMO}).find("demo") is DEMO


def test_an_unknown_model_is_refused_with_a_list_of_those_there_are() -> None:
    with pytest.raises(ModelNotFound, match=r"no model 'gpt'.*has: a, b") as caught:
        Catalogue({"b": DEMO, "a": DEMO}).find("gpt")
    assert caught.value.param == "model"


def test_a_very_long_name_is_not_repeated_in_full() -> None:
    with pytest.raises(ModelNotFound) as caught:
        Catalogue({"demo": DEMO}).find("x" * 10_000)
    assert len(caught.value.message) < 200


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "models: {a: {path: 'hf://owner/file.gguf'}}",
            "models.a.path: the path of a model on the Hugging Face",
        ),
        (
            "models: {a: {path: 'hf://owner/repo/../x.gguf'}}",
            "models.a.path: the path of a model on the Hugging Face",
        ),
        ("models: {a: {path: 'https://x.test/y.gguf'}}", "models.a.path: a model must be a file"),
        ("models: {a: {path: x.gguf}, a: {path: y.gguf}}", "the key 'a' occurs twice"),
        ("models: {a: {path: x.gguf, keep_alive: .inf}}", "models.a.keep_alive"),
    ],
)
def test_what_would_pass_unnoticed_is_refused(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "models.yaml").write_text(content)
    with pytest.raises(CatalogueError, match=re.escape(said)):
        load(tmp_path / "models.yaml")


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_bytes(b"models: {a: {path: \xff}}")
    with pytest.raises(CatalogueError, match="line 1: byte 0xff is not UTF-8"):
        load(tmp_path / "models.yaml")


def test_a_path_of_the_hub_stays_as_it_is(write: Write) -> None:
    entry = load(write("models: {a: {path: 'hf://owner/repo@v2/sub/file.gguf'}}"))["a"]
    assert entry.path == "hf://owner/repo@v2/sub/file.gguf"
    assert HubFile.parse(entry.path) == HubFile("owner/repo", "sub/file.gguf", "v2")


def test_a_split_model_has_all_its_parts() -> None:
    assert HubFile.parse("hf://o/r/m-00001-of-00003.gguf").files == (
        "m-00001-of-00003.gguf",
        "m-00002-of-00003.gguf",
        "m-00003-of-00003.gguf",
    )
    assert HubFile.parse("hf://o/r/m.gguf").files == ("m.gguf",)
    assert HubFile.parse("hf://o/r/m-00001-of-00000.gguf").files == ("m-00001-of-00000.gguf",), "no model has no file"


def test_a_model_that_is_not_there_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(ModelNotFound, match=r"There is no model 'dmo'\. Did you mean 'demo'\? This server has: demo\."):
        load(None).find("dmo")


EMBEDDER = ModelEntry(path="fake", kind="embedding")


def test_a_model_is_found_by_an_alias_and_goes_by_its_own_name(write: Write) -> None:
    models = load(write("models: {a: {path: fake, aliases: ['owner/model:Q8_0'], tags: [code]}, b: {path: fake}}"))
    assert models.name_of("owner/model:Q8_0") == models.asked("owner/model:Q8_0", Operation.CHAT) == "a"
    assert models["a"].tags == ("code",)


@pytest.mark.parametrize(
    "content",
    [
        "models: {a: {path: fake, aliases: [b]}, b: {path: fake}}",
        "models: {a: {path: fake, aliases: [x]}, b: {path: fake, aliases: [x]}}",
        "models: {a: {path: fake, aliases: ['x y']}}",
    ],
)
def test_an_alias_that_is_no_name_or_anothers_is_refused(write: Write, content: str) -> None:
    with pytest.raises(CatalogueError, match="alias"):
        load(write(content))


def test_a_request_without_a_model_means_the_only_one_of_the_kind() -> None:
    models = Catalogue({"a": DEMO, "v": EMBEDDER})
    assert models.asked("", Operation.CHAT) == models.asked("", Operation.TOKENIZE) == "a"
    assert models.asked("", Operation.EMBEDDING) == "v"
    assert Catalogue({"v": EMBEDDER}).asked("", Operation.TOKENIZE) == "v"
    for several in (Catalogue({"a": DEMO, "b": DEMO}), Catalogue({"v": EMBEDDER})):
        with pytest.raises(InvalidRequest, match=r"of kind 'generative'\. This server has: ") as refused:
            several.asked("", Operation.CHAT)
        assert refused.value.param == "model"


def test_the_only_model_of_a_kind_answers_for_names_that_are_not_there() -> None:
    models = Catalogue({"a": DEMO, "b": DEMO, "v": EMBEDDER}).answering_any_name()
    assert models.asked("text-embedding-3-small", Operation.EMBEDDING) == "v"
    with pytest.raises(ModelNotFound, match="This server has: a, b, v"):
        models.asked("gpt-4", Operation.CHAT)
    with pytest.raises(ModelNotFound):
        models.only({"a", "b"}.__contains__).asked("text-embedding-3-small", Operation.EMBEDDING)
    with pytest.raises(ModelNotFound):
        Catalogue({"a": DEMO}).asked("gpt-4", Operation.CHAT)
    assert models.only({"a"}.__contains__).asked("", Operation.CHAT) == "a"


def test_a_checksum_is_one_for_each_file(write: Write) -> None:
    digits = "0123456789ABCDEF" * 4
    assert entry(write, f"sha256: '{digits}'").sha256 == (digits.lower(),)
    split = load(
        write(f"models: {{big: {{path: hf://o/r/big-00001-of-00002.gguf, sha256: ['{digits}', '{digits}']}}}}")
    )
    assert split["big"].sha256 == (digits.lower(),) * 2
    assert ModelEntry.model_validate(split["big"].written()) == split["big"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ("path: a.gguf, sha256: abc", "sha256: it must be 64 hexadecimal digits, in quotes"),
        ("path: a.gguf, sha256: 12", "sha256: it must be 64 hexadecimal digits, in quotes"),
        (f"path: a.gguf, sha256: ['{'a' * 64}', '{'b' * 64}']", "the model has 1 file, and there are 2 sums"),
        (f"path: a-00001-of-00002.gguf, sha256: '{'a' * 64}'", "the model has 2 files, and there are 1 sums"),
        (f"path: demo, sha256: '{'a' * 64}'", "demo is no file of yours: leave sha256 out"),
    ],
)
def test_a_checksum_that_is_none_is_told(write: Write, fields: str, words: str) -> None:
    with pytest.raises(CatalogueError, match=re.escape(words)):
        load(write(f"models: {{one: {{{fields}}}}}"))


ADAPTERS = {name: AdapterFile(path=f"{name}.gguf") for name in ("a", "b.c")}
ADAPTED = Catalogue(
    {
        "chat": ModelEntry(path=FAKE_PATH, aliases=["me/chat:8b"], adapters=ADAPTERS),
        "plain": ModelEntry(path=FAKE_PATH),
    }
)


@pytest.mark.parametrize(
    ("name", "own", "adapter"),
    [
        ("chat", "chat", None),
        ("chat:a", "chat", "a"),
        ("chat:b.c", "chat", "b.c"),
        ("me/chat:8b", "chat", None),
        ("me/chat:8b:a", "chat", "a"),
        ("plain", "plain", None),
    ],
)
def test_a_name_may_have_an_adapter_behind_the_models(name: str, own: str, adapter: str | None) -> None:
    assert (ADAPTED.name_of(name), ADAPTED.adapter_of(name)) == (own, adapter)
    assert ADAPTED.asked(name, Operation.CHAT) == own


@pytest.mark.parametrize("name", ["chat:c", "plain:a", "chat:", ":a", "chat:a:a", "a"])
def test_a_name_with_an_adapter_that_the_model_lacks_is_none(name: str) -> None:
    with pytest.raises(ModelNotFound):
        ADAPTED.name_of(name)


def test_models_are_listed_with_each_of_their_adapters() -> None:
    assert ADAPTED.listed == {"chat": "chat", "chat:a": "chat", "chat:b.c": "chat", "plain": "plain"}
    assert list(ADAPTED.only(lambda name: name == "plain").listed) == ["plain"]


def test_the_only_model_answers_for_any_name_but_not_for_an_adapter_that_it_lacks() -> None:
    only = ADAPTED.only(lambda name: name == "chat").answering_any_name()
    assert only.asked("gpt-4o", Operation.CHAT) == only.asked("gpt-4o:latest", Operation.CHAT) == "chat"
    with pytest.raises(ModelNotFound, match="gpt-4o:a"):
        only.asked("gpt-4o:a", Operation.CHAT)
    with pytest.raises(ModelNotFound, match="Did you mean 'chat:a'"):
        only.asked("chat:aa", Operation.CHAT)
