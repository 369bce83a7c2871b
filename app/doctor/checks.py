"""All checks of a machine, in the order in which they are told."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from app.doctor import catalogue, cores, disks, gpus, library, memory, models, open_files, processor, redis_access
from app.doctor.examination import Check
from app.doctor.finding import Finding, fault, ok
from app.doctor.redis_server import SERVER
from app.doctor.surroundings import Given
from tasks.llama_build.processor import read as read_processor
from tasks.machine.memory import read_room
from tasks.models.catalogue import Catalogue, ModelEntry
from tasks.models.hub import SCHEME

DATA_BYTES = 1 << 30
MODEL_BYTES = 10 << 30


@dataclass(frozen=True, slots=True)
class Server:
    """A Redis that was started for a look."""

    url: str
    where: str
    """Which program it is, in words."""


TrialRedis = Callable[[], AbstractContextManager[Server]]
"""Starts the Redis of `caravan up` for as long as the context lasts; raises NoRedis."""


@dataclass(frozen=True, kw_only=True)
class Patient:
    """What is looked at: a machine, as `caravan up` or one process of a cluster would find it."""

    given: Given
    models_file: Path | None
    redis_url: str | None
    """The cluster's Redis; None is one of its own."""
    data: Path
    self_tests: bool
    trial_redis: TrialRedis

    def checks(self) -> list[Check]:
        """One after the other; those of models last, since they take longest."""
        return [
            Check("settings", lambda: self.given.findings),
            Check(processor.CHECK, lambda: processor.judge(read_processor())),
            Check(library.CHECK, self._library),
            Check(cores.CHECK, self._cores),
            Check(memory.CHECK, self._memory),
            Check(gpus.CHECK, self._gpus),
            Check(SERVER, self._redis),
            Check(open_files.CHECK, self._open_files),
            Check("disks", self._disks),
            Check(catalogue.CHECK, lambda: self._catalogue[1]),
            *([Check("models", self._models)] if self.self_tests else []),
        ]

    @cached_property
    def library(self) -> library.Library | None:
        return library.read()

    def _library(self) -> Iterator[Finding]:
        return library.judge(self.library, read_processor(), workers_run_here=self.self_tests)

    @cached_property
    def cards(self) -> gpus.Cards:
        return gpus.read()

    @cached_property
    def _catalogue(self) -> tuple[Catalogue | None, list[Finding]]:
        return catalogue.read(self.models_file)

    @property
    def _entries(self) -> Catalogue:
        return self._catalogue[0] or Catalogue({})

    @property
    def _gpu_layers(self) -> int:
        """Those of a model that has any on a GPU; 0 if no model has."""
        left = self.given.settings.gpu_layers
        asked = [left if entry.gpu_layers is None else entry.gpu_layers for entry in self._entries.values()] or [left]
        return next((layers for layers in asked if layers), 0)

    @property
    def _on_card(self) -> bool:
        built_for = self.library.cards if self.library else ()
        return gpus.uses_card(self.cards, built_for, layers=self._gpu_layers)

    def _cores(self) -> Iterator[Finding]:
        found = cores.read()
        asked, left = self._entries.values(), self.given.settings.threads or found.logical
        threads = [entry.threads or left for entry in asked for _ in range(memory.workers_of(entry))] or [left]
        yield from cores.judge(found, threads=threads)
        yield from cores.judge_load(found, load=os.getloadavg()[0], threads=threads)

    def _memory(self) -> Iterator[Finding]:
        return memory.judge(read_room(), memory.needs(self._entries), on_card=self._on_card)

    def _gpus(self) -> Iterator[Finding]:
        built_for = self.library.cards if self.library else ()
        return gpus.judge(self.cards, built_for, layers=self._gpu_layers)

    def _redis(self) -> Iterator[Finding]:
        if {"CARAVAN_REDIS_URL", "CARAVAN_BROKER_URL"}.intersection(self.given.wrong):
            yield fault(SERVER, "not checked: its address is not valid", "Correct the variables above.")
        elif self.redis_url is not None:
            settings = self.given.settings.model_copy(update={"redis_url": self.redis_url})
            yield from redis_access.look(
                settings.ledger_url, settings.celery_broker_url, replicas=settings.redis_replicas
            )
        else:
            try:
                with self.trial_redis() as server:
                    settings = self.given.settings.model_copy(update={"redis_url": server.url, "broker_url": None})
                    yield from redis_access.look(server.url, settings.celery_broker_url, where=server.where)
            except redis_access.NoRedis as exc:
                yield fault(
                    SERVER, str(exc), "Install Redis 7.2 or later (apt install redis-server), or give --redis-url."
                )

    def _open_files(self) -> Iterator[Finding]:
        soft, hard = open_files.read()
        return open_files.judge(soft, hard, web_connections=self.given.settings.web_connections)

    def _disks(self) -> Iterator[Finding]:
        for folder in self._folders():
            yield from disks.judge(folder, disks.read(folder.path))
        if not self._from_hub:
            yield ok("disk of models", "not needed: no model of the catalogue comes from the Hub")

    def _folders(self) -> Iterator[disks.Folder]:
        settings = self.given.settings
        named = "files_dir" in settings.model_fields_set
        yield disks.Folder(
            check="disk of files",
            path=settings.files_dir if named else self.data / "files",
            setting="CARAVAN_FILES_DIR",
            wanted=settings.max_file_bytes,
            wanted_for="the largest upload (CARAVAN_MAX_FILE_BYTES)",
            needed=named or self.redis_url is None,
        )
        if self.redis_url is None:
            yield disks.Folder(
                check="disk of data",
                path=self.data,
                setting="--data",
                wanted=DATA_BYTES,
                wanted_for="the file of the cluster's own Redis",
            )
        if self._from_hub:
            from huggingface_hub.constants import HF_HUB_CACHE

            yield disks.Folder(
                check="disk of models",
                path=Path(HF_HUB_CACHE),
                setting="HF_HOME",
                wanted=MODEL_BYTES,
                wanted_for="a typical model",
                needed=not all(map(catalogue.is_here, self._from_hub)),
            )

    @property
    def _from_hub(self) -> list[ModelEntry]:
        return [entry for entry in self._entries.values() if entry.path.startswith(SCHEME)]

    def _models(self) -> Iterator[Finding]:
        """The self-test of each model that is here whole, if there is room for it beside all that runs."""
        env = {"CARAVAN_MODELS_FILE": str(self.models_file.absolute())} if self.models_file else {}
        for need in memory.needs(self._entries):
            refused = list(models.too_large(need, None if self._on_card else read_room()))
            yield from refused or models.judge(need.model, models.prove(need.model, env))
