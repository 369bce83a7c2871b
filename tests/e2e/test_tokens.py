"""``/tokenize``, ``/detokenize`` and ``/apply-template``, and that they do not wait in the line."""

from __future__ import annotations

import pytest

from tests.support.cluster import Cluster, chat
from tests.support.waiting import until

TEXT = "<|im_start|>user\nWhat is 12 + 7?<|im_end|>\n"


def test_a_text_becomes_tokens_and_tokens_the_text(cluster: Cluster) -> None:
    tokens = cluster.http.post("/tokenize", json={"model": "demo", "content": TEXT}).json()["tokens"]
    assert all(isinstance(token, int) for token in tokens)
    assert cluster.http.post("/detokenize", json={"model": "demo", "tokens": tokens}).json() == {
        "content": TEXT,
        "prompt": TEXT,
    }
    pieces = cluster.http.post("/tokenize", json={"model": "demo", "content": TEXT, "with_pieces": True}).json()
    assert "".join(token["piece"] for token in pieces["tokens"]) == TEXT
    assert [token["id"] for token in pieces["tokens"]] == tokens


def test_vllms_names_are_known_as_well_and_the_only_model_need_not_be_named(cluster: Cluster) -> None:
    def tokens(**body: object) -> object:
        return cluster.http.post("/tokenize", json=body).json()["tokens"]

    for special in (False, True):
        expected = tokens(model="demo", content=TEXT, add_special=special)
        assert tokens(model="demo", prompt=TEXT, add_special_tokens=special) == expected
        assert tokens(prompt=TEXT, add_special_tokens=special) == expected
    assert tokens(prompt=TEXT) == tokens(content=TEXT, add_special=True)
    both = cluster.http.post("/tokenize", json={"content": TEXT, "prompt": TEXT})
    assert (both.status_code, both.json()["error"]["param"]) == (400, "prompt")
    neither = cluster.http.post("/tokenize", json={})
    assert (neither.status_code, neither.json()["error"]["param"]) == (400, "content")


def test_a_tokenizer_tells_its_special_tokens_and_its_chat_template(cluster: Cluster) -> None:
    told = cluster.http.get("/tokenizer_info").json()
    assert told == cluster.http.get("/tokenizer_info?model=demo").json()
    assert told["eos_token"] == "<|im_end|>"
    assert "<|im_start|>" in told["chat_template"]
    assert set(told) == {"bos_token", "eos_token", "pad_token", "add_bos_token", "chat_template"}
    assert cluster.http.get("/tokenizer_info?model=none").status_code == 404


def test_a_part_of_a_character_is_told_as_bytes(cluster: Cluster) -> None:
    body = {"model": "demo", "content": "\N{LLAMA}", "with_pieces": True}
    pieces = [token["piece"] for token in cluster.http.post("/tokenize", json=body).json()["tokens"]]
    assert bytes(byte for piece in pieces for byte in piece).decode() == "\N{LLAMA}"


def test_control_tokens_are_only_read_if_asked_for(cluster: Cluster) -> None:
    def count(**more: bool) -> int:
        body = {"model": "demo", "content": "<|im_end|>", **more}
        return len(cluster.http.post("/tokenize", json=body).json()["tokens"])

    assert count() == 1
    assert count(parse_special=False) > 1


def test_a_conversation_becomes_a_prompt(cluster: Cluster) -> None:
    answer = cluster.http.post("/apply-template", json=chat("What is 12 + 7?"))
    assert answer.json() == {"prompt": TEXT + "<|im_start|>assistant\n"}
    assert answer.headers["X-Job-Id"]


def test_a_prompt_of_token_ids_is_completed_as_its_text_is(cluster: Cluster) -> None:
    prompt = cluster.http.post("/apply-template", json=chat("What is 12 + 7?")).json()["prompt"]
    tokens = cluster.http.post("/tokenize", json={"model": "demo", "content": prompt}).json()["tokens"]

    def complete(given: object) -> list[str]:
        body = {"model": "demo", "prompt": given, "temperature": 0}
        return [choice["text"] for choice in cluster.http.post("/v1/completions", json=body).json()["choices"]]

    assert complete(prompt) == complete(tokens) == ["12 + 7 = 19."]
    assert complete([prompt, prompt.replace("7", "5")]) == ["12 + 7 = 19.", "12 + 5 = 17."]
    assert complete([tokens, tokens]) == ["12 + 7 = 19."] * 2


def test_choices_of_several_prompts_stand_in_order(cluster: Cluster) -> None:
    body = {"model": "demo", "prompt": ["One", "Two"], "n": 2, "echo": True, "max_tokens": 2}
    answer = cluster.http.post("/v1/completions", json=body).json()
    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2, 3]
    assert [choice["text"][:3] for choice in answer["choices"]] == ["One", "One", "Two", "Two"]
    assert answer["usage"]["completion_tokens"] == 8


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/detokenize", {"tokens": [10**8]}, "tokens"),
        ("/detokenize", {"tokens": [-1]}, "tokens.0"),
        ("/tokenize", {"content": 5}, "content"),
        ("/v1/completions", {"prompt": [10**8]}, "prompt"),
        ("/v1/completions", {"prompt": ["a"] * 65, "n": 2}, "n"),
        ("/v1/completions", {"prompt": [[5] * 900] * 8, "echo": True, "logprobs": 20}, "logprobs"),
        ("/v1/completions", {"prompt": "Hi", "max_tokens": -2}, "max_tokens"),
        ("/v1/completions", {"prompt": ["a", {}]}, "prompt"),
    ],
)
def test_what_makes_no_sense_is_refused(cluster: Cluster, path: str, body: dict[str, object], param: str) -> None:
    answer = cluster.http.post(path, json={"model": "demo", **body})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_tokens_are_told_while_every_slot_is_taken_and_the_line_is_long(cluster: Cluster) -> None:
    endless = chat("Tell me a long story about a bear.", ignore_eos=True, max_tokens=900)
    jobs = [cluster.submit(endless)["id"] for _ in range(30)]
    until(lambda: cluster.job(jobs[8])["status"] == "running", what="the slots are taken")
    assert cluster.http.post("/tokenize", json={"model": "demo", "content": "Hi"}, timeout=5).status_code == 200
    assert cluster.job(jobs[-1])["status"] == "queued"
    for job in jobs:
        cluster.http.post(f"/jobs/{job}/cancel")
