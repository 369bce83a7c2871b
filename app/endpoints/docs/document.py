"""``/openapi.json`` and ``/docs``."""

from __future__ import annotations

from typing import Any

from app.endpoints.docs.page import FILES
from app.openapi.describe import Answer, Description, Parameter
from tasks.errors import NotFound

TAG = "API"
ABOUT = "This document, and the interactive reference."
OpenAPIDocument = dict[str, Any]
UNCHANGED = Answer(meaning="The client's copy is current, by its `If-None-Match`.")
_FILE = Parameter(
    name="file",
    where="path",
    meaning="A file of the page.",
    schema={"type": "string", "enum": sorted(FILES)},
    example="start.js",
)

CALLS = {
    "docs.document": Description(
        tag=TAG, answers={200: Answer(meaning="The document.", schema=OpenAPIDocument)}, any_query=True
    ),
    "docs.page": Description(
        tag=TAG,
        answers={200: Answer(meaning="The page.", schema=str, content="text/html"), 304: UNCHANGED},
        any_query=True,
    ),
    "docs.file": Description(
        tag=TAG,
        parameters=(_FILE,),
        answers={200: Answer(meaning="The file.", schema=str, content="*/*"), 304: UNCHANGED},
        errors=(NotFound,),
        any_query=True,
    ),
}
