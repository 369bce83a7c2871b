"""Reading models.yaml: its values, and where in the file each of them was written."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tasks.models.gguf import MAGIC
from tasks.texts import printable, shown

_MERGE = "tag:yaml.org,2002:merge"
_PLAIN = (
    (r"found character '\\t'", "a tab cannot indent a line; use spaces"),
    (r"found character (.+) that cannot start", r"a value cannot begin with \1; put it into quotes"),
    (r"mapping values are not allowed", "there is a ':' too many: look at how far the line is indented, "
     "and put a value that has ': ' into quotes"),
    (r"expected <block end>", "the line is indented otherwise than those beside it"),
    (r"expected ',' or '(.)'", r"a '\1' or a ',' is missing"),
    (r"could not find expected ':'", "a key has no ':' after it"),
    (r"found unexpected end of stream", "a quote is not closed"),
    (r"found undefined alias (.+)", r"there is no anchor for the alias \1"),
    (r"found unconstructable recursive", "an alias stands inside of its own anchor"),
    (r"could not determine a constructor", "a tag (!) cannot be used here"),
    (r".*<stream end>", "the file ends before it is whole"),
    (r"but found another document", "a second document begins; take out the '---'"),
)  # fmt: skip
"""What PyYAML's parser says, in words that need no knowledge of a parser; all else is told as it says it."""

_NO_VALUE = "this has no value; put it into quotes if it is a text"
_NAMED = "write a models.yaml that names it, with the line `models: {{{}: {{path: {}}}}}`, and give that"


class CatalogueError(Exception):
    """Raised when models.yaml cannot be read or does not make sense; the message says where."""


@dataclass(frozen=True, slots=True)
class ModelsFile:
    """What a file says, with keys as they are written there: `7` and `on` are names as `"7"` and `"on"` are."""

    path: Path
    """Absolute."""
    body: Any
    root: yaml.Node | None

    def line(self, place: Sequence[str | int]) -> int:
        """The line of a key, given by the keys that lead to it; of the last one that is there."""
        found = 1
        for pair in self._way(place):
            found = pair[0].start_mark.line + 1
        return found

    def as_written(self, place: Sequence[str | int]) -> str:
        """The value at a place as it is written, in quotes; for one that is not a single value, its kind."""
        pairs = list(self._way(place))
        node = self.root if not place else pairs[-1][1] if len(pairs) == len(place) else None
        match node:
            case yaml.MappingNode(value=value) if value:
                return "a mapping"
            case yaml.SequenceNode():
                return "a list"
            case yaml.ScalarNode(value=value) if value:
                return f"'{printable(shown(value))}'"
        return "empty"

    def _way(self, place: Sequence[str | int]) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        """The pairs of key and value on the way to a place, as far as they are there."""
        node = self.root
        for key in place:
            pairs = node.value if isinstance(node, yaml.MappingNode) else []
            pair = next((pair for pair in reversed(pairs) if pair[0].value == str(key)), None)  # merged ones are first
            if pair is None:
                return
            yield pair
            node = pair[1]


class _Loader(yaml.SafeLoader):
    """Takes keys as they are written, and tells of what has no value where that stands."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep=deep)
        except (ValueError, LookupError, AttributeError) as exc:  # a date of the month 13, `!!int x`
            raise yaml.constructor.ConstructorError(None, None, _NO_VALUE, node.start_mark) from exc

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        self.flatten_mapping(node)
        return {key.value: self.construct_object(value, deep=deep) for key, value in node.value}


def read(path: Path) -> ModelsFile:
    """Read a file. Raises `CatalogueError` for one that cannot be read, is empty, or is no YAML."""
    path = path.absolute()
    try:
        if path.is_fifo() or path.is_char_device():  # which nobody may ever write to
            raise CatalogueError(f"{path} cannot be read: it is no file")
        with path.open("rb") as file:
            if file.read(len(MAGIC)) == MAGIC:
                raise CatalogueError(f"{path} is a model's file: {_NAMED.format(path.stem, path.name)}")
        data = path.read_bytes()
    except OSError as exc:
        raise CatalogueError(f"{path} cannot be read: {(exc.strerror or str(exc)).lower()}") from exc
    loader = _loader(path, data)
    try:
        root = loader.get_single_node()
        _refuse_keys(path, root)
        body = loader.construct_document(root) if root else None
    except yaml.MarkedYAMLError as exc:
        raise CatalogueError(f"{path}, {_syntax(exc)}") from exc
    except RecursionError as exc:
        raise CatalogueError(f"{path} cannot be read: its brackets are nested too deeply") from exc
    except (ValueError, LookupError, AttributeError) as exc:
        raise CatalogueError(f"{path}, line {loader.line + 1}: this is not YAML: {_NO_VALUE}") from exc
    finally:
        loader.dispose()
    if body is None:
        raise CatalogueError(
            f"{path} is empty: it must have the key models and, indented under it, each model by its name"
        )
    return ModelsFile(path, body, root)


def _loader(path: Path, data: bytes) -> _Loader:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise CatalogueError(f"{path} cannot be read: it is UTF-16; save it as UTF-8")
    try:
        return _Loader(data.decode())
    except UnicodeDecodeError as exc:
        line, byte = data.count(b"\n", 0, exc.start) + 1, data[exc.start]
        raise CatalogueError(f"{path}, line {line}: byte 0x{byte:02x} is not UTF-8; save the file as UTF-8") from exc
    except yaml.reader.ReaderError as exc:
        line = data.decode()[: exc.position].count("\n") + 1
        raise CatalogueError(f"{path}, line {line}: the character U+{exc.character:04X} cannot be in YAML") from exc


def _refuse_keys(path: Path, root: yaml.Node | None) -> None:
    """Refuse what YAML would pass over in silence: of a key that stands twice it keeps the last."""
    waiting, known = [root], set()
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.SequenceNode):
            waiting.extend(node.value)
        if isinstance(node, yaml.ScalarNode):
            _refuse_halves(path, node)
        if not isinstance(node, yaml.MappingNode) or id(node) in known:
            continue
        known.add(id(node))
        lines: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise CatalogueError(f"{path}, line {line}: a key must be a text, and not a list or a mapping")
            if key.value in lines and key.tag != _MERGE:
                name = printable(shown(key.value))
                raise CatalogueError(
                    f"{path}, line {line}: the key '{name}' occurs twice; first in line {lines[key.value]}"
                )
            lines[key.value] = line
            waiting.extend((key, value))


def _refuse_halves(path: Path, node: yaml.ScalarNode) -> None:
    """Refuse half a character, which an escape may have and neither UTF-8 nor JSON can tell."""
    if any("\ud800" <= char <= "\udfff" for char in node.value):
        line = node.start_mark.line + 1
        raise CatalogueError(f"{path}, line {line}: '{printable(shown(node.value))}' has half a character")


def _syntax(exc: yaml.MarkedYAMLError) -> str:
    """Where the YAML goes wrong, and how."""
    problem = str(exc.problem)
    plain = next((found.expand(words) for told, words in _PLAIN if (found := re.match(told, problem))), problem)
    mark, began = exc.problem_mark, exc.context_mark
    where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "at its end"
    since = f" (what began in line {began.line + 1})" if began and mark and began.line != mark.line else ""
    return f"{where}: this is not YAML: {plain}{since}"
