"""The Python client: `Client` and `AsyncClient`. What they raise is in `app.client.errors`."""

from app.client.aio import AsyncClient
from app.client.events import StreamedEvent
from app.client.job import Job
from app.client.options import Options
from app.client.sync import Client

__all__ = ["AsyncClient", "Client", "Job", "Options", "StreamedEvent"]
