"""Logging: events with bound keys, as JSON in production and readable in a terminal. Prompts are never logged."""

from __future__ import annotations

import logging
import sys
from types import TracebackType

import structlog

from tasks.logs.console import Handler, console_renderer
from tasks.settings import Settings
from tasks.texts import printable

Logger = structlog.stdlib.BoundLogger

NOISY = ("celery.worker.strategy", "celery.app.trace", "httpx", "httpcore", "gunicorn.access", "tornado.access")


def get_logger(name: str) -> Logger:
    """A logger whose events take keys: ``log.info("job claimed", job_id=...)``."""
    logger: Logger = structlog.stdlib.get_logger(name)
    return logger


def configure(settings: Settings, name: str = "caravan") -> None:
    """Send structlog's and the standard library's records to stderr in one form.

    Args:
        name: the process's, for the form that people read.
    """
    as_json = settings.log_format == "json" or (settings.log_format == "auto" and not sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        _escape,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if as_json
        else console_renderer(name, colours=sys.stderr.isatty(), whole=settings.log_level == "debug")
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr) if as_json else Handler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught


def _escape(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Have no text of a client's reach a terminal that obeys it, or begin a line. Tracebacks have lines."""
    for key, value in event.items():
        if isinstance(value, str):
            lines = value.split("\n") if key in ("exception", "stack") else [value]
            event[key] = "\n".join(map(printable, lines))
    return event


def _log_uncaught(kind: type[BaseException], exc: BaseException, traceback: TracebackType | None) -> None:
    """What ends a process is an event as well."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, exc, traceback)
    else:
        get_logger(__name__).critical("the process ends", exc_info=(kind, exc, traceback))
