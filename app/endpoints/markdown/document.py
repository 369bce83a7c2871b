"""``/markdown``."""

from __future__ import annotations

from app.endpoints.markdown.wire import MarkdownBody, RenderedText
from app.openapi import examples
from app.openapi.describe import Answer, Description
from tasks.errors import InvalidRequest, RequestTooLarge

TAG = "Markdown"
ABOUT = "Answers as HTML that is safe to show."

CALLS = {
    "markdown.render": Description(
        tag=TAG,
        bodies=(MarkdownBody,),
        examples=examples.MARKDOWN,
        answers={200: Answer(meaning="The HTML.", schema=RenderedText)},
        errors=(InvalidRequest, RequestTooLarge),
    ),
}
