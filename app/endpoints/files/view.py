"""A file as ``/v1/files`` shows it. Pure."""

from __future__ import annotations

from typing import Any

from tasks.files.record import File


def view(file: File) -> dict[str, Any]:
    """OpenAI's object."""
    return {
        "id": file.id,
        "object": "file",
        "bytes": file.bytes,
        "created_at": int(file.created_at),
        "expires_at": None if file.expires_at is None else int(file.expires_at),
        "filename": file.filename,
        "purpose": file.purpose.value,
        "status": "processed",
        "status_details": None,
    }
