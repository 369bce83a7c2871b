"""What README and docs show to be typed works as it is written: their commands, and their pieces of Python.

A page's commands are typed in order, in one folder, against a cluster that `caravan up` has started. What cannot be
done here is in `NOT_TYPED`, with the reason; all else is done.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypeVar

import pytest

from tasks.settings import Settings
from tests.e2e.test_distributions import PAGES as OF_THE_CLIENT
from tests.support.cluster import Cluster
from tests.support.fronts import close_fronts, front
from tests.support.pages import HOUSE, PAGES, Block, blocks
from tests.support.reader import Reader
from tests.support.receiver import LOOPBACK, Receiver
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

T = TypeVar("T")
PROGRAMS = ("bash", "curl", "jq", "openssl")
MEANS = {
    "http://127.0.0.1:8000": "CARAVAN_URL",
    "https://example.com/hooks/caravan": "RECEIVER",
    "redis://127.0.0.1:6390/0": "REDIS_OF_ONE_DATABASE",
    "BATCH_ID": "BATCH",
    "JOB_ID": "ID",
}
"""What on a page stands for something of the reader's own, with the variable that has it."""

COMPILES = "it compiles llama.cpp for minutes; `make setup` does so before the tests"
DOCKER = "it needs a Docker engine: `make test-compose`, which a person runs, starts the same file"
PEERS = "it downloads or builds other servers to measure beside; a person runs it, for docs/performance.md"
NOT_TYPED = {
    "caravan up": "it has started the cluster of all other commands",
    "caravan --help": "tests/unit/app/cli/test_help.py compares it with its page",
    "caravan * --help": "tests/unit/app/cli/test_help.py compares each with its page",
    "git clone *": "REPOSITORY stands for what the reader has",
    "make run": "it makes the environment that runs the tests, then types `caravan up`",
    "source *": "the environment is that of the tests",
    "make compose": DOCKER,
    "docker *": DOCKER,
    "cp deploy/.env.example *": "it writes into the clone; tests/deploy/test_compose_file.py reads the same example",
    "helm *": "it needs Kubernetes: tests/deploy/test_chart_as_processes.py runs what the chart starts",
    "make clean && CMAKE_ARGS=*": "it needs an NVIDIA card's toolkit, and removes the environment of the tests",
    "make wheel *": COMPILES,
    "python3 -m venv venv": COMPILES,
    "venv/bin/*": COMPILES,
    "pip install ./app/client": "tests/e2e/test_distributions.py installs it into an empty environment",
    "make chaos *": "it takes five minutes; tests/fault has the same kills one by one",
    "python -m tests.fault.batch_kills *": "it takes many minutes; tests/fault/test_batches.py has the same kills",
    "make bench *": PEERS,
    "python3 -m venv build/*": PEERS,
    "build/gguf/bin/python *": PEERS,
    "pip download *": PEERS,
    "cd llama_cpp_python-*": PEERS,
    "cmake *": PEERS,
}
"""Patterns of the commands that the test does not type, and why."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Whoever follows a page, and what is there for it."""

    reader: Reader
    cluster: Cluster
    receiver: Receiver


def leave_jobs(at: Desk) -> None:
    """Let jobs wait for a model that the catalogue does not have, but had when they were accepted."""
    models = at.reader.folder / "earlier.yaml"
    models.write_text("models: {demo: {path: demo}, old-model: {path: fake}}")
    earlier = front(Settings(redis_url=at.cluster.redis_url(), models_file=models), keys=False)
    body = {"model": "old-model", "messages": [{"role": "user", "content": "What is 12 + 7?"}]}
    assert [earlier.post("/jobs", json=body).status_code for _ in range(2)] == [202, 202]
    close_fronts()


def receive(at: Desk) -> None:
    """Wait for the message of the job, and keep it where the page's Python finds it."""
    (request,) = until(lambda: at.receiver.requests, what="the message comes")
    message = {"headers": dict(request.headers), "body": request.body.decode()}
    (at.reader.folder / "message.json").write_text(json.dumps(message))


