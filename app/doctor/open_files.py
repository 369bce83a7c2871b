"""The limit of open files: each connection is one."""

from __future__ import annotations

import resource
from collections.abc import Iterator

from app.doctor.finding import Finding, fault, ok, warning

CHECK = "open files"
BESIDE_CONNECTIONS = 200
"""What a web process opens besides: Redis, logs, modules, files of uploads."""
LEAST = 256
"""With less not one process of the cluster works."""


def read() -> tuple[int, int]:
    """The limit of this process, and how far it may be raised without rights."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)


def judge(soft: int, hard: int, *, web_connections: int) -> Iterator[Finding]:
    """Whether a web process can hold the connections that it may."""
    wanted = web_connections + BESIDE_CONNECTIONS
    unlimited = resource.RLIM_INFINITY
    if soft == unlimited or soft >= wanted:
        yield ok(CHECK, "no limit" if soft == unlimited else f"{soft} a process")
        return
    raised = f"`ulimit -n {wanted}` before the start, LimitNOFILE={wanted} with systemd"
    if hard != unlimited and hard < wanted:
        raised += f"; as root, since {hard} is the most that this user may set"
    found = f"{soft} a process, and a web process may hold {web_connections} connections"
    advice = f"Raise the limit: {raised}. Or lower CARAVAN_WEB_CONNECTIONS."
    yield fault(CHECK, found, advice) if soft < LEAST else warning(CHECK, found, advice)
