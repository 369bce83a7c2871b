"""What ``/v1/files`` takes as a form, and answers with."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from typing_extensions import TypedDict

from app.http.paging import PageSize
from app.http.wire_types import Count, Page, When
from tasks.errors import CaravanError

PAGE = PageSize(10_000, 10_000)
LEAST_EXPIRY = 3600
MOST_EXPIRY = 30 * 86_400


_SECONDS = {"type": "integer", "minimum": LEAST_EXPIRY, "maximum": MOST_EXPIRY}
# Without null, of which a form has none.
Anchor = Annotated[Literal["created_at"] | None, WithJsonSchema({"type": "string", "const": "created_at"})]
Expiry = Annotated[int | None, Field(ge=LEAST_EXPIRY, le=MOST_EXPIRY), WithJsonSchema(_SECONDS)]


class FileInUse(CaravanError):
    """Raised when a file cannot be deleted, since a batch needs it."""

    http_status = 409
    type = "conflict_error"
    code = "file_in_use"


class FileForm(BaseModel):
    """A file to be uploaded, as a form (``multipart/form-data``)."""

    model_config = ConfigDict(extra="forbid")

    file: Annotated[str, Field(json_schema_extra={"format": "binary"})]
    purpose: Literal["batch", "user_data", "assistants"]
    expires_anchor: Anchor = Field(None, alias="expires_after[anchor]")
    expires_seconds: Expiry = Field(None, alias="expires_after[seconds]")


class FileObject(TypedDict):
    """A file."""

    id: Annotated[str, Field(pattern="^file-[0-9a-f]{24}$")]
    object: Literal["file"]
    bytes: Annotated[Count, Field(description="For an output of a running batch: the bytes that can be read so far.")]
    created_at: When
    expires_at: When | None
    filename: str
    purpose: Literal["batch", "batch_output", "user_data", "assistants"]
    status: Literal["processed"]
    status_details: None


class FileList(Page):
    """A page of files."""

    data: list[FileObject]


class DeletedFile(TypedDict):
    """A deleted file."""

    id: str
    object: Literal["file"]
    deleted: Literal[True]