A_JOB_WAITS = ("caravan queues pause demo", "ID=$(caravan submit --no-wait Hello)")
A_JOB_IS_CANCELLED = (*A_JOB_WAITS, "caravan jobs cancel $ID", "caravan queues resume demo")
A_BATCH_WAITS = (
    "caravan queues pause demo",
    "BATCH=$(curl http://127.0.0.1:8000/v1/batches -H 'Content-Type: application/json' -d '{\"input_file_id\": "
    '"\'$FILE\'", "endpoint": "/v1/chat/completions", "completion_window": "24h"}\' | jq -r .id)',
)
BEFORE: Mapping[str, tuple[str | Callable[[Desk], None], ...]] = {
    "docs/jobs.md: curl -X POST http://127.0.0.1:8000/jobs/$ID/cancel": A_JOB_WAITS,
    "docs/jobs.md: curl -X PATCH *": A_JOB_WAITS,
    "docs/jobs.md: curl -X POST */retry": ("caravan jobs cancel $ID", "caravan queues resume demo"),
    "docs/jobs.md: caravan queues move *": (leave_jobs,),
    "docs/jobs.md: caravan queues cancel *": (leave_jobs,),
    "docs/never-lost.md: caravan jobs retry JOB_ID": A_JOB_IS_CANCELLED,
    "docs/batches.md: curl * -H 'Range: bytes=4096-'": (
        "head --bytes 8192 /dev/zero > output",
        "OUTPUT=$(curl http://127.0.0.1:8000/v1/files -F purpose=user_data -F file=@output | jq -r .id)",
    ),
    "docs/batches.md: caravan batches pause BATCH_ID": A_BATCH_WAITS,
    "docs/batches.md: caravan batches retry BATCH_ID": ("caravan batches watch $BATCH", "caravan queues resume demo"),
    "docs/command.md: caravan status": (*A_JOB_WAITS, *A_JOB_WAITS),
    "docs/logs.md: grep *": (
        "curl http://127.0.0.1:8000/v1/models -H 'X-Request-Id: bdd34dd4b5bb42a9a25baaab6dd7b8ae'",
    ),
    "docs/webhooks.md: curl http://127.0.0.1:8000/jobs *": (
        f"export CARAVAN_WEBHOOK_NETWORKS={LOOPBACK}",
        "caravan up",
    ),
    "docs/webhooks.md: curl http://127.0.0.1:8000/webhooks/secret *": (
        receive,
        "CARAVAN_KEYS=true caravan up",
        "CARAVAN_API_KEY=$(caravan keys create alice --api-key $(cat .caravan/admin-key))",
    ),
}
"""What a reader has done before a command though its page does not show it, by page and command."""
TYPED_MEANWHILE = {"caravan chat": "What is the capital of Peru?\n/bye\n"}
SCREENS = ("docs/command.md: caravan status",)
"""Commands that print what stands below them, but for what varies. test_start.py compares README's."""
VARIES = {r"http://\S+": "URL", r"\d+\.\d+": "FIGURE", r"\S+ \(AVX2.*?\)": "PROCESSOR", r" {2,}": " "}
"""What of a screen is another one's at each start; columns are as wide as they have to be."""
STATUS = {"docs/command.md: caravan status": 1, "docs/operations.md: caravan doctor *": 1}
"""The exit status of a command that is shown to find fault."""
GIVEN = {
    "client.chat.completions.create(*": 'messages = [{"role": "user", "content": "What is 12 + 7?"}]',
    "for event in client.responses.retrieve(*": "last_number, response_id = "
    '0, client.responses.create(model="demo", input="Count to 3.", background=True).id',
    "client = OpenAI(* api_key=key)*": "import os\nfrom openai import OpenAI\nkey = os.environ['KEY']",
}
"""What a piece of Python takes for granted."""
AFTERWARDS = {
    "docs/security.md": "assert [model.id for model in client.models.list()] == ['demo']",
    "docs/webhooks.md": """
import json, os
message = json.load(open("message.json"))
given = (os.environ["CARAVAN_WEBHOOK_SECRET"], message["headers"], message["body"].encode())
assert receive(*given) == verify(*given) == json.loads(message["body"])
assert verify(given[0], given[1], given[2] + b" ") is None
""",
}
"""What a page's Python is used for when all of it has run."""


def fitting(table: Mapping[str, T], page: str, command: str) -> list[T]:
    texts = (command, f"{page}: {command}")
    return [value for pattern, value in table.items() if any(fnmatchcase(text, pattern) for text in texts)]


def typed(block: Block) -> list[str]:
    return [command for command in block.commands if not fitting(NOT_TYPED, block.page, command)]


