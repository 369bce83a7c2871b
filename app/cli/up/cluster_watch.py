"""How far the cluster that `caravan up` starts has come, asked over HTTP. No call takes long."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import httpx

from app.cli.up.parts import State

SECONDS = 1.0


class Watch:
    """Asks the web front and Flower.

    Args:
        api: where the web front is.
        key: an admin's; '' while no keys are asked for.
        flower: the address of Flower's health check.
    """

    def __init__(self, *, api: str, key: str, flower: str) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        # They are on this machine: no proxy leads there.
        self._http = httpx.Client(base_url=api, headers=headers, timeout=SECONDS, trust_env=False)
        self._flower = flower

    def close(self) -> None:
        self._http.close()

    def web(self) -> bool:
        """Whether jobs are accepted."""
        answer = self._get("/readyz")
        return answer is not None and answer.status_code == 200

    def failed(self) -> dict[str, str] | None:
        """Why models cannot be served; None if nobody says. A scrape, so no line of the front's log."""
        models = _json(self._get("/readyz")).get("models")
        if not isinstance(models, dict):
            return None
        return {name: model.get("reason", "") for name, model in models.items() if model.get("state") == "failed"}

    def models(self) -> list[Mapping[str, Any]]:
        """The models as `GET /models` shows them; none while it does not answer."""
        found: list[Mapping[str, Any]] = _json(self._get("/models")).get("data", [])
        return found

    def missing(self) -> dict[str, int]:
        """Models that the catalogue does not have, by how many jobs wait for each."""
        queues = _json(self._get("/queues")).get("data", [])
        return {queue["model"]: queue["depth"] for queue in queues if not queue["in_catalogue"]}

    def flower(self) -> State:
        """Whether Flower answers; any answer will do, since what it asks for is its own matter."""
        try:
            self._http.get(self._flower, headers={"Authorization": ""})
        except httpx.RemoteProtocolError:  # it speaks TLS
            return "ready"
        except httpx.HTTPError:
            return "starting"
        return "ready"

    def submit(self, body: Mapping[str, Any], *, key: str) -> dict[str, Any]:
        """The job that was accepted, or `error`; the same job for the same idempotency key.

        Raises httpx.HTTPError or ValueError for what may pass: no answer in time, or a server that cannot take it now.
        """
        answer = self._http.post("/jobs", json=body, headers={"Idempotency-Key": key})
        job: dict[str, Any] = answer.json()
        if answer.status_code in (httpx.codes.CONFLICT, httpx.codes.TOO_MANY_REQUESTS) or answer.is_server_error:
            raise ValueError(str(job.get("error", {}).get("message", answer.status_code)).rstrip("."))
        return job

    def job(self, job_id: str) -> dict[str, Any]:
        """A job as it is now; {} if the front does not answer."""
        return _json(self._get(f"/jobs/{job_id}"))

    def _get(self, path: str) -> httpx.Response | None:
        with suppress(httpx.HTTPError):
            return self._http.get(path)
        return None


def _json(answer: httpx.Response | None) -> dict[str, Any]:
    if answer is None or answer.is_error:
        return {}
    with suppress(ValueError):
        body = answer.json()
        return body if isinstance(body, dict) else {}
    return {}
