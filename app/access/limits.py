"""What a key's limits let through, and the headers that tell of it.

Every request is counted before its body is read, whatever comes of it, in one call to Redis. Tokens are counted when a
job is submitted, by the most that it may take; the ledger settles the difference when the job ends.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from flask import Flask, Response, after_this_request, g, request

from app.access.caller import caller, catalogue
from app.access.defaults import is_bounded, limits_of, part, streams_of_all
from app.access.holding import is_held
from app.access.scopes import reads, scope_of
from app.access.token_estimate import tokens
from app.services.open_streams import LEASE_SECONDS
from app.services.rate_counter import EVERYBODY, Entry, StreamUse, Use
from app.services.rate_window import Window, duration
from app.services.services import services
from tasks.errors import InvalidRequest, RateLimited
from tasks.ledger.connection import UNAVAILABLE
from tasks.records.api_key import Limits
from tasks.records.job import Job

_OWN = "This key has {limit} {kind} a minute ({kind}_per_minute): {used} are used, and this request needs {cost}."
_OWNER = (
    "An owner has {limit} {kind} a minute, a share (CARAVAN_OWNER_SHARE) of CARAVAN_ALL_{KIND}_PER_MINUTE: "
    "{used} are used."
)
_ALL = "All keys together have {limit} {kind} a minute (CARAVAN_ALL_{KIND}_PER_MINUTE): {used} are used."
_MESSAGES = {
    **{kind: (kind, _OWN) for kind in ("requests", "tokens")},
    **{f"owner_{kind}": (kind, _OWNER) for kind in ("requests", "reads")},
    **{f"all_{kind}": (kind, _ALL) for kind in ("requests", "reads")},
}
"""By the kind of a window: what it counts, and what is said when it is used up."""


def install(app: Flask) -> None:
    """Count each request, and tell what is left, as OpenAI does, of the limits that its key has."""

    @app.before_request
    def count() -> None:
        if services().settings.keys and scope_of(app, request.endpoint) is not None:
            _enter(reading=reads(app, request.endpoint), held=is_held(app, request.endpoint))

    @app.after_request
    def tell(response: Response) -> Response:
        for kind, window in _counted().items():
            response.headers[f"x-ratelimit-limit-{kind}"] = str(window.limit)
            response.headers[f"x-ratelimit-remaining-{kind}"] = str(window.remaining)
            response.headers[f"x-ratelimit-reset-{kind}"] = duration(window.reset_seconds)
        return response


def allowed() -> Limits:
    """The caller's limits, defaults included."""
    key, settings = caller(), services().settings
    return limits_of(key, settings, services().redis_memory.most() if is_bounded(key, settings) else None)


def spend(job: Job) -> Job:
    """Count the tokens of a job that is about to be submitted: the job, with what was counted.

    Raises:
        RateLimited: there is not so much left of a limit; says when there will be.
        InvalidRequest: the job may take more tokens than its key has a minute.
    """
    return spend_many([job])[0]


def spend_many(jobs: Sequence[Job], *, but: Collection[str] = ()) -> list[Job]:
    """Count the tokens of jobs that are about to be submitted, all or none: the jobs, with what was counted.

    Args:
        but: ids of jobs whose tokens are not counted.

    Raises:
        RateLimited: there is not so much left of a limit; says when there will be.
        InvalidRequest: together they may take more tokens than their key has a minute.
    """
    limit = caller().limits.tokens_per_minute
    if limit is None or not jobs:
        return list(jobs)
    costs = [0 if job.id in but else tokens(job, catalogue().find(job.model).context) for job in jobs]
    cost = sum(costs)
    if cost > limit:
        fewer = "Send fewer jobs at once." if len(jobs) > 1 else "Ask for a shorter answer (max_tokens), or send less."
        raise InvalidRequest(
            f"This request may use {cost} tokens, and the key has {limit} a minute. {fewer}", param="max_tokens"
        )
    uses = [Use(kind="tokens", whose=caller().id, limit=limit, cost=cost)]
    entry = services().rates.enter(uses)
    _note(uses, entry)
    return [
        replace(job, metered=f"{cost} {entry.at} {caller().id}" if cost else "")
        for job, cost in zip(jobs, costs, strict=True)
    ]


