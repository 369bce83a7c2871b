"""What a key's limits let through, and the headers that tell of it.

Requests and tokens are counted when a job is submitted, by what it may take at most. Nothing is given back when it
takes less, or is refused for another reason: so a limit holds whatever a model says, and needs no second count.
"""

from __future__ import annotations

from flask import Flask, Response, g

from app.access.caller import caller, catalogue
from app.access.token_estimate import tokens
from app.services.rate_window import Window, duration
from app.services.services import services
from tasks.errors import InvalidRequest, RateLimited
from tasks.records.job import Job


def install(app: Flask) -> None:
    """Tell what is left, as OpenAI does, in every answer to a request that was counted."""

    @app.after_request
    def tell(response: Response) -> Response:
        for kind, window in _counted().items():
            response.headers[f"x-ratelimit-limit-{kind}"] = str(window.limit)
            response.headers[f"x-ratelimit-remaining-{kind}"] = str(window.remaining)
            response.headers[f"x-ratelimit-reset-{kind}"] = duration(window.reset_seconds)
        return response


def spend(job: Job) -> None:
    """Count a job that is about to be submitted.

    Raises:
        RateLimited: there is not so much left of a limit; says when there will be.
        InvalidRequest: the job may take more tokens than its key has a minute.
    """
    limits = caller().limits
    if limits.requests_per_minute is not None:
        _take("requests", limit=limits.requests_per_minute, cost=1)
    if limits.tokens_per_minute is not None:
        cost = tokens(job, catalogue().find(job.model).context)
        if cost > limits.tokens_per_minute:
            raise InvalidRequest(
                f"This request may use {cost} tokens, and the key has {limits.tokens_per_minute} a minute. "
                "Ask for a shorter answer (max_tokens), or send less.",
                param="max_tokens",
            )
        _take("tokens", limit=limits.tokens_per_minute, cost=cost)


def _take(kind: str, *, limit: int, cost: int) -> None:
    taken, window = services().rates.take(kind, caller().id, limit=limit, cost=cost)
    _counted()[kind] = window
    if not taken:
        raise RateLimited(
            f"This key has {limit} {kind} a minute; {window.remaining} are left, and this request needs {cost}.",
            retry_after_seconds=window.wait_seconds(cost),
        )


def _counted() -> dict[str, Window]:
    """The windows that the request being handled was counted in, by kind."""
    found: dict[str, Window] = g.setdefault("windows", {})
    return found
