"""Settings: ``CARAVAN_*`` environment variables, read once a process and handed down."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Everything that can be configured from the environment."""

    model_config = SettingsConfigDict(env_prefix="CARAVAN_", frozen=True, extra="ignore")

    redis_url: str = Field("redis://127.0.0.1:6379/0", description="The ledger's Redis database.")
    broker_url: str | None = Field(None, description="Celery's Redis database; the one after the ledger's if unset.")
    models_file: Path | None = Field(None, description="The catalogue (models.yaml); the demo model alone if unset.")

    host: str = Field("127.0.0.1", description="The address that the web front binds.")
    port: int = Field(8000, ge=0, le=65535, description="The port that the web front binds.")
    web_processes: int = Field(2, ge=1, description="Processes of the web front.")
    web_connections: int = Field(2000, ge=1, description="Open connections a web process may hold.")
    max_body_bytes: int = Field(1 << 20, ge=1024, description="Largest request body, in bytes.")
    max_wait_seconds: float = Field(60, gt=0, description="Longest ?wait= and Prefer: wait, in seconds.")
    heartbeat_seconds: float = Field(10, gt=0, description="Seconds between comments on a silent stream.")

    max_queue: int = Field(10_000, ge=1, description="Jobs a model's queue holds before new ones get 429.")
    result_ttl: int = Field(86_400, ge=1, description="Seconds that an ended job and its events are kept.")
    lease_seconds: float = Field(10, gt=0, description="Seconds after which a silent worker loses its jobs.")
    unclaimed_seconds: float = Field(
        5, gt=0, description="Seconds after which an unclaimed message goes back to the line."
    )
    stuck_seconds: float = Field(
        60, gt=0, description="Seconds after which a worker whose engine makes no step ends, to be started again."
    )
    drain_seconds: float = Field(20, ge=0, description="Seconds that a stopping worker goes on decoding.")

    threads: int | None = Field(None, ge=1, description="CPU threads a worker decodes with; all cores if unset.")
    gpu_layers: int = Field(
        -1, ge=-1, description="Layers kept on the GPU; -1 is all, where llama.cpp was built for one."
    )

    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least severe event logged.")
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="json, console, or by whether stderr is a terminal."
    )

    @field_validator("redis_url", "broker_url")
    @classmethod
    def _over_tcp(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("redis://", "rediss://")):
            raise ValueError("must begin with redis:// or rediss://")
        return url

    @property
    def celery_broker_url(self) -> str:
        """Celery's database: given, or the one after the ledger's on the same server."""
        if self.broker_url:
            return self.broker_url
        url = urlsplit(self.redis_url)
        return urlunsplit(url._replace(path=f"/{int(url.path.strip('/') or 0) + 1}"))
