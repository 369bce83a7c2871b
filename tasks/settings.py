"""Settings: ``CARAVAN_*`` environment variables, read once a process and handed down."""

from __future__ import annotations

import base64
import binascii
import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from math import inf
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from tasks.byte_sizes import bytes_of
from tasks.urls import (
    is_http_url,
    is_redis_url,
    redis_database,
    redis_form,
    with_redis_database,
    with_sentinel_login,
)

WEBHOOK_SCHEDULE = (5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
"""Seconds between attempts, as the Standard Webhooks specification suggests: ten of them in three days."""
_ADMIN_KEY = re.compile(r"[A-Za-z0-9._~+/=-]{32,}")
"""What a Bearer token may hold (RFC 6750, section 2.1)."""
_ORIGIN = re.compile(r"https?://[^/\s?#,]+")
_GPU = re.compile(r"[0-9]{1,3}|(GPU|MIG)-[A-Za-z0-9/-]+")
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}|\[?[0-9A-Fa-f:.]+(%\w+)?\]?")
"""A name, or an address of either family."""
_NAME = re.compile(r"\*|(\*\.)?[A-Za-z0-9._-]{1,253}")
"""A name, every name below one, or every name."""
_SERVICE_LINK = re.compile(r"(tcp|udp|sctp)://")
PORT = 8000


