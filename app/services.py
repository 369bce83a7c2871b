"""What the routes work with, wired once by the factory and found through the application."""

from __future__ import annotations

from dataclasses import dataclass

import redis
from flask import current_app

from app.metrics import HttpMetrics
from app.rates import Rates
from app.stream_hub import StreamHub
from tasks.bulk.batch_store import BatchStore
from tasks.files.store import FileStore
from tasks.job_store import JobStore
from tasks.key_store import KeyStore
from tasks.models.catalogue import Catalogue
from tasks.settings import Settings
from tasks.submit import Submitter


@dataclass(frozen=True, slots=True)
class Services:
    settings: Settings
    catalogue: Catalogue
    redis: redis.Redis
    store: JobStore
    submitter: Submitter
    hub: StreamHub
    metrics: HttpMetrics
    keys: KeyStore
    rates: Rates
    files: FileStore
    batches: BatchStore


def services() -> Services:
    """The services of the application that handles this request."""
    found: Services = current_app.extensions["caravan"]
    return found
