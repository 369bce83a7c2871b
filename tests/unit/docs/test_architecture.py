"""The map, the words and the keys of docs/architecture.md are those of the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from tasks.ledger import redis_keys

HOUSE = Path(__file__).parents[3]
PAGE = (HOUSE / "docs" / "architecture.md").read_text()
SOURCES = [path for part in ("app", "tasks") for path in (HOUSE / part).rglob("*") if path.suffix in (".py", ".lua")]
OF_EVERY_ENDPOINT = {"routes.py", "body.py", "view.py", "wire.py", "document.py"}
"""What the page says once of all folders of the API."""
# fmt: off
OURS = [
    "aside", "batch", "bell", "blame", "broker", "caller", "cell", "charge", "checkpoint", "chunk", "claim",
    "clerk", "crash", "cursor", "dead letter", "delivery", "digest", "dispatch", "drain", "event", "fence",
    "give back", "held", "hold", "hub", "job", "journal", "kill", "lane", "lease", "ledger", "line", "marker",
    "outbox", "outcome", "outranked", "owner", "pass", "passage", "plan", "pool", "prefill", "prefix", "proven",
    "put off", "record", "room", "round", "rows", "scope", "sequence", "set back", "slot", "small", "spare",
    "step", "suspect", "sweep", "syntax", "transition", "trial", "trouble", "turn", "want",
]
# fmt: on
"""Words that mean something of their own in this code: a reader looks them up."""


def section(title: str) -> str:
    return re.split(r"^## ", PAGE.split(f"\n## {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def first_cells(title: str) -> list[str]:
    """What the rows of a section's first table are about."""
    table = [line for line in section(title).splitlines() if line.startswith("| ")]
    return [re.split(r" (?<!\\)\| ", line[2:], maxsplit=1)[0] for line in table[1:]]


def mapped() -> Iterator[PurePosixPath]:
    """Every file and folder that the map names."""
    above: list[PurePosixPath] = []
    for line in section("Where things are").split("```")[1].splitlines():
        names = re.match(r"\s*((?:[\w.]+(?:\.py|/) ?)+)", line)
        if not names:
            continue
        depth = (len(line) - len(line.lstrip())) // 2
        folder = above[depth - 1] if depth else PurePosixPath()
        paths = [folder / name for name in names[1].split()]
        yield from paths
        above[depth:] = [paths[0]]


def code() -> set[PurePosixPath]:
    """Every module, and every package, of the code."""
    files = [PurePosixPath(path.relative_to(HOUSE)) for path in SOURCES if path.suffix == ".py"]
    return {path.parent if path.name == "__init__.py" else path for path in files}


def said_once(path: PurePosixPath) -> bool:
    return path.is_relative_to("app/endpoints") and path.name in OF_EVERY_ENDPOINT


def test_the_map_names_every_module_and_package() -> None:
    assert {str(path) for path in code() - set(mapped()) if not said_once(path)} == set()


def test_the_map_names_nothing_that_is_not_there() -> None:
    assert [str(path) for path in mapped() if not (HOUSE / path).exists()] == []


def test_the_map_names_nothing_twice() -> None:
    named = list(mapped())
    assert sorted(named) == sorted(set(named))


@pytest.mark.parametrize("word", OURS)
def test_a_word_of_our_own_is_explained(word: str) -> None:
    assert word in {each for cell in first_cells("Words") for each in cell.split(", ")}


def test_every_word_is_found_in_the_code() -> None:
    text = "\n".join(path.read_text() for path in SOURCES)
    words = [word for cell in first_cells("Words") for word in cell.split(", ")]
    forms = {word: re.escape(word).replace(r"\ ", "[_ -]?") for word in words}
    assert [word for word, form in forms.items() if not re.search(rf"(?i){form}", text)] == []


def kind(key: str) -> str:
    """The name of a key without what varies in it."""
    return re.sub(r"[{*].*", "*", key)


def keys_of_the_code() -> set[str]:
    """All names of the one table."""
    made = (name(*("*" for _ in name.parts)) for name in redis_keys.NAMES.values())
    return {kind(key.removeprefix(redis_keys.PREFIX)) for key in made}


def test_the_table_of_keys_is_complete() -> None:
    told = {kind(key) for cell in first_cells("Redis keys") for key in re.findall(r"`([^`]+)`", cell)}
    assert told == keys_of_the_code()
