"""What the routes work with, wired once by the factory and found through the application."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app, g, has_app_context
from redis import Redis

from app.openapi.describe import Described
from app.services.http_metrics import HttpMetrics
from app.services.open_streams import OpenStreams
from app.services.rate_counter import Rates
from app.services.redis_memory import RedisMemory
from app.services.tokenizer_infos import TokenizerInfos
from tasks.batches.store import BatchStore
from tasks.files.store import FileStore
from tasks.ledger.api_keys import KeyStore
from tasks.ledger.conversations import Conversations
from tasks.ledger.ledger import Ledger
from tasks.ledger.sessions import SessionStore
from tasks.ledger.stream_hub import StreamHub
from tasks.models.catalogue import Catalogue
from tasks.models.current import CurrentCatalogue
from tasks.queue.service import QueueService
from tasks.settings import Settings


@dataclass(frozen=True, slots=True)
class Services:
    settings: Settings
    models: CurrentCatalogue
    redis: Redis
    broker: Redis
    ledger: Ledger
    queue: QueueService
    hub: StreamHub
    metrics: HttpMetrics
    keys: KeyStore
    conversations: Conversations
    sessions: SessionStore
    rates: Rates
    streams: OpenStreams
    redis_memory: RedisMemory
    tokenizer_infos: TokenizerInfos
    files: FileStore
    batches: BatchStore
    described: Described

    @property
    def catalogue(self) -> Catalogue:
        """The models; the same ones for as long as a request is handled, whatever is read again meanwhile."""
        if not has_app_context():
            return self.models.now
        found: Catalogue = g.setdefault("catalogue", self.models.now)
        return found


def services() -> Services:
    """The services of the application that handles this request."""
    found: Services = current_app.extensions["caravan"]
    return found