def spend_requests(number: int) -> None:
    """Count so many more requests than the one that is counted already, all or none.

    Raises:
        RateLimited: there are not so many left of a limit; says when there will be.
        InvalidRequest: they are more than the limit itself.
    """
    if not number or not services().settings.keys:
        return
    uses = _uses("requests", cost=number)
    if not uses:
        return
    limit = min(use.limit for use in uses)
    if number >= limit:
        raise InvalidRequest(f"A list counts as so many requests as it has jobs, and {limit} are allowed a minute.")
    _note(uses, services().rates.enter(uses))


def _enter(*, reading: bool, held: bool) -> None:
    """Count the request, and its stream if it holds one. Raises RateLimited."""
    uses = _uses("reads" if reading else "requests")
    stream = _stream() if held else None
    if not uses and stream is None:
        return
    # A Redis that takes no writes just now still answers what only reads.
    with contextlib.suppress(*(UNAVAILABLE if reading else ())):
        entry = services().rates.enter(uses, stream)
        _note(uses, entry)
        if stream is not None:
            _hold(stream, entry)


def _uses(kind: str, cost: int = 1) -> list[Use]:
    """The windows of a request: of the key, or of its owner by default, and of all keys."""
    key, settings = caller(), services().settings
    uses = []
    if kind == "requests" and key.limits.requests_per_minute is not None:
        uses.append(Use(kind=kind, whose=key.id, limit=key.limits.requests_per_minute, cost=cost))
    if is_bounded(key, settings):
        whole = settings.all_reads_per_minute if kind == "reads" else settings.all_requests_per_minute
        if not uses:
            limit = part(whole, settings.owner_share)
            uses.append(Use(kind=f"owner_{kind}", whose=key.owner, limit=limit, cost=cost))
        uses.append(Use(kind=f"all_{kind}", whose=EVERYBODY, limit=whole, cost=cost))
    return uses


def _stream() -> StreamUse | None:
    """The stream that the request holds; None if the caller may hold any number."""
    most, settings = allowed().streams, services().settings
    if most is None:
        return None
    most_all = streams_of_all(settings)
    return StreamUse(
        id=uuid.uuid4().hex,
        owner=caller().owner,
        seconds=LEASE_SECONDS,
        most=most,
        most_all=most_all if is_bounded(caller(), settings) else most_all + most,
    )


def _hold(stream: StreamUse, entry: Entry) -> None:
    """Have the stream end with the response. Raises RateLimited if there is no room for it."""
    if entry.verdict == "streams":
        raise RateLimited(
            f"This owner may hold {stream.most} responses open at once (streams), and holds {entry.number}. "
            "Close a stream, or wait until a call has its answer."
        )
    if entry.verdict == "all_streams":
        raise RateLimited(
            f"All owners together may hold {stream.most_all} responses open at once (CARAVAN_ALL_STREAMS), "
            f"and hold {entry.number}. Try again later."
        )
    streams = services().streams
    streams.begin(stream.id, stream.owner)

    @after_this_request
    def until_sent(response: Response) -> Response:
        _end_with(response, lambda: streams.end(stream.id))
        return response


def _end_with(response: Response, end: Callable[[], None]) -> None:
    """Call `end` when a response has ended: before its last byte is sent, so that whoever reads it all may go on."""
    if not response.is_streamed:
        end()
        return
    body: Iterable[Any] = response.response

    def until_end() -> Iterator[Any]:
        yield from body
        end()

    response.response = until_end()
    response.call_on_close(end)
    if close := getattr(body, "close", None):
        response.call_on_close(close)


def _note(uses: Sequence[Use], entry: Entry) -> None:
    """Keep the key's own windows for the headers; raises RateLimited if one has not so much left."""
    for use, window in zip(uses, entry.windows, strict=True):
        if use.kind in ("requests", "tokens"):
            _counted()[use.kind] = window
    if entry.verdict == "rate":
        use, window = uses[entry.number], entry.windows[entry.number]
        kind, message = _MESSAGES[use.kind]
        used = window.limit - window.remaining
        raise RateLimited(
            message.format(kind=kind, KIND=kind.upper(), limit=use.limit, used=used, cost=use.cost),
            retry_after_seconds=window.wait_seconds(use.cost),
        )


def _counted() -> dict[str, Window]:
    """The windows that the request being handled was counted in, by kind."""
    found: dict[str, Window] = g.setdefault("windows", {})
    return found
