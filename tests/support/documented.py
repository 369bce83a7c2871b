"""What of README and docs the tests do as it is written, and what a reader has that a page does not show."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import TypeVar

import click

from app.cli import main
from tests.support.pages import PAGES, Block, blocks, spans

T = TypeVar("T")
OF_THE_CLIENT = ("README.md", "docs/client.md", "app/client/README.md")
"""The pages that show the Python client; tests/e2e/test_distributions.py runs that with nothing else installed."""
LIBRARIES = "docs/libraries.md"
"""The page of libraries that the tests do not have; tests/compat runs what it shows."""
MEANS = {
    "http://127.0.0.1:8000": "CARAVAN_URL",
    "https://example.com/hooks/caravan": "RECEIVER",
    "redis://127.0.0.1:6390/0": "REDIS_OF_ONE_DATABASE",
    "BATCH_ID": "BATCH",
    "JOB_ID": "ID",
    "MODEL": "MODEL",
    "ID": "ID",
    "unix:///.../.caravan/redis/NAME.sock": "CARAVAN_REDIS_URL",
}
"""What on a page stands for something of the reader's own, with the variable that has it."""

COMPILES = "it compiles llama.cpp for minutes; `make setup` does so before the tests"
DOCKER = "it needs a Docker engine: `make test-compose`, which a person runs, starts the same file"
KUBERNETES = "it needs Kubernetes: tests/deploy renders the chart and starts it as processes, tests/cluster installs it"
PEERS = "it downloads or builds other servers to measure beside; a person runs it, for docs/performance.md"
OF_LIBRARIES = "tests/compat/test_libraries_page.py types it, where the program is"
SERVICE = "it installs a service on the machine: tests/deploy/test_systemd.py reads the unit"
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
    "helm *": KUBERNETES,
    "make clean && CMAKE_ARGS=*": "it needs an NVIDIA card's toolkit, and removes the environment of the tests",
    "make wheel *": COMPILES,
    "python3 -m venv venv": COMPILES,
    "venv/bin/*": COMPILES,
    "pip install ./app/client": "tests/e2e/test_distributions.py installs it into an empty environment",
    "pip install 'llama-caravan*'": "nobody has published it; the locks have the same packages",
    "OTEL_EXPORTER_OTLP_ENDPOINT=* caravan up": "tests/fault/test_traces.py starts one beside a collector of its own",
    "make chaos *": "it takes five minutes; tests/fault has the same kills one by one",
    "python -m tests.fault.batch_kills *": "it takes many minutes; tests/fault/test_batches.py has the same kills",
    "make bench *": PEERS,
    "python3 -m venv build/*": PEERS,
    "build/gguf/bin/python *": PEERS,
    "pip download *": PEERS,
    "cd llama_cpp_python-*": PEERS,
    "cmake *": PEERS,
    "docs/libraries.md: *": OF_LIBRARIES,
    "sudo *": SERVICE,
    "systemd-analyze verify /etc/*": SERVICE,
    "journalctl *": SERVICE,
}
"""Patterns of the commands that the test does not type, and why."""
RUNS_ON = "it runs until it is stopped: tests/e2e/test_surroundings.py starts each part, and a block has `caravan up`"
NOT_TYPED_IN_SENTENCES = {
    "caravan up*": RUNS_ON,
    "caravan web*": RUNS_ON,
    "caravan clerk": RUNS_ON,
    "caravan flower": RUNS_ON,
    "caravan doctor*": "its status is the machine's: docs/operations.md has one in a block",
    "caravan jobs retry": "it is a name there: the command wants ids, or --dlq",
    "caravan models * hf://*": "the pages' tests have no Hub: tests/integration/test_model_files.py has one",
    "caravan probe http": "it asks the port of its own container: tests/e2e/test_surroundings.py names one",
}
"""The same for commands within sentences. One that lacks an argument is a name there, and nothing to be typed."""


TYPED_MEANWHILE = {"caravan chat": "What is the capital of Peru?\n/bye\n"}
SCREENS = ("docs/command.md: caravan status",)
"""Commands that print what stands below them, but for what varies. test_start.py compares README's."""
VARIES = {
    r"http://\S+": "URL",
    r"\d+\.\d+": "FIGURE",
    r"(?m)^(demo-1 .* 16) .*": r"\1 PROCESSOR",
    r" {2,}": " ",
}
"""What of a screen is another one's at each start; columns are as wide as they have to be."""
STATUS = {
    "docs/command.md: caravan status": 1,
    "docs/operations.md: caravan doctor *": 1,
    "docs/bulk.md: caravan bulk run * --retry-failed": 1,
}
"""The exit status of a command that is shown to find fault, or for which the page's own run left nothing to do."""
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
    """What a table has for a command, by patterns of it alone or with its page."""
    texts = (command, f"{page}: {command}")
    return [value for pattern, value in table.items() if any(fnmatchcase(text, pattern) for text in texts)]


def typed(block: Block) -> list[str]:
    """The commands of a block that the test types."""
    return [command for command in block.commands if not fitting(NOT_TYPED, block.page, command)]


def python(page: str) -> str:
    """All Python of a page but that of the client, which test_distributions.py runs with the client alone."""
    if page == LIBRARIES:
        return ""
    found = [block.text for block in blocks(page) if block.language == "python"]
    pieces = [[*fitting(GIVEN, page, text), text] for text in found if "caravan_client" not in text]
    return "\n".join(line for piece in pieces for line in piece) + AFTERWARDS.get(page, "")


def usual(screen: str) -> str:
    """A screen as it is each time."""
    for pattern, name in VARIES.items():
        screen = re.sub(pattern, name, screen)
    return screen.strip()


def followed() -> list[str]:
    """The pages that the test does something of."""
    return [page for page in PAGES if python(page) or any(typed(block) for block in blocks(page))]


def in_sentences() -> list[tuple[str, str]]:
    """The commands within sentences that the test types, each once, with a page."""
    found = {span: page for page in reversed(PAGES) for span in spans(page) if _is_complete(span)}
    return [(found[span], span) for span in sorted(found) if not fitting(NOT_TYPED_IN_SENTENCES, found[span], span)]


def _is_complete(span: str) -> bool:
    """Whether it is a command of ours with all that it needs."""
    typed = re.fullmatch(r"(?:\w+=\S+ )*(?:(python -m tasks)\..*|caravan (.*))", span)
    if not typed or typed[1]:
        return bool(typed)
    command: click.Command | None = main
    words = shlex.split(typed[2])
    while isinstance(command, click.Group) and words:
        command = command.get_command(click.Context(command), words.pop(0))
    if not command or isinstance(command, click.Group):
        return False
    try:
        command.make_context("caravan", words, parent=click.Context(main, **main.context_settings))
    except click.MissingParameter:
        return False
    except click.BadParameter:  # a file that is only there for whoever follows the page
        return True
    return True


def shown() -> list[tuple[str, str]]:
    """Every command and every piece of Python, with its page."""
    found = [block for page in PAGES for block in blocks(page)]
    pieces = [(block.page, block.text) for block in found if block.language == "python"]
    return [*((block.page, command) for block in found for command in block.commands), *pieces]
