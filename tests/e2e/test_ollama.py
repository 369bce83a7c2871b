"""Ollama's calls: the `ollama` package, unmodified, and what it does not show, against a real cluster."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any

import ollama
import pytest
from langchain_ollama import OllamaEmbeddings
from pydantic import BaseModel

from tests.support.cluster import Cluster
from tests.support.waiting import until

GREEDY = {"temperature": 0}
WEATHER = [{"role": "user", "content": "What is the weather in Paris?"}]
MODELS = """
models:
  demo: {path: demo, slots: 8, context: 1024, kv_tokens: 8192, aliases: [teacher]}
  slow: {path: fake, slots: 8, context: 512}
  vectors: {path: fake, kind: embedding, slots: 8, context: 128}
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    running = Cluster(tmp_path_factory.mktemp("ollama"), models=MODELS, env={"CARAVAN_THREADS": "1"})
    running.start()
    yield running
    running.stop()
    assert running.processes() == []


@pytest.fixture
def client(cluster: Cluster) -> Iterator[ollama.Client]:
    with ollama.Client(host=cluster.url) as client:
        yield client


def asked(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def get_weather(city: str) -> str:
    """The weather in a city.

    Args:
        city: The city.
    """
    return "sunny"


def test_a_chat(client: ollama.Client) -> None:
    answer = client.chat("demo:latest", asked("What is 12 + 7?"), options=GREEDY, keep_alive="5m")
    assert (answer.model, answer.message.role, answer.message.content) == ("demo:latest", "assistant", "12 + 7 = 19.")
    assert (answer.done, answer.done_reason) == (True, "stop")
    assert (answer.prompt_eval_count or 0) + (answer.eval_count or 0) == 21
    assert (answer.total_duration or 0) >= (answer.eval_duration or 0) > 0


def test_a_model_goes_by_its_alias_too(client: ollama.Client) -> None:
    answer = client.chat("teacher:latest", asked("What is 12 + 7?"), options=GREEDY)
    assert answer.message.content == "12 + 7 = 19."
    assert client.show("teacher").modelinfo == client.show("demo").modelinfo
    assert client.generate("teacher:latest").done_reason == "load"
    with pytest.raises(ollama.ResponseError, match="There is no model 'pupil'"):
        client.show("pupil:latest")


def test_an_answer_goes_on_from_the_assistants_last_message(client: ollama.Client) -> None:
    begun = [*asked("What is the capital of Peru?"), {"role": "assistant", "content": "The capital of"}]
    assert (client.chat("demo", begun, options=GREEDY).message.content or "").strip() == "Peru is Lima."


def test_a_stream(client: ollama.Client) -> None:
    *pieces, last = client.chat("demo", asked("Count to 9."), options=GREEDY, stream=True)
    assert "".join(piece.message.content or "" for piece in pieces) == "1, 2, 3, 4, 5, 6, 7, 8, 9."
    assert not any(piece.done for piece in pieces)
    assert (last.done, last.done_reason, last.message.content) == (True, "stop", "")
    assert (last.eval_count or 0) > 9


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_is_called_and_its_answer_told(client: ollama.Client, stream: bool) -> None:
    if stream:
        pieces = client.chat("demo", WEATHER, tools=[get_weather], options=GREEDY, stream=True)
        message = next(piece.message for piece in pieces if piece.message.tool_calls)
    else:
        message = client.chat("demo", WEATHER, tools=[get_weather], options=GREEDY).message
    (call,) = message.tool_calls or ()
    assert (call.function.name, call.function.arguments) == ("get_weather", {"city": "Paris"})
    result = {"role": "tool", "tool_name": "get_weather", "content": get_weather(**call.function.arguments)}
    answer = client.chat("demo", [*WEATHER, message, result], tools=[get_weather], options=GREEDY)
    assert answer.message.content == "It is sunny in Paris."


def test_an_answer_of_a_given_form(client: ollama.Client) -> None:
    class City(BaseModel):
        name: str

    limited = {"num_predict": 200, **GREEDY}
    answer = client.chat(
        "demo", asked("What is the capital of France?"), format=City.model_json_schema(), options=limited
    )
    assert City.model_validate_json(answer.message.content or "")
    answer = client.chat("demo", asked("What is 12 + 7?"), format="json", options={"num_predict": 200, "seed": 1})
    assert (answer.message.content or "").startswith("{")


def test_logprobs(client: ollama.Client) -> None:
    options = {"num_predict": 3, **GREEDY}
    answer = client.chat("demo", asked("Count to 9."), logprobs=True, top_logprobs=2, options=options)
    assert [one.token for one in answer.logprobs or ()] == ["1", ",", " 2"]
    assert all(len(one.top_logprobs or ()) == 2 for one in answer.logprobs or ())


def test_a_prompt_is_answered_and_its_conversation_goes_on(client: ollama.Client) -> None:
    first = client.generate("demo", "What is 12 + 7?", options=GREEDY)
    assert (first.response, first.done_reason) == ("12 + 7 = 19.", "stop")
    known = client.generate("demo", "What is 1 + 1?", context=first.context, options=GREEDY)
    alone = client.generate("demo", "What is 1 + 1?", options=GREEDY)
    both = (first.prompt_eval_count or 0) + (first.eval_count or 0) + (alone.prompt_eval_count or 0)
    assert both - 4 <= (known.prompt_eval_count or 0) <= both + 4, "the second prompt has the first and its answer"


def test_a_raw_prompt_is_continued_in_a_stream(client: ollama.Client) -> None:
    options = {"num_predict": 8, **GREEDY}
    *pieces, last = client.generate("demo", "The capital of France is", raw=True, options=options, stream=True)
    assert "".join(piece.response or "" for piece in pieces).startswith(" Paris")
    assert (last.done_reason, last.eval_count, last.context) == ("length", 8, None)


@pytest.mark.parametrize(("keep_alive", "reason"), [(None, "load"), ("5m", "load"), (0, "unload")])
def test_nothing_to_say_is_a_ping_and_no_job(
    client: ollama.Client, cluster: Cluster, keep_alive: Any, reason: str
) -> None:
    before = cluster.accepted()
    assert client.generate("demo", keep_alive=keep_alive).done_reason == reason
    assert [each.done_reason for each in client.chat("demo", keep_alive=keep_alive, stream=True)] == [reason]
    assert cluster.accepted() == before


def test_vectors(client: ollama.Client) -> None:
    answer = client.embed("vectors", ["A fox.", "A dog."])
    assert [len(vector) for vector in answer.embeddings] == [8, 8]
    assert (answer.prompt_eval_count or 0) > 0
    assert len(client.embed("vectors", "A fox.", dimensions=3).embeddings[0]) == 3
    assert client.embed("vectors", []).embeddings == []
    cut = client.embed("vectors", ["x" * 127 + "é", "y" * 5000, "z"])
    assert cut.embeddings[0] == client.embed("vectors", "x" * 127).embeddings[0]
    assert (cut.embeddings[1], cut.prompt_eval_count) == (client.embed("vectors", "y" * 128).embeddings[0], 256)
    with pytest.raises(ollama.ResponseError, match="maximum context length"):
        client.embed("vectors", "y" * 129, truncate=False)
    assert client.embeddings("vectors", "A fox.").embedding == pytest.approx(answer.embeddings[0])
    assert client.embeddings("vectors", "").embedding == []


def test_langchains_vectors(cluster: Cluster) -> None:
    embeddings = OllamaEmbeddings(model="vectors", base_url=cluster.url)
    assert embeddings._client is not None
    with embeddings._client:  # it does not close it itself
        assert [len(vector) for vector in embeddings.embed_documents(["A fox.", "A dog."])] == [8, 8]


def test_models_are_listed_shown_and_there_already(client: ollama.Client) -> None:
    assert [model.model for model in client.list().models] == ["demo:latest", "slow:latest", "vectors:latest"]
    until(lambda: len(client.ps().models) == 3, what="all models have workers")
    assert client.ps().models[0].context_length == 1024
    shown = client.show("demo")
    assert shown.capabilities == ["completion", "tools"]
    assert (shown.modelinfo or {})["llama.context_length"] == 1024
    assert client.show("vectors:latest").capabilities == ["embedding"]
    assert [each.status for each in client.pull("demo", stream=True)] == ["pulling manifest", "success"]
    assert client.pull("demo:latest").status == "success"


def test_probes_are_answered(cluster: Cluster) -> None:
    assert cluster.http.head("/").status_code == 200
    assert cluster.http.head("/api/tags").status_code == 200
    assert set(cluster.http.get("/api/version").json()) == {"version"}


REFUSED: list[tuple[Callable[[ollama.Client], Any], int, str]] = [
    (lambda client: client.chat("none", asked("x")), 404, "There is no model 'none'"),
    (lambda client: list(client.chat("none", asked("x"), stream=True)), 404, "There is no model 'none'"),
    (lambda client: client.generate("none"), 404, "There is no model 'none'"),
    (lambda client: client.show("none"), 404, "There is no model 'none'"),
    (lambda client: client.pull("none"), 404, "There is no model 'none'"),
    (lambda client: client.chat("demo", asked("x"), options={"temperature": 9}), 400, "options.temperature"),
    (lambda client: client.chat("demo", asked("x " * 3000)), 400, "maximum context length"),
    (lambda client: list(client.chat("demo", asked("x " * 3000), stream=True)), 400, "maximum context length"),
    (lambda client: client.chat("vectors", asked("x")), 400, "is a model of kind 'embedding'"),
    (lambda client: client.embed("demo", "x"), 400, "is a model of kind 'generative'"),
    (lambda client: client.generate("demo", "x", suffix="y"), 400, "suffix: "),
    (lambda client: client.generate("demo", "x", images=[b"hello"]), 400, "images: "),
    (lambda client: client.create("new", from_="demo"), 400, "models.yaml"),
    (lambda client: client.copy("demo", "new"), 400, "models.yaml"),
    (lambda client: client.delete("demo"), 400, "models.yaml"),
    (lambda client: client.push("demo"), 400, "models.yaml"),
]


@pytest.mark.parametrize(("call", "status", "says"), REFUSED, ids=[says for _, _, says in REFUSED])
def test_the_package_raises_what_is_refused(
    client: ollama.Client, call: Callable[[ollama.Client], Any], status: int, says: str
) -> None:
    with pytest.raises(ollama.ResponseError) as refused:
        call(client)
    assert refused.value.status_code == status
    assert says in refused.value.error


@pytest.mark.parametrize("path", ["chat", "generate", "embed", "embeddings"])
@pytest.mark.parametrize("header", ["X-Priority", "X-Timeout", "X-On-Disconnect"])
def test_wrong_headers_are_refused_where_no_job_is_run_too(cluster: Cluster, path: str, header: str) -> None:
    answer = cluster.http.post(f"/api/{path}", json={"model": "demo"}, headers={header: "soon"})
    assert answer.status_code == 400
    assert header.lower() in answer.json()["error"].lower()


def test_fields_without_an_effect_are_named(cluster: Cluster) -> None:
    body = {"model": "demo", "prompt": "x", "keep_alive": "5m", "options": {"num_ctx": 9, "num_predict": 1}}
    answer = cluster.http.post("/api/generate", json=body)
    assert answer.headers["X-Unused-Parameters"] == "options.num_ctx, keep_alive"
    assert answer.headers["Content-Type"] == "application/x-ndjson"


def test_a_stream_goes_on_through_its_workers_death(cluster: Cluster) -> None:
    body = {"model": "slow", "messages": asked("Hello"), "options": {"num_predict": 200, "temperature": 0}}
    killed = False
    with cluster.http.stream("POST", "/api/chat", json=body, timeout=60) as answer:
        told = []
        for line in answer.iter_lines():
            told.append(json.loads(line))
            if len(told) == 10 and not killed:
                os.kill(worker_of(cluster, "slow"), signal.SIGKILL)
                killed = True
    job = cluster.job(answer.headers["X-Job-Id"])
    assert job["attempt"] > 1
    assert (told[-1]["done"], told[-1]["done_reason"], told[-1]["eval_count"]) == (True, "length", 200)
    said = "".join(each["message"]["content"] for each in told)
    assert said == job["result"]["choices"][0]["message"]["content"]


def test_a_stream_whose_job_ends_otherwise_says_so_in_its_last_line(cluster: Cluster) -> None:
    body = {"model": "slow", "messages": asked("Hello"), "options": {"num_predict": 400}}
    with cluster.http.stream("POST", "/api/chat", json=body) as answer:
        lines = answer.iter_lines()
        next(lines)
        assert cluster.http.post(f"/jobs/{answer.headers['X-Job-Id']}/cancel").status_code == 200
        *_, last = map(json.loads, lines)
    assert set(last) == {"error", "type", "param", "code"}
    assert last["code"] == "job_cancelled"


def worker_of(cluster: Cluster, model: str) -> int:
    """The process that serves a model."""
    workers = {each["id"]: each["workers"] for each in cluster.http.get("/models").json()["data"]}
    return cluster.pid_of(workers[model][0]["name"])


@pytest.mark.parametrize("stream", [False, True])
def test_the_job_of_a_client_that_left_is_cancelled(cluster: Cluster, stream: bool) -> None:
    def newest() -> Any:
        return cluster.http.get("/jobs", params={"limit": 1}).json()["data"][0]

    earlier = cluster.submit({"model": "demo", "prompt": "x", "max_tokens": 1})["id"]
    options = {"num_predict": 400, **GREEDY}  # so the fake model says 393 tokens
    body = {"model": "slow", "prompt": "x", "raw": True, "stream": stream, "options": options}
    head = f"POST /api/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(json.dumps(body))}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", cluster.port)) as connection:
        connection.sendall((head + json.dumps(body)).encode())
        until(lambda: newest()["id"] != earlier and newest()["started_at"], what="the job has begun")
    job_id = newest()["id"]
    until(lambda: cluster.job(job_id)["status"] == "cancelled", what="the job is cancelled")
