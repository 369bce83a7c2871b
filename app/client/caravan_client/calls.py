"""The calls of the interface, as exchanges: what both clients do, written once."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO, NamedTuple, Unpack

from caravan_client import exchange
from caravan_client.exchange import Exchange, FormFile, Patience, Request
from caravan_client.job import Job, Model, Ranked
from caravan_client.options import Asked, Options, body
from caravan_client.server_errors import (
    CaravanError,
    InvalidRequest,
    JobConflict,
    JobNotFound,
    RequestTooLarge,
    from_wire,
)

HELD_SECONDS = 30.0
"""How long the server is asked to hold an answer back; proxies cut what is silent for a minute."""
UPLOAD_SECONDS = 60.0
"""How long the server may take to answer once it has a file."""
MOST_DELETED = 500
"""Jobs that one call deletes."""
MOST_AT_ONCE = 1000
"""Jobs of a list, and jobs that one call waits for."""
LIST_BYTES = 1 << 18
"""Of a list's bodies, unless a single one has more."""
MOST_TRIES = 5


class Ended(NamedTuple):
    """Jobs that have ended, and the ids of those that are not there any more."""

    jobs: list[Job]
    missing: list[str]


class Calls:
    """A cluster's interface. `model` is asked where nothing else says one; None is the server's only one."""

    def __init__(self, *, model: str | None = None, patience: Patience | None = None) -> None:
        self._model = model
        self.patience = patience or Patience()

    def submit(
        self,
        asked: Asked,
        *,
        response_model: type[Model] | None = None,
        idempotency_key: str | None = None,
        **options: Unpack[Options],
    ) -> Exchange[Job]:
        """Submit a job; the job, queued. It is one job however often the connection breaks meanwhile."""
        body = yield from self._body(asked, options, response_model)
        return (yield from self._submit(body, idempotency_key or str(uuid.uuid4())))

    def submit_many(
        self,
        asked: Sequence[Asked],
        *,
        idempotency_keys: Sequence[str] | None = None,
        **options: Unpack[Options],
    ) -> Exchange[list[str | CaravanError]]:
        """Submit jobs, each by itself: of each its id, or why the server does not take it. Each is one job.

        Args:
            idempotency_keys: one for each of `asked`.
        """
        keys = idempotency_keys or [str(uuid.uuid4()) for _ in asked]
        bodies = []
        for each, key in zip(asked, keys, strict=True):
            body = yield from self._body(each, options, None)
            bodies.append({**body, "idempotency_key": key})
        verdicts: list[str | CaravanError] = []
        for few in _lists(bodies):
            verdicts += yield from self._submit_list(few)
        return verdicts

    def wait_any(self, jobs: Sequence[Job | str], *, held_seconds: float = HELD_SECONDS) -> Exchange[Ended]:
        """Those of at most `MOST_AT_ONCE` jobs that have ended, once some have, or when the server held it so long."""
        body = {"ids": [_id(job) for job in jobs], "wait": held_seconds}
        request = Request("POST", "/jobs/wait", body=body, wait_seconds=held_seconds)
        answer = yield from exchange.call(request, self.patience)
        return Ended([Job.from_wire(raw) for raw in answer["data"]], answer["missing"])

    def job(self, job: Job | str) -> Exchange[Job]:
        """A job as it is now."""
        return (yield from self._show(job))

    def wait(self, job: Job | str) -> Exchange[Job]:
        """A job when it has ended, however it ended, and however long that takes."""
        while True:
            shown = yield from self._show(job, held_seconds=HELD_SECONDS)
            if shown.ended:
                return shown

    def run(
        self,
        asked: Asked,
        *,
        response_model: type[Model] | None = None,
        idempotency_key: str | None = None,
        **options: Unpack[Options],
    ) -> Exchange[Job]:
        """Submit a job and wait for its end; the job, however it ended.

        One that is not there any more, because Redis came back without its last second, is submitted once more.
        """
        body = yield from self._body(asked, options, response_model)
        key = idempotency_key or str(uuid.uuid4())
        for _ in range(MOST_TRIES):
            job = yield from self._submit(body, key, held_seconds=HELD_SECONDS)
            if job.ended:
                return job
            with contextlib.suppress(JobNotFound):
                return (yield from self.wait(job))
        raise JobNotFound(f"The job '{job.id}' was deleted before it ended.")

    def rerank(
        self, query: str, documents: Sequence[str], *, top_n: int | None = None, **options: Unpack[Options]
    ) -> Exchange[list[Ranked]]:
        """The most relevant documents, the best first; raises the job's error if it has no result.

        Args:
            top_n: how many; all if it is None.
        """
        asked = {"query": query, "documents": list(documents)} | ({"top_n": top_n} if top_n else {})
        job = yield from self.run(asked, **options)
        return [Ranked(each["index"], each["relevance_score"]) for each in job.result["results"]]

    def cancel(self, job: Job | str) -> Exchange[Job]:
        """Cancel a job; the job, cancelled. Raises JobConflict for one that had ended otherwise."""
        try:
            raw = yield from self.call("POST", f"/jobs/{_id(job)}/cancel", again=True)
        except JobConflict:
            shown = yield from self._show(job)  # an attempt whose answer was lost may have done it
            if shown.status != "cancelled":
                raise
            return shown
        return Job.from_wire(raw)

    def retry(self, job: Job | str) -> Exchange[Job]:
        """Run a job again that ended without success; the job, queued."""
        return Job.from_wire((yield from self.call("POST", f"/jobs/{_id(job)}/retry")))

    def delete(self, jobs: Sequence[Job | str]) -> Exchange[int]:
        """Delete jobs and all that is left of them; how many there were. One that has not ended is cancelled first."""
        num_deleted = 0
        for begin in range(0, len(jobs), MOST_DELETED):
            ids = [_id(job) for job in jobs[begin : begin + MOST_DELETED]]
            answer = yield from self.call("POST", "/jobs/delete", body={"ids": ids}, again=True)
            num_deleted += answer["deleted"]
        return num_deleted

    def models(self) -> Exchange[list[str]]:
        """The models that may be asked."""
        return [model["id"] for model in (yield from self.call("GET", "/v1/models"))["data"]]

    def upload_file(self, content: BinaryIO, *, name: str, purpose: str = "batch") -> Exchange[dict[str, Any]]:
        """Upload an open file; the server's record of it. Raises ServerAway if it is not known whether it came."""
        file = FormFile(content, name, {"purpose": purpose})
        request = Request("POST", "/v1/files", file=file, wait_seconds=UPLOAD_SECONDS, again=False)
        record: dict[str, Any] = yield from exchange.call(request, self.patience)
        return record

    def read_file(self, file_id: str, *, begin: int = 0, size: int) -> Exchange[bytes]:
        """So many bytes of a file on the server, from `begin` on; fewer at its end, which `begin` must lie before."""
        span = {"Range": f"bytes={begin}-{begin + size - 1}"}
        request = Request("GET", f"/v1/files/{file_id}/content", headers=span, wait_seconds=UPLOAD_SECONDS)
        return (yield from exchange.fetch(request, self.patience)).body

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        params: Mapping[str, str] | None = None,
        again: bool | None = None,
    ) -> Exchange[Any]:
        """The JSON that any call of the interface answers with.

        Args:
            again: whether it may be sent a second time when it is not known what became of the first; all but POST and
                PATCH if left out.
        """
        harmless = method not in ("POST", "PATCH") if again is None else again
        request = Request(method, path, body=body, params=params or {}, again=harmless)
        return (yield from exchange.call(request, self.patience))

    def _submit(self, body: Mapping[str, Any], key: str, *, held_seconds: float = 0.0) -> Exchange[Job]:
        headers = {"Idempotency-Key": key, **({"Prefer": f"wait={held_seconds:g}"} if held_seconds else {})}
        request = Request("POST", "/jobs", body=body, headers=headers, wait_seconds=held_seconds)
        return Job.from_wire((yield from exchange.call(request, self.patience)))

    def _submit_list(self, bodies: Sequence[dict[str, Any]]) -> Exchange[list[str | CaravanError]]:
        """One list; in halves, if it is too much for the server or for the key's limits as a whole."""
        try:
            answer = yield from exchange.call(Request("POST", "/jobs", body=bodies), self.patience)
        except (InvalidRequest, RequestTooLarge) as exc:
            if len(bodies) == 1:
                return [exc]
            middle = len(bodies) // 2
            first = yield from self._submit_list(bodies[:middle])
            return first + (yield from self._submit_list(bodies[middle:]))
        return [each["id"] or from_wire(each["error"]) for each in answer["data"]]

    def _show(self, job: Job | str, *, held_seconds: float = 0.0) -> Exchange[Job]:
        params = {"wait": f"{held_seconds:g}"} if held_seconds else {}
        request = Request("GET", f"/jobs/{_id(job)}", params=params, wait_seconds=held_seconds)
        return Job.from_wire((yield from exchange.call(request, self.patience)))

    def _body(self, asked: Asked, options: Options, response_model: type[Model] | None) -> Exchange[dict[str, Any]]:
        made = body(asked, options, model=self._model, response_model=response_model)
        if "model" not in made:
            self._model = made["model"] = yield from self._only_model()
        return made

    def _only_model(self) -> Exchange[str]:
        found = yield from self.models()
        if len(found) != 1:
            raise InvalidRequest(f"The server has several models; name one: {', '.join(found)}.", param="model")
        return found[0]


def _lists(bodies: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The bodies as lists that a server takes."""
    few, size = list[dict[str, Any]](), 0
    for each in bodies:
        more = len(json.dumps(each))
        if few and (len(few) == MOST_AT_ONCE or size + more > LIST_BYTES):
            yield few
            few, size = [], 0
        few.append(each)
        size += more
    if few:
        yield few


def _id(job: Job | str) -> str:
    return job if isinstance(job, str) else job.id
