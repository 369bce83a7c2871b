"""A chat template of an entry, inline or in a file beside the models file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.models.catalogue import CatalogueError, ModelEntry, load
from tasks.models.template_file import LARGEST

TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% endfor %}\n"


def entry(folder: Path, template: str) -> ModelEntry:
    models = folder / "models.yaml"
    models.write_text(f"models:\n  one:\n    path: demo\n    chat_template: {template}\n")
    return load(models)["one"]


def test_a_template_stands_in_the_entry(tmp_path: Path) -> None:
    inline = TEMPLATE.rstrip()
    assert entry(tmp_path, f"|\n      {inline}").chat_template == TEMPLATE
    assert entry(tmp_path, f'"{inline}"').chat_template == inline


@pytest.mark.parametrize("named", ["chat.jinja", "./templates/../chat.jinja", "{folder}/chat.jinja"])
def test_a_template_stands_in_a_file_by_its_path_from_the_models_file(tmp_path: Path, named: str) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "chat.jinja").write_text(TEMPLATE)
    read = entry(tmp_path, named.replace("{folder}", str(tmp_path)))
    assert read.chat_template == TEMPLATE
    assert ModelEntry.model_validate(read.written()) == read, "a worker's other processes need no file"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, "cannot be read: no such file or directory; without a brace it is the path of a file"),
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"{{ '\xff' }}", "is not UTF-8: save it as UTF-8"),
        (b"{{ x }}" + b" " * LARGEST, f"a template may have {LARGEST} bytes at most"),
    ],
)
def test_a_file_that_holds_no_template_is_told_with_its_line(tmp_path: Path, data: bytes | None, said: str) -> None:
    if data is not None:
        (tmp_path / "chat.jinja").write_bytes(data)
    with pytest.raises(CatalogueError) as caught:
        entry(tmp_path, "chat.jinja")
    told = str(caught.value)
    assert told.startswith(f"{tmp_path / 'models.yaml'}, line 4: models.one.chat_template: ")
    assert told.endswith(said)


def test_a_folder_is_no_template(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="cannot be read: is a directory"):
        entry(tmp_path, ".")