class Settings(BaseSettings):
    """Everything that can be configured from the environment."""

    model_config = SettingsConfigDict(
        env_prefix="CARAVAN_",
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        hide_input_in_errors=True,
        allow_inf_nan=False,
    )

    redis_url: str = Field("redis://127.0.0.1:6379/0", description="The ledger's Redis database.")
    broker_url: str | None = Field(None, description="Celery's Redis database; the one after the ledger's if unset.")
    sentinel_user: str | None = Field(None, description="The user as whom Redis' sentinels are asked.")
    sentinel_password: SecretStr | None = Field(None, description="The password of Redis' sentinels.")
    redis_replicas: int = Field(
        0, ge=0, le=16, description="Replicas of Redis that must have a job before it is accepted."
    )
    models_file: Path | None = Field(None, description="The catalogue (models.yaml); the demo model alone if unset.")
    models_accepted: Path | None = Field(
        None, description="The catalogue as `caravan up` has read it last, which its programs read; it sets this."
    )

    any_model_name: bool = Field(
        True, description="Whether the only model of its kind answers for names that are not served."
    )

    host: str = Field("127.0.0.1", description="The address that the web front binds.")
    port: int = Field(PORT, ge=0, le=65535, description="The port that the web front binds.")
    web_processes: int = Field(2, ge=1, description="Processes of the web front.")
    web_connections: int = Field(2000, ge=1, description="Open connections a web process may hold.")
    max_body_bytes: int = Field(1 << 20, ge=1024, description="Largest request body, in bytes.")
    body_seconds: float = Field(3600, gt=0, description="Seconds that a request's body may take to come.")
    max_wait_seconds: float = Field(60, gt=0, description="Longest ?wait= and Prefer: wait, in seconds.")
    heartbeat_seconds: float = Field(10, gt=0, description="Seconds between comments on a silent stream.")

    keys: bool = Field(False, description="Whether every call but the probes asks for an API key.")
    admin_key: SecretStr | None = Field(None, description="A key for everything, which is not kept in Redis.")
    metrics_key: SecretStr | None = Field(None, description="A key for /metrics alone, which is not kept in Redis.")
    flower_password: SecretStr | None = Field(
        None, description="The password of Flower's user admin, 32 characters or more."
    )
    owner_share: float = Field(
        0.5, gt=0, le=1, description="The part of what owners share that one without a limit of its own may have."
    )
    all_requests_per_minute: int = Field(120_000, ge=1, description="Calls that write a minute, of all keys together.")
    all_reads_per_minute: int = Field(120_000, ge=1, description="Calls that read a minute, of all keys together.")
    all_streams: int | None = Field(
        None, ge=1, description="Responses held open at once, of all owners; all connections of the front if unset."
    )
    all_stored_bytes: int | None = Field(
        None, ge=1, description="Bytes of all owners' files; what the disk has room for if unset."
    )
    all_result_bytes: int | None = Field(
        None, ge=1, description="Bytes of Redis that owners' jobs share; half of what Redis may use if unset."
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        ("localhost",),
        description="Origins whose pages may call, by commas; * is any, localhost those on loopback.",
    )

    hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Names beside its own that the web front goes by while keys are off, by commas; * is any."
    )

    flower_url: str | None = Field(
        None, description="A Flower that /flower is handed on to; there is no /flower if unset."
    )

    max_queue: int = Field(10_000, ge=1, description="Jobs a model's queue holds before new ones get 429.")
    result_ttl: int = Field(86_400, ge=1, description="Seconds that an ended job and its events are kept.")
    lease_seconds: float = Field(10, gt=0, description="Seconds after which a silent worker loses its jobs.")
    unclaimed_seconds: float = Field(
        5, gt=0, description="Seconds after which an unclaimed message goes back to the line."
    )
    ageing_seconds: float = Field(
        30,
        gt=0,
        description="Seconds without a turn after which a line goes before more urgent ones, once.",
    )
    stuck_seconds: float = Field(
        60, gt=0, description="Seconds after which a worker whose engine makes no step ends, to be started again."
    )
    missing_model_seconds: float = Field(
        86_400, gt=0, description="Seconds after which waiting jobs end whose model has left the catalogue."
    )
    drain_seconds: float = Field(20, ge=0, description="Seconds that a stopping worker goes on decoding.")

    memory_budget: int | None = Field(
        None,
        ge=1,
        description="Bytes that the workers of caravan up may take together; most of the machine's if unset.",
    )

    gpus: str = Field(
        "",
        description="GPUs of which caravan up gives each worker one, such as 0,1; each worker sees all if unset.",
    )

    heartbeat_file: Path | None = Field(None, description="A file that workers and the clerk touch while they serve.")

    threads: int | None = Field(
        None, ge=1, le=1024, description="CPU threads a worker decodes with; all cores if unset."
    )
    gpu_layers: int = Field(
        -1, ge=-1, description="Layers kept on the GPU; -1 is all, where llama.cpp was built for one."
    )

    fake_step_seconds: float = Field(0.02, ge=0, description="Seconds that a step of a model with path: fake takes.")
    fake_script: Path | None = Field(None, description="What a model with path: fake says, as a JSON file.")

    webhook_secret: SecretStr | None = Field(
        None,
        description="What owners' webhook secrets are made of, whsec_ and base64; several, newest first, by spaces.",
    )
    webhook_shared_secret: SecretStr | None = Field(
        None, description="What the webhooks of all owners are signed with as well, as releases before did."
    )
    webhook_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        (), description="Networks beside the public internet that webhooks may go to, by commas."
    )
    webhook_schedule: Annotated[tuple[float, ...], NoDecode] = Field(
        WEBHOOK_SCHEDULE, description="Seconds between one attempt to send a webhook and the next, by commas."
    )
    webhook_timeout_seconds: float = Field(20, gt=0, description="Seconds that an attempt to send a webhook may take.")
    webhook_connections: int = Field(32, ge=1, description="Webhooks that are being sent at once, over all clerks.")

    files_dir: Path = Field(Path(".caravan/files"), description="Where files lie; the web front and clerks share it.")
    max_file_bytes: int = Field(1 << 30, ge=1024, description="Largest file that can be uploaded, in bytes.")
    file_ttl: int = Field(
        30 * 86_400, ge=3600, description="Seconds that files, and batches after their end, are kept."
    )
    batches: int = Field(4, ge=1, le=64, description="Batches that are worked on at once, over all clerks.")

    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least severe event logged.")
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="json, console, or auto: console if stderr is a terminal."
    )

    @field_validator("port", mode="before")
    @classmethod
    def _of_a_service(cls, port: Any) -> Any:
        """Kubernetes tells pods of a Service called `caravan`: CARAVAN_PORT=tcp://10.0.0.1:80 is not meant for us."""
        return PORT if isinstance(port, str) and _SERVICE_LINK.match(port) else port

    @field_validator("memory_budget", mode="before")
    @classmethod
    def _is_a_size(cls, budget: Any) -> Any:
        if isinstance(budget, str) and not (count := bytes_of(budget)):
            raise ValueError("must be bytes, or a number with K, M, G or T, such as 24G")
        return count if isinstance(budget, str) else budget

    @field_validator("gpus")
    @classmethod
    def _names_gpus(cls, gpus: str) -> str:
        ids = [gpu.strip() for gpu in gpus.split(",")] if gpus.strip() else []
        if not all(_GPU.fullmatch(gpu) for gpu in ids) or len(set(ids)) < len(ids):
            raise ValueError("must be numbers or UUIDs of GPUs, each once, with commas between them, such as 0,1")
        return ",".join(ids)

    @field_validator("host")
    @classmethod
    def _is_a_host(cls, host: str) -> str:
        if not _HOST.fullmatch(host):
            raise ValueError("must be an address or a name of this machine, without a port")
        return host

    @field_validator("redis_url", "broker_url")
    @classmethod
    def _is_redis(cls, url: str | None) -> str | None:
        if url is not None and not is_redis_url(url):
            raise ValueError(f"must be {redis_form(url)}")
        return url

    @field_validator("sentinel_user", "sentinel_password")
    @classmethod
    def _has_no_space(cls, login: str | SecretStr | None) -> str | SecretStr | None:
        text = login.get_secret_value() if isinstance(login, SecretStr) else login or ""
        if any(letter.isspace() for letter in text):
            raise ValueError("must have no spaces")
        return login

    @field_validator("flower_url")
    @classmethod
    def _over_http(cls, url: str | None) -> str | None:
        if url is not None and not is_http_url(url):
            raise ValueError("must be http://HOST:PORT or https://HOST:PORT")
        return url

    @field_validator("webhook_secret", "webhook_shared_secret")
    @classmethod
    def _signs(cls, secret: SecretStr | None) -> SecretStr | None:
        for each in secret.get_secret_value().split() if secret else ():
            try:
                key = base64.b64decode(each.removeprefix("whsec_"), validate=True)
            except binascii.Error as exc:
                raise ValueError("must be whsec_ and base64") from exc
            if not each.startswith("whsec_") or not 24 <= len(key) <= 64:
                raise ValueError("must be whsec_ and the base64 of 24 to 64 bytes")
        return secret

    @field_validator("webhook_networks", mode="before")
    @classmethod
    def _are_networks(cls, networks: Any) -> Any:
        try:
            return tuple(ip_network(network) for network in networks)
        except ValueError as exc:
            raise ValueError("must be networks, separated by commas: 10.0.0.0/8,fd00::/8") from exc

    @field_validator("webhook_schedule", mode="before")
    @classmethod
    def _are_seconds(cls, seconds: Any) -> Any:
        try:
            numbers = tuple(float(each) for each in seconds)
        except ValueError:
            numbers = (0.0,)
        if not all(0 < number < inf for number in numbers):
            raise ValueError("must be numbers above 0, separated by commas")
        return numbers

    @field_validator("webhook_networks", "webhook_schedule", "cors_origins", "hosts", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        """Of validators that run before, the last one runs first."""
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """Those that owners' secrets are made of; none if there are no webhooks."""
        return tuple(self.webhook_secret.get_secret_value().split()) if self.webhook_secret else ()

    @property
    def webhook_shared_secrets(self) -> tuple[str, ...]:
        """Those that sign for all owners."""
        return tuple(self.webhook_shared_secret.get_secret_value().split()) if self.webhook_shared_secret else ()

    @field_validator("admin_key", "metrics_key", "flower_password")
    @classmethod
    def _cannot_be_guessed(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and not _ADMIN_KEY.fullmatch(key.get_secret_value()):
            raise ValueError("must have 32 characters or more, letters, digits and '-._~+/=' alone")
        return key

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        if origins == ("none",):
            return ()
        if not all(origin in ("*", "localhost") or _ORIGIN.fullmatch(origin) for origin in origins):
            raise ValueError("must be origins, https://host or http://host:port without a path; or localhost, or none")
        return origins

    @field_validator("hosts")
    @classmethod
    def _are_names(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_NAME.fullmatch(host) for host in hosts):
            raise ValueError("must be names without a port, separated by commas: gpu-box,*.example.org")
        return tuple(host.lower().removesuffix(".") for host in hosts)

    @property
    def ledger_url(self) -> str:
        """The ledger's database, with what opens the sentinels."""
        return self._opened(self.redis_url)

    @property
    def celery_broker_url(self) -> str:
        """Celery's database: given, or the one after the ledger's on the same server; with what opens the sentinels."""
        return self._opened(self.broker_url or with_redis_database(self.redis_url, redis_database(self.redis_url) + 1))

    def _opened(self, url: str) -> str:
        password = self.sentinel_password.get_secret_value() if self.sentinel_password else None
        return with_sentinel_login(url, user=self.sentinel_user, password=password)
