"""The Python client: `Client` and `AsyncClient`. What they raise is in `caravan_client.errors`."""

from caravan_client.aio import AsyncClient
from caravan_client.events import StreamedEvent
from caravan_client.exchange import Patience
from caravan_client.job import Job, Ranked
from caravan_client.options import Options
from caravan_client.sync import Client

__all__ = ["AsyncClient", "Client", "Job", "Options", "Patience", "Ranked", "StreamedEvent"]
