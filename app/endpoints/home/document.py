"""``/``."""

from __future__ import annotations

from app.endpoints.home.wire import Home
from app.openapi.describe import Answer, Description

TAG = "Home"
ABOUT = "Where things are on this server."

CALLS = {
    "home.index": Description(tag=TAG, answers={200: Answer(meaning="Paths.", schema=Home, page=True)}),
}
