#!/usr/bin/env bash
# pydantic 2.14.3 writes the bounds of an optional number into its JSON Schema under names that JSON Schema does not have
# ("ge" for "minimum"), if a function validates the number as well. Whoever validates by the schema then has no bounds;
# pydantic itself enforces them. Bounds on the inner type, Annotated[int, Field(ge=1), BeforeValidator(f)] | None, are
# written as they should be.
#
# Seen: {"ge": 1, "type": "integer"} for `outer`, {"minimum": 1, "type": "integer"} for `inner`; `outer=0` is refused.
#
# Exits 0 while that is so, 1 if it is not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pydantic==2.14.3
"$folder/venv/bin/python" -P - <<'PY'
from typing import Annotated

import pydantic
from pydantic import BaseModel, BeforeValidator, Field, ValidationError


def same(value: object) -> object:
    return value


class Numbers(BaseModel):
    outer: Annotated[int, BeforeValidator(same)] | None = Field(None, ge=1)
    inner: Annotated[int, Field(ge=1), BeforeValidator(same)] | None = None


told = {name: field["anyOf"][0] for name, field in Numbers.model_json_schema()["properties"].items()}
try:
    Numbers(outer=0)
    refused = False
except ValidationError:
    refused = True
print(pydantic.VERSION, told, "refused" if refused else "taken")
expected = {"outer": {"ge": 1, "type": "integer"}, "inner": {"minimum": 1, "type": "integer"}}
raise SystemExit(told != expected or not refused)
PY