def python(page: str) -> str:
    """All Python of a page but that of the client, which test_distributions.py runs with the client alone."""
    found = [block.text for block in blocks(page) if block.language == "python"]
    pieces = [[*fitting(GIVEN, page, text), text] for text in found if "caravan_client" not in text]
    return "\n".join(line for piece in pieces for line in piece) + AFTERWARDS.get(page, "")


def usual(screen: str) -> str:
    """A screen as it is each time."""
    for pattern, name in VARIES.items():
        screen = re.sub(pattern, name, screen)
    return screen.strip()


def followed() -> list[str]:
    return [page for page in PAGES if python(page) or any(typed(block) for block in blocks(page))]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The cluster of all pages that do not start another."""
    running = Cluster(tmp_path_factory.mktemp("pages"))
    running.start()
    yield running
    assert running.stop() == 0
    assert running.processes() == []


@pytest.fixture(scope="module")
def redis_of_one_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"), options=["--databases", "1"])
    server.start()
    yield server
    server.stop()


@pytest.fixture
def desk(cluster: Cluster, redis_of_one_database: RedisServer, tmp_path: Path) -> Iterator[Desk]:
    with Receiver() as receiver:
        own = {"RECEIVER": receiver.url, "REDIS_OF_ONE_DATABASE": redis_of_one_database.url}
        reader = Reader(tmp_path, means=MEANS, **own)
        reader.uses(cluster)
        yield Desk(reader, cluster, receiver)
        reader.leaves()
    cluster.http.post("/queues/demo/resume").raise_for_status()


@pytest.mark.skipif(
    not os.environ.get("CI") and not all(map(shutil.which, PROGRAMS)), reason=f"the pages use {', '.join(PROGRAMS)}"
)
@pytest.mark.parametrize("page", followed())
def test_what_a_page_shows_works_as_it_is_written(page: str, desk: Desk) -> None:
    for block in blocks(page):
        if block.language == "yaml" and "models:" in block.text:
            (desk.reader.folder / "models.yaml").write_text(block.text)
        for command in typed(block):
            for step in (step for steps in fitting(BEFORE, page, command) for step in steps):
                step(desk) if callable(step) else desk.reader.types(step)
            (status,) = fitting(STATUS, page, command) or [0]
            (answers,) = fitting(TYPED_MEANWHILE, page, command) or [""]
            told = desk.reader.types(command, answers=answers, status=status)
            if f"{page}: {command}" in SCREENS:
                assert usual(told) == usual(block.output)
    if program := python(page):
        desk.reader.runs(program)


def shown() -> list[tuple[str, str]]:
    """Every command and every piece of Python, with its page."""
    found = [block for page in PAGES for block in blocks(page)]
    pieces = [(block.page, block.text) for block in found if block.language == "python"]
    return [*((block.page, command) for block in found for command in block.commands), *pieces]


def test_no_command_of_a_page_is_overlooked() -> None:
    """Whatever the form of its block: it is typed, or left out by `NOT_TYPED`."""
    known = {(page, line) for page, command in shown() for line in command.splitlines()}
    pattern = re.compile(r"^ *(?:\$ )?((?:\w+=\S+ +)*(?:caravan|curl) .*)$", re.MULTILINE)
    lines = {(page, line) for page in PAGES for line in pattern.findall((HOUSE / page).read_text())}
    assert lines - known == set()


def test_of_the_command_only_its_help_and_the_start_of_the_cluster_are_left_out() -> None:
    ours = {command for _, command in shown() if command.startswith(("caravan", "curl"))}
    left_out = {command for page, command in shown() if fitting(NOT_TYPED, page, command)}
    assert {command for command in ours & left_out if not command.endswith(" --help")} == {"caravan up"}


def test_all_python_of_the_client_is_run_with_the_client_alone() -> None:
    assert {page for page, text in shown() if "from caravan_client" in text} <= set(OF_THE_CLIENT)


@pytest.mark.parametrize("table", [NOT_TYPED, BEFORE, TYPED_MEANWHILE, STATUS, GIVEN], ids=lambda table: min(table))
def test_every_pattern_is_about_something_that_is_shown(table: Mapping[str, object]) -> None:
    fit = {pattern for pattern in table for page, text in shown() if fitting({pattern: True}, page, text)}
    assert set(table) - fit == set()
