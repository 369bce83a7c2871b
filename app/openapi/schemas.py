"""JSON schemas of the types that routes take and give."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

REFERENCE = "#/components/schemas/{model}"


class _Generator(GenerateJsonSchema):
    """As pydantic's, but for titles, for null as a default, and for null where there is another (`app.bodies.part`)."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if schema.get("default", ...) is None:
            return self.generate_inner(schema["schema"])
        made = super().default_schema(schema)
        default = {"default": made.pop("default")} if "default" in made else {}
        return {**self.get_flattened_anyof([made, {"type": "null"}]), **default}

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        made = super().dict_schema(schema)
        if "patternProperties" in made:  # pydantic 2.14 leaves open what names of another pattern are: refused
            made["additionalProperties"] = False
        return made


class Schemas:
    """Schemas by type, those with a name among the components."""

    def __init__(self, types: Iterable[Any]) -> None:
        kinds = list({repr(kind): kind for kind in types}.values())
        adapters = [(repr(kind), "validation", TypeAdapter(kind)) for kind in kinds]
        made, shared = TypeAdapter.json_schemas(
            adapters,  # type: ignore[arg-type]  # its Literal of modes is not exported
            ref_template=REFERENCE,
            schema_generator=_Generator,
        )
        self._made: Mapping[str, JsonSchemaValue] = {key: schema for (key, _), schema in made.items()}
        self.components: dict[str, JsonSchemaValue] = shared.get("$defs", {})

    def of(self, kind: Any) -> JsonSchemaValue:
        """The schema of one of the types, as a rule a reference."""
        return dict(self._made[repr(kind)])
