"""The classes of errors that a client may see, as the source has them: nothing is imported for it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HOUSE = Path(__file__).parents[2]
ROOT = "CaravanError"


@dataclass(frozen=True, slots=True)
class ErrorClass:
    """One class of the tree. Its status and code are those of its base, unless it has its own."""

    name: str
    base: str
    module: str
    status: int
    code: str


def error_classes() -> dict[str, ErrorClass]:
    """Every subclass of `CaravanError` in the code, by its name; a base stands before what derives from it."""
    found = {ROOT: ErrorClass(ROOT, "Exception", "caravan_client.server_errors", 500, "engine_failure")}
    classes = list(_classes())
    while fresh := [each for each in classes if each[1].name not in found and _base(each[1]) in found]:
        for module, node in fresh:
            base = found[_base(node)]
            status, code = _own(node, "http_status", base.status), _own(node, "code", base.code)
            assert isinstance(status, int)
            found[node.name] = ErrorClass(node.name, base.name, module, status, str(code))
    return found


def _classes() -> Iterator[tuple[str, ast.ClassDef]]:
    for part in ("app", "tasks"):
        for path in sorted((HOUSE / part).rglob("*.py")):
            module = ".".join(path.relative_to(HOUSE).with_suffix("").parts).removeprefix("app.client.")
            yield from ((module, node) for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef))


def _base(node: ast.ClassDef) -> str:
    match node.bases:
        case [ast.Name(id=name) | ast.Attribute(attr=name), *_]:
            return name
    return ""


def _own(node: ast.ClassDef, name: str, default: object) -> object:
    for line in node.body:
        if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name) and line.targets[0].id == name:
            return ast.literal_eval(line.value)
    return default
