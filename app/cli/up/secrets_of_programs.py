"""Which program of a cluster is given which secret: what it needs, whatever `caravan up` itself was given.

A program's environment can be read by whoever takes the program over, or reads its core file. A worker reads prompts of
strangers and files of models, and needs no key at all.
"""

from __future__ import annotations

NEEDED_BY = {
    "CARAVAN_ADMIN_KEY": ("web",),
    "CARAVAN_METRICS_KEY": ("web",),
    "CARAVAN_FLOWER_PASSWORD": ("flower",),
    "CARAVAN_WEBHOOK_SECRET": ("web", "clerk"),
    "CARAVAN_WEBHOOK_SHARED_SECRET": ("clerk",),
    "CARAVAN_API_KEY": (),
    "FLOWER_BASIC_AUTH": ("flower",),
    "FLOWER_OAUTH2_KEY": ("flower",),
    "FLOWER_OAUTH2_SECRET": ("flower",),
    "FLOWER_COOKIE_SECRET": ("flower",),
    "HF_TOKEN": ("worker",),
    "OTEL_EXPORTER_OTLP_HEADERS": ("web", "worker", "clerk"),
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS": ("web", "worker", "clerk"),
}
"""The kinds of programs that need each variable."""
REDIS = ("CARAVAN_REDIS_URL", "CARAVAN_BROKER_URL", "CARAVAN_SENTINEL_USER", "CARAVAN_SENTINEL_PASSWORD")
"""What all need but Redis."""


def withheld_from(kind: str) -> frozenset[str]:
    """The variables that a kind of program does not get; settings take them in any case of letters."""
    others = frozenset(REDIS) if kind == "redis" else frozenset()
    return others | {name for name, kinds in NEEDED_BY.items() if kind not in kinds}
