"""``/overview``."""

from __future__ import annotations

from app.endpoints.overview.wire import Overview
from app.openapi.describe import Answer, Description
from tasks.errors import BrokerUnavailable

TAG = "Overview"
ABOUT = "The cluster at a glance, for pages that show it live."

CALLS = {
    "overview.index": Description(
        tag=TAG, answers={200: Answer(meaning="The cluster.", schema=Overview)}, errors=(BrokerUnavailable,)
    ),
}
