"""Models as Ollama shows them. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from app.endpoints.ollama import wire
from app.endpoints.ollama.answers import rfc3339
from app.endpoints.ollama.model_file import ModelFile
from app.endpoints.ollama.names import with_tag
from tasks.answers.tools.formats import detect
from tasks.models.catalogue import ModelEntry

TEMPLATE = "tokenizer.chat_template"
UNKNOWN = "unknown"
_QUANTIZATIONS = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M",
    13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS",
    21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S",
    29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4",
}  # fmt: skip
"""``general.file_type`` in words: llama.cpp's ``llama_ftype``."""


def tag(name: str, file: ModelFile) -> wire.Tag:
    """A model in the list of all."""
    tagged = with_tag(name)
    return {
        "name": tagged,
        "model": tagged,
        "modified_at": rfc3339(file.modified_at),
        "size": file.size,
        "digest": file.digest,
        "details": _details(file),
    }


def loaded(name: str, entry: ModelEntry, file: ModelFile, *, now: float) -> wire.Loaded:
    """A model that has live workers."""
    tagged = with_tag(name)
    return {
        "name": tagged,
        "model": tagged,
        "size": file.size,
        "digest": file.digest,
        "details": _details(file),
        "expires_at": rfc3339(now + entry.keep_alive),
        "size_vram": 0,
        "context_length": _context(entry, file),
    }


def shown(name: str, entry: ModelEntry, file: ModelFile) -> wire.Shown:
    """A model by itself."""
    fields, context = file.fields, _context(entry, file)
    info = {key: value for key, value in fields.items() if key != TEMPLATE and _is_told(value)}
    family = fields.get("general.architecture", UNKNOWN)
    return {
        "license": str(fields.get("general.license", "")),
        "modelfile": f"FROM {name}\nPARAMETER num_ctx {context}\n",
        "parameters": f"num_ctx {context}",
        "template": _template(entry, file),
        "details": _details(file),
        "model_info": {"general.architecture": family, **info, f"{family}.context_length": context},
        "capabilities": _capabilities(entry, file),
        "modified_at": rfc3339(file.modified_at),
    }


def _details(file: ModelFile) -> wire.Details:
    fields: Mapping[str, Any] = file.fields
    family = str(fields.get("general.architecture", ""))
    return {
        "parent_model": "",
        "format": "gguf",
        "family": family,
        "families": [family] if family else [],
        "parameter_size": str(fields.get("general.size_label", "")),
        "quantization_level": _QUANTIZATIONS.get(fields.get("general.file_type", -1), ""),
    }


def _context(entry: ModelEntry, file: ModelFile) -> int:
    """Tokens that a conversation may have: the configured context, or the model's own if that is less."""
    own = file.fields.get(f"{file.fields.get('general.architecture')}.context_length")
    return min(entry.context, own) if isinstance(own, int) and own > 0 else entry.context


def _capabilities(entry: ModelEntry, file: ModelFile) -> list[Literal["completion", "tools", "thinking", "embedding"]]:
    """What may be asked. A model converses, and so calls tools, unless its file is known to lack a chat template."""
    if not entry.generates:
        return ["embedding"] if entry.kind == "embedding" else []
    template = _template(entry, file)
    if file.fields and not template:
        return ["completion"]
    return ["completion", "tools", "thinking"] if detect(template).thinking != "no" else ["completion", "tools"]


def _template(entry: ModelEntry, file: ModelFile) -> str:
    """The entry's chat template, or the file's."""
    return entry.chat_template or str(file.fields.get(TEMPLATE) or "")


def _is_told(value: Any) -> bool:
    """Whether a field is a text or a number: lists, as of tokens, are long."""
    return isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))
