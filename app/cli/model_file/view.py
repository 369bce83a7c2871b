"""A model's file on a screen, and for programs. Pure."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from app.cli.model_file.look import ModelFile
from app.cli.table import labelled
from app.cli.words import counted
from tasks.byte_sizes import size
from tasks.models.facts import Facts


def lines(name: str, file: ModelFile, *, width: int | None) -> list[str]:
    """What is known, a line each."""
    said = file.facts
    several = f" in {file.num_files} files" if file.num_files > 1 else ""
    return labelled(
        {
            "name": name,
            "path": file.path,
            "here": "yes" if file.is_here else "no, it is not downloaded",
            "size": f"{size(file.num_bytes)}{several}",
            "title": said.name or None,
            "architecture": said.architecture or None,
            "makes": _product(said),
            "parameters": f"{said.parameters:,}",
            "quantisation": said.quantisation or None,
            "trained for": said.context and counted(said.context, "token"),
            "layers": said.layers,
            "width": said.width,
            "heads": _heads(said.heads, said.kv_heads),
            "experts": said.experts and f"{said.experts}, {said.experts_used or 'some'} for a token",
            "vocabulary": said.vocabulary and counted(said.vocabulary, "token"),
            "tokenizer": said.tokenizer or None,
            "chat template": "yes" if said.chat_template else "no",
            "licence": said.licence or None,
            "sha256": " ".join(filter(None, file.sha256)) or None,
        },
        width,
    )


def as_json(name: str, file: ModelFile) -> dict[str, Any]:
    """The same for programs: sizes in bytes, null for what is not known."""
    said = {key: None if value == "" else value for key, value in asdict(file.facts).items()}
    return {
        "id": name,
        "path": file.path,
        "here": file.is_here,
        "files": file.num_files,
        "bytes": file.num_bytes,
        "sha256": [each or None for each in file.sha256] if any(file.sha256) else None,
        **{"title" if key == "name" else key: value for key, value in said.items()},
    }


def _product(said: Facts) -> str:
    if said.scores_pairs:
        return "scores of documents for a query"
    return "vectors of texts" if said.makes_vectors else "text"


def _heads(heads: int | None, kv_heads: int | None) -> str | None:
    if not heads or not kv_heads or heads == kv_heads:
        return str(heads) if heads else None
    return f"{heads}, {kv_heads} of keys and values"
