"""llama-server's own calls, against a real cluster with the demo model."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import pytest
from openai import OpenAI

from tests.support.cluster import Cluster

ASKED: dict[str, Any] = {"prompt": "The capital of France is", "temperature": 0, "n_predict": 4}


def complete(cluster: Cluster, **fields: Any) -> Any:
    answer = cluster.http.post("/completion", json={**ASKED, **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


def streamed(cluster: Cluster, **fields: Any) -> Iterator[Any]:
    with cluster.http.stream("POST", "/completions", json={**ASKED, **fields, "stream": True}) as answer:
        for line in answer.iter_lines():
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))


def tokens(cluster: Cluster, text: str) -> list[int]:
    found: list[int] = cluster.http.post("/tokenize", json={"content": text, "add_special": True}).json()["tokens"]
    return found


def test_an_answer_tells_how_it_was_made(cluster: Cluster) -> None:
    answer = complete(cluster, return_tokens=True, seed=7, top_k=5)
    assert answer["content"] == cluster.http.post("/v1/completions", json={**ASKED}).json()["choices"][0]["text"]
    assert (answer["stop"], answer["stop_type"], answer["stopping_word"]) == (True, "limit", "")
    assert (answer["tokens_predicted"], len(answer["tokens"]), answer["truncated"]) == (4, 4, False)
    assert answer["tokens_evaluated"] == len(tokens(cluster, ASKED["prompt"]))
    assert (answer["prompt"], answer["model"], answer["has_new_line"]) == (ASKED["prompt"], "demo", False)
    settings = answer["generation_settings"]
    assert (settings["n_predict"], settings["seed"], settings["top_k"], settings["temperature"]) == (4, 7, 5, 0)
    timings = answer["timings"]
    assert timings["prompt_n"] + timings["cache_n"] == answer["tokens_evaluated"]
    assert (timings["predicted_n"], timings["prompt_ms"] > 0) == (4, True)
    assert complete(cluster)["tokens"] == []


def test_a_stream_has_the_same_text_and_ends_with_the_figures(cluster: Cluster) -> None:
    *pieces, end = streamed(cluster)
    assert "".join(piece["content"] for piece in pieces) == complete(cluster)["content"]
    assert [token for piece in pieces for token in piece["tokens"]] == complete(cluster, return_tokens=True)["tokens"]
    assert all(piece["stop"] is False for piece in pieces)
    assert (end["stop"], end["content"], end["tokens_predicted"], end["timings"]["predicted_n"]) == (True, "", 4, 4)


def test_a_prompt_may_be_ids_or_both_mixed_or_several(cluster: Cluster) -> None:
    text = ASKED["prompt"]
    ids = tokens(cluster, text)
    whole = complete(cluster)["content"]
    assert complete(cluster, prompt=ids)["content"] == whole
    assert complete(cluster, prompt={"prompt_string": text})["content"] == whole
    several = complete(cluster, prompt=[ids, text, {"prompt_string": text}])
    assert [(each["index"], each["content"]) for each in several] == [(0, whole), (1, whole), (2, whole)]
    mixed = complete(cluster, prompt=["The capital", *ids[2:], " of"])
    assert mixed["tokens_evaluated"] > len(ids) - 2
    assert mixed["prompt"].endswith(" of"), "what the tokens say is told"


def test_an_answer_tells_why_it_ended(cluster: Cluster) -> None:
    stopped = complete(cluster, prompt="Count to 12. 1, 2, 3,", n_predict=-1, stop=["nowhere", ","])
    assert (stopped["stop_type"], stopped["stopping_word"]) == ("word", ",")
    *_, end = streamed(cluster, prompt="Count to 12. 1, 2, 3,", n_predict=-1, stop=[","])
    assert (end["stop_type"], end["stopping_word"]) == ("word", ",")
    full = complete(cluster, n_predict=-1, ignore_eos=True)
    assert (full["truncated"], full["stop_type"]) == (True, "limit")


def test_probabilities_are_told_with_ids(cluster: Cluster) -> None:
    answer = complete(cluster, n_probs=5, return_tokens=True)
    told = answer["completion_probabilities"]
    assert [each["id"] for each in told] == answer["tokens"]
    for each in told:
        assert each["top_logprobs"][0]["id"] == each["id"], "greedy takes the likeliest"
        assert len(each["top_logprobs"]) == 5
        assert sum(math.exp(one["logprob"]) for one in each["top_logprobs"]) <= 1.001
        assert bytes(each["bytes"]).decode() == each["token"]
    *pieces, end = streamed(cluster, n_probs=5)
    assert [len(piece["completion_probabilities"]) for piece in pieces] == [1] * 4
    assert "".join(piece["content"] for piece in pieces) == answer["content"]
    assert [one["id"] for piece in pieces for one in piece.get("completion_probabilities", ())] == answer["tokens"]
    assert "completion_probabilities" not in end


def test_only_the_fields_that_are_asked_for_are_told(cluster: Cluster) -> None:
    answer = complete(cluster, response_fields=["content", "generation_settings/n_predict", "nothing", "prompt/x"])
    assert answer == {"content": complete(cluster)["content"], "generation_settings/n_predict": 4}


@pytest.mark.parametrize("form", [lambda text: [[text, False]], lambda text: {text: -100}])
def test_tokens_are_forbidden_by_their_texts(cluster: Cluster, form: Any) -> None:
    word = complete(cluster, n_predict=1)["content"]
    answer = complete(cluster, n_predict=1, logit_bias=form(word))
    assert answer["content"] != word
    assert answer["generation_settings"]["logit_bias"][0]["token"] == word


def test_what_asks_for_nothing_here_is_taken_and_named(cluster: Cluster) -> None:
    sent = {"cache_prompt": True, "id_slot": -1, "n_keep": 4, "samplers": ["top_k"], "speculative.n_max": 16}
    for path, asked in (("/completion", ASKED), ("/v1/completions", {"prompt": "Hi", "n_predict": 2})):
        answer = cluster.http.post(path, json={**asked, **sent})
        assert answer.status_code == 200
        assert answer.headers["X-Unused-Parameters"].split(", ") == ["n_keep", "samplers", "speculative.n_max"]
    refused = cluster.http.post("/completion", json={**ASKED, "mirostat": 2})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "mirostat")


def test_a_completion_is_a_job(cluster: Cluster) -> None:
    answer = cluster.http.post("/completion", json=ASKED)
    job = cluster.job(answer.headers["X-Job-Id"])
    assert (job["status"], job["result"]["choices"][0]["text"]) == ("succeeded", answer.json()["content"])


def test_an_answer_goes_on_the_assistants_last_message(cluster: Cluster) -> None:
    asked = [{"role": "user", "content": "What is the capital of Peru?"}]
    messages = [*asked, {"role": "assistant", "content": "The capital of"}]
    prompt = cluster.http.post("/apply-template", json={"messages": messages}).json()["prompt"]
    assert prompt == cluster.http.post("/apply-template", json={"messages": asked}).json()["prompt"] + "The capital of"
    answer = cluster.http.post("/v1/chat/completions", json={"messages": messages, "temperature": 0}).json()
    assert answer["choices"][0]["message"]["content"].strip() == "Peru is Lima."


def test_a_models_properties_are_what_clients_ask_first(cluster: Cluster) -> None:
    props = cluster.http.get("/props").json()
    assert props["chat_template"] == cluster.http.get("/tokenizer_info").json()["chat_template"]
    assert (props["total_slots"], props["model_alias"], props["model_path"]) == (8, "demo", "demo.gguf")
    assert props["default_generation_settings"]["n_ctx"] == 1024
    assert props["default_generation_settings"]["params"]["temperature"] == 0.8
    assert props["is_sleeping"] is False
    unknown = cluster.http.get("/props?model=none")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "model_not_found")


def test_slots_are_those_of_live_workers(cluster: Cluster) -> None:
    slots = cluster.http.get("/slots?fail_on_no_slot=1").json()
    assert [(slot["id"], slot["n_ctx"]) for slot in slots] == [(number, 1024) for number in range(8)]
    assert all(slot["is_processing"] in (True, False) for slot in slots)


def test_the_list_of_models_tells_their_sizes(cluster: Cluster) -> None:
    (model,) = cluster.http.get("/v1/models").json()["data"]
    assert model["meta"]["n_ctx_train"] >= 1024
    assert model["meta"]["n_params"] > 0
    assert model["meta"]["size"] > model["meta"]["n_params"] / 2


def test_a_chats_tokens_are_counted_without_an_answer(cluster: Cluster) -> None:
    asked = {"messages": [{"role": "user", "content": "What is 12 + 7?"}], "temperature": 0}
    counted = cluster.http.post("/chat/completions/input_tokens", json={**asked, "stream": True}).json()
    usage = cluster.http.post("/v1/chat/completions", json=asked).json()["usage"]
    assert counted == {"object": "response.input_tokens", "input_tokens": usage["prompt_tokens"]}


def test_probabilities_may_be_those_that_the_token_was_drawn_by(cluster: Cluster) -> None:
    drawn = {"prompt": "Tell me", "temperature": 1, "seed": 3, "min_p": 0, "top_p": 1, "n_probs": 10}
    told = complete(cluster, **drawn, top_k=4, post_sampling_probs=True, return_tokens=True)
    before = complete(cluster, **drawn, top_k=4, return_tokens=True)
    assert told["tokens"] == before["tokens"], "what is told changes no draw"
    for each, other in zip(told["completion_probabilities"], before["completion_probabilities"], strict=True):
        top = each["top_probs"]
        assert len(top) <= 4
        assert sum(one["prob"] for one in top) == pytest.approx(1, abs=1e-4)
        assert each["prob"] in [one["prob"] for one in top]
        assert [one["id"] for one in top] == [one["id"] for one in other["top_logprobs"][: len(top)]]
    greedy = complete(cluster, n_probs=3, post_sampling_probs=True)["completion_probabilities"]
    assert [(one["prob"], len(one["top_probs"])) for one in greedy] == [(1, 1)] * 4


PROMPTS: dict[str, dict[str, Any]] = {
    "/completion": {"n_predict": 2},
    "/v1/completions": {"max_tokens": 2},
    "/v1/chat/completions": {"max_tokens": 2, "stream_options": {"include_usage": True}},
    "/v1/responses": {"max_output_tokens": 2},
}


def asked(path: str, said: str) -> dict[str, Any]:
    """The body of a stream."""
    prompts: dict[str, dict[str, Any]] = {
        "/v1/chat/completions": {"messages": [{"role": "user", "content": said}]},
        "/v1/responses": {"input": said},
    }
    return {**PROMPTS[path], **prompts.get(path, {"prompt": said}), "model": "demo", "stream": True}


@pytest.mark.parametrize("path", PROMPTS)
def test_a_stream_tells_how_far_the_prompt_has_been_read(cluster: Cluster, path: str) -> None:
    body = asked(path, f"{path}. " + "Count to 12. " * 40)

    def frames(**fields: Any) -> list[dict[str, Any]]:
        with cluster.http.stream("POST", path, json={**body, **fields}) as answer:
            assert "X-Unused-Parameters" not in answer.headers
            lines = [line.removeprefix("data: ") for line in answer.iter_lines() if line.startswith("data: {")]
        return [json.loads(line) for line in lines]

    made = frames(return_progress=True)
    told = [frame["prompt_progress"] for frame in made if "prompt_progress" in frame]
    first, *_, last = told
    assert first["cache"] == first["processed"] < first["total"]
    assert last["processed"] == last["total"] == first["total"] > 100
    assert [each["processed"] for each in told] == sorted({each["processed"] for each in told})
    assert "prompt_progress" not in made[-1]
    again = [frame["prompt_progress"] for frame in frames(return_progress=True) if "prompt_progress" in frame]
    assert again[0]["cache"] == again[0]["processed"] > 0, "the prompt was kept"
    assert not any("prompt_progress" in frame for frame in frames())


@pytest.mark.parametrize("path", PROMPTS)
def test_every_piece_of_a_stream_tells_the_times_so_far(cluster: Cluster, path: str) -> None:
    body = {**asked(path, "Tell me a story about a llama."), "timings_per_token": True}
    (limit,) = {"n_predict", "max_tokens", "max_output_tokens"} & set(PROMPTS[path])
    with cluster.http.stream("POST", path, json={**body, limit: 12}) as answer:
        assert "X-Unused-Parameters" not in answer.headers
        lines = [line.removeprefix("data: ") for line in answer.iter_lines() if line.startswith("data: {")]
    frames = [json.loads(line) for line in lines]
    told = [frame["timings"] for frame in frames if "timings" in frame]
    predicted = [each["predicted_n"] for each in told]
    assert len(told) > 1
    assert predicted == sorted(predicted)
    assert predicted[-1] == 12
    assert len({(each["prompt_n"], each["cache_n"]) for each in told}) == 1
    assert all(each["prompt_ms"] > 0 for each in told)
    assert told[-1]["predicted_ms"] > 0
    if path == "/v1/chat/completions":
        assert ["timings" in frame for frame in frames] == [False] + [True] * (len(frames) - 1)


def test_the_official_client_reads_a_stream_with_progress(cluster: Cluster) -> None:
    client = OpenAI(base_url=f"{cluster.url}/v1", api_key="none")
    stream = client.chat.completions.create(
        model="demo",
        messages=[{"role": "user", "content": "What is the capital of Peru?"}],
        stream=True,
        temperature=0,
        extra_body={"return_progress": True},
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
    assert text.strip() == "The capital of Peru is Lima."


def test_tokens_that_are_ignored_are_told_as_forbidden(cluster: Cluster) -> None:
    answer = complete(cluster, ignore_eos=True)
    biases = answer["generation_settings"]["logit_bias"]
    assert [bias["bias"] for bias in biases] == [None] * len(biases)
    ids = cluster.http.post("/tokenize", json={"content": "<|im_end|>"}).json()["tokens"]
    assert ids[0] in [bias["token"] for bias in biases]
    assert complete(cluster)["generation_settings"]["logit_bias"] == []


def test_two_messages_of_the_assistant_at_the_end_are_refused(cluster: Cluster) -> None:
    said = [{"role": role, "content": "Hi"} for role in ("user", "assistant", "assistant")]
    refused = cluster.http.post("/v1/chat/completions", json={"messages": said})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "messages")
    taken = cluster.http.post("/v1/chat/completions", json={"messages": said, "continue_final_message": False})
    assert taken.status_code == 200
