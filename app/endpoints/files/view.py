"""A file as ``/v1/files`` shows it. Pure."""

from __future__ import annotations

from app.endpoints.files.wire import FileObject
from app.http.wire_types import whole
from tasks.files.record import File


def view(file: File) -> FileObject:
    """OpenAI's object."""
    return {
        "id": file.id,
        "object": "file",
        "bytes": file.bytes,
        "created_at": int(file.created_at),
        "expires_at": whole(file.expires_at),
        "filename": file.filename,
        "purpose": file.purpose.value,
        "status": "processed",
        "status_details": None,
    }
