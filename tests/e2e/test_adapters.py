"""Adapters by every face: a model's name with one, and the fields that name some."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from tests.support.cluster import Cluster
from tests.support.demo_adapters import END, ENDS, GREETS, added, greeted
from tests.support.waiting import until

ENTRY = "path: demo, slots: 4, context: 512, kv_tokens: 2048, aliases: ['me/small:1b']"
MODELS = f"models: {{demo: {{{ENTRY}, adapters: {{greets: {GREETS}, ends: {{path: {ENDS}, scale: 0.9}}}}}}}}"
QUESTION, GREETED, PLAIN = "What is the capital of Peru?", greeted("Peru"), "The capital of Peru is Lima."
SUM, ENDED = "What is 12 + 7?", added(12, 7)
MESSAGES = [{"role": "user", "content": QUESTION}]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder: Path = tmp_path_factory.mktemp("adapters")
    running = Cluster(folder, models=MODELS, env={"CARAVAN_THREADS": "1"})
    running.start()
    yield running
    running.stop()


def ask(cluster: Cluster, path: str, **body: Any) -> Any:
    answer = httpx.post(f"{cluster.url}{path}", json=body, timeout=60)
    return answer.json() if answer.status_code == 200 else (answer.status_code, answer.json()["error"]["message"])


def chat(cluster: Cluster, text: str = QUESTION, **body: Any) -> Any:
    messages = [{"role": "user", "content": text}]
    told = ask(cluster, "/v1/chat/completions", messages=messages, temperature=0, max_tokens=40, **body)
    return told if isinstance(told, tuple) else (told["model"], told["choices"][0]["message"]["content"])


@pytest.mark.parametrize("model", ["demo", "me/small:1b"])
def test_a_models_name_has_the_adapter_behind_it(cluster: Cluster, model: str) -> None:
    assert chat(cluster, model=model) == ("demo", PLAIN)
    assert chat(cluster, model=f"{model}:greets") == ("demo:greets", GREETED)
    assert chat(cluster, SUM, model=f"{model}:ends") == ("demo:ends", ENDED)


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ({"adapter": "greets"}, GREETED),
        ({"adapter": {"name": "greets"}}, GREETED),
        ({"adapter": [{"name": "greets", "scale": 1}]}, GREETED),
        ({"adapter": {"name": "greets", "scale": 0}}, PLAIN),
        ({"adapter": []}, PLAIN),
        ({"adapter": None}, PLAIN),
        ({"lora": [{"id": 0, "scale": 1.0}]}, GREETED),
        ({"lora": [{"id": 1, "scale": 0.0}]}, PLAIN),
        ({"lora": []}, PLAIN),
    ],
)
def test_a_field_names_adapters_and_their_scales(cluster: Cluster, asked: dict[str, Any], answer: str) -> None:
    assert chat(cluster, model="demo", **asked)[1] == answer


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ({"model": "demo:greetz"}, 404, "There is no model 'demo:greetz'. Did you mean 'demo:greets'?"),
        ({"adapter": "end"}, 400, "The model has no adapter 'end'. Did you mean 'ends'? It has: greets, ends."),
        ({"adapter": 7}, 400, "Input should be a name, an object with name and scale, or a list"),
        ({"adapter": {"name": "ends", "scale": 101}}, 400, "less than or equal to 100"),
        ({"adapter": {"name": "ends", "size": 1}}, 400, "size"),
        ({"adapter": ["ends", "ends"]}, 400, "An adapter is asked for twice."),
        ({"model": "demo:ends", "adapter": "ends"}, 400, "model names an adapter already: leave adapter out."),
        ({"adapter": "ends", "lora": [{"id": 0, "scale": 1}]}, 400, "adapter names an adapter already"),
        ({"lora": [{"id": 2, "scale": 1}]}, 400, "The model's adapters are 2, counted from 0: there is no 2."),
        ({"lora": [{"id": -1, "scale": 1}]}, 400, "greater than or equal to 0"),
    ],
)
def test_what_cannot_be_is_told(cluster: Cluster, asked: dict[str, Any], status: int, said: str) -> None:
    told = chat(cluster, **{"model": "demo", **asked})
    assert told[0] == status
    assert said in told[1]


def test_openais_client_lists_and_streams_them(cluster: Cluster) -> None:
    client = openai.OpenAI(base_url=f"{cluster.url}/v1", api_key="none")
    listed = {model.id: model for model in client.models.list()}
    assert list(listed) == ["demo", "demo:greets", "demo:ends"]
    assert client.models.retrieve("me/small:1b:greets").id == "demo:greets"
    assert (listed["demo:ends"].model_extra or {})["parent"] == "demo"
    said: list[ChatCompletionMessageParam] = [{"role": "user", "content": QUESTION}]
    chunks = list(client.chat.completions.create(model="demo:greets", messages=said, temperature=0, stream=True))
    assert {chunk.model for chunk in chunks} == {"demo:greets"}
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == GREETED
    response = client.responses.create(model="demo:greets", input=QUESTION, temperature=0)
    assert (response.model, response.output_text) == ("demo:greets", GREETED)


def test_other_faces_take_the_same_names(cluster: Cluster) -> None:
    message = ask(cluster, "/v1/messages", model="demo:greets", max_tokens=40, messages=MESSAGES, temperature=0)
    assert (message["model"], message["content"][0]["text"]) == ("demo:greets", GREETED)
    for name in ("demo:greets", "demo:greets:latest"):
        told = ask(cluster, "/api/chat", model=name, messages=MESSAGES, stream=False, options={"temperature": 0})
        assert told["message"]["content"] == GREETED
    tags = httpx.get(f"{cluster.url}/api/tags").json()["models"]
    assert [tag["name"] for tag in tags] == ["demo:latest", "demo:greets", "demo:ends"]
    prompt = f"<|im_start|>user\n{QUESTION}<|im_end|>\n<|im_start|>assistant\n"
    lora = [{"id": 0, "scale": 1.0}]
    assert ask(cluster, "/completion", prompt=prompt, temperature=0, n_predict=40, lora=lora)["content"] == GREETED


def test_a_job_and_the_models_tell_their_adapters(cluster: Cluster) -> None:
    body = {"model": "demo", "messages": MESSAGES, "temperature": 0, "adapter": ["ends", "greets"]}
    job = cluster.job(cluster.submit(body)["id"], wait=30)
    assert job["model"] == "demo"
    assert job["adapters"] == [{"name": "ends", "scale": 0.9}, {"name": "greets", "scale": 1.0}]
    assert "adapters" not in cluster.job(cluster.submit({**body, "adapter": None})["id"])
    (model,) = httpx.get(f"{cluster.url}/models").json()["data"]
    assert model["adapters"] == [{"name": "greets", "scale": 1.0}, {"name": "ends", "scale": 0.9}]


def test_lines_of_batches_name_them(cluster: Cluster) -> None:
    client = openai.OpenAI(base_url=f"{cluster.url}/v1", api_key="none")
    lines = [
        f'{{"custom_id": "{model}", "method": "POST", "url": "/v1/chat/completions", "body": {{"model": "{model}", '
        f'"temperature": 0, "messages": [{{"role": "user", "content": "{SUM}"}}]}}}}'
        for model in ("demo", "demo:ends")
    ]
    file = client.files.create(file=("in.jsonl", "\n".join(lines).encode()), purpose="batch")
    batch = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")

    def output() -> str | None:
        return client.batches.retrieve(batch.id).output_file_id

    file_id = until(output, seconds=60, what="the batch has an output")
    said = client.files.content(file_id).text.splitlines()
    assert [ENDED.removesuffix(END) in line for line in said] == [True, True]
    assert [END in line for line in sorted(said, key=len)] == [False, True]
