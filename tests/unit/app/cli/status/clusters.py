"""What clusters tell of themselves."""

from __future__ import annotations

from typing import Any

from app.cli.status.snapshot import Snapshot

URL = "http://127.0.0.1:8000"


def model(name: str = "demo", state: str = "loaded", **fields: Any) -> dict[str, Any]:
    """A model as ``GET /models`` has it; a loaded one has a worker."""
    workers = [{"name": f"{name}-1", "slots": 8, "processor": "haswell"}] if state == "loaded" else []
    return {
        "id": name, "object": "model", "state": state, "kind": "generative", "context": 1024,
        "slots": 8 * len(workers), "busy": 0, "queued": 0, "running": 0, "tokens_per_second": 0.0,
        "workers": workers, "starting": [], **fields,
    }  # fmt: skip


def queue(name: str = "demo", state: str = "open") -> dict[str, Any]:
    return {"model": name, "object": "queue", "state": state}


def failure(code: str = "engine_failure", **fields: Any) -> dict[str, Any]:
    error = {"code": code, "message": "No."}
    job_id = "573a9ce6-2045-4d0e-934d-150c35b198a7"
    return {"id": job_id, "model": "demo", "error": error, "finished_at": 1_700_000_000, **fields}


def snapshot(*models: dict[str, Any], state: str = "open", **fields: Any) -> Snapshot:
    """A cluster with these models, whose queues are in this state."""
    given = {"redis_fault": "", "models": models, "queues": [queue(each["id"], state) for each in models]}
    return Snapshot(URL, **{**given, **fields})
