"""``/v1/files``."""

from __future__ import annotations

from dataclasses import replace

from app.endpoints.files.wire import PAGE, DeletedFile, FileForm, FileInUse, FileList, FileObject
from app.http.byte_range import RangeNotSatisfiable
from app.openapi import examples
from app.openapi.describe import Answer, Description, Header, Parameter
from app.openapi.parts import AFTER_ID, ORDER, SHOULD_RETRY, limit
from tasks import errors
from tasks.files.record import Purpose

TAG = "Files"
ABOUT = "Inputs and outputs of batches."
_ERRORS = (errors.FileNotFound, errors.BrokerUnavailable)
_FILTERS = (
    Parameter(
        name="purpose",
        where="query",
        meaning="Only files with this purpose.",
        schema={"type": "string"},
        example=Purpose.BATCH.value,
    ),
    ORDER,
    limit(*PAGE),
    AFTER_ID,
)
_RANGE = Parameter(
    name="Range",
    where="header",
    meaning="The wanted bytes: `bytes=0-99`, `bytes=100-` or `bytes=-100`. Several ranges are ignored.",
    schema={"type": "string"},
    example="bytes=0-",
)
_ACCEPT_RANGES = Header(name="Accept-Ranges", meaning="The unit of ranges.", schema={"const": "bytes"})
_CONTENT_RANGE = Header(
    name="Content-Range", meaning="The returned range, and the length of the file.", schema={"type": "string"}
)
_NEXT = {f"files.{call}": "file_id" for call in ("show", "content", "delete")}

CALLS = {
    "files.create": Description(
        tag=TAG,
        bodies=(FileForm,),
        form=True,
        examples=examples.FILES,
        answers={200: Answer(meaning="The file.", schema=FileObject, links=_NEXT)},
        errors=(
            errors.InvalidRequest,
            errors.RequestTooLarge,
            errors.StorageLimited,
            errors.StorageUnavailable,
            errors.BrokerUnavailable,
        ),
        error_headers=(replace(SHOULD_RETRY, always=False),),
    ),
    "files.index": Description(
        tag=TAG,
        parameters=_FILTERS,
        answers={200: Answer(meaning="A page.", schema=FileList)},
        errors=(errors.InvalidRequest, errors.BrokerUnavailable),
    ),
    "files.show": Description(tag=TAG, answers={200: Answer(meaning="The file.", schema=FileObject)}, errors=_ERRORS),
    "files.content": Description(
        tag=TAG,
        parameters=(_RANGE,),
        answers={
            200: Answer(
                meaning="The whole file.", schema=bytes, content="application/octet-stream", headers=(_ACCEPT_RANGES,)
            ),
            206: Answer(
                meaning="The requested range.",
                schema=bytes,
                content="application/octet-stream",
                headers=(_ACCEPT_RANGES, _CONTENT_RANGE),
            ),
        },
        errors=(RangeNotSatisfiable, *_ERRORS),
    ),
    "files.delete": Description(
        tag=TAG,
        answers={200: Answer(meaning="The file is deleted.", schema=DeletedFile)},
        errors=(FileInUse, *_ERRORS),
    ),
}
