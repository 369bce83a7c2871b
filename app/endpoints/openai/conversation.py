"""``X-Conversation-Id``: a stream that its client finds again by a name of its own, as llama-server has it."""

from __future__ import annotations

import contextlib

from flask import request

from app.access.caller import caller
from app.bodies.sampling import StreamOptions
from app.jobs.waiting import cancel
from app.services.services import services
from tasks.errors import InvalidRequest
from tasks.ledger.connection import UNAVAILABLE
from tasks.ledger.conversations import ConversationStream
from tasks.records.job import Job

HEADER = "X-Conversation-Id"
LONGEST = 512
"""Characters of an id."""


def asked() -> str:
    """The conversation that the request names; empty if it names none. Raises InvalidRequest if the id is too long."""
    return checked(_in_unicode(request.headers.get(HEADER, "")), HEADER)


def checked(name: str, param: str) -> str:
    """A conversation's id; raises InvalidRequest if it is too long."""
    if len(name) > LONGEST:
        raise InvalidRequest(f"{param}: a conversation's id has {LONGEST} characters at most.", param=param)
    return name


def _in_unicode(header: str) -> str:
    """A header's text, in which WSGI has a character for each byte; what is no UTF-8 stays so.

    The id comes in a query or in JSON as well, where it is UTF-8.
    """
    try:
        return header.encode("latin-1").decode()
    except ValueError:
        return header


def begin(name: str, job: Job, options: StreamOptions) -> None:
    """Keep the job's stream under the conversation's name. What the conversation had before is cancelled, if it runs.

    The job is accepted by now. So it runs on if Redis is away: then its stream cannot be found by this name.
    """
    stream = ConversationStream(job.id, options.include_usage, options.continuous_usage_stats)
    with contextlib.suppress(*UNAVAILABLE):
        before = services().conversations.begin(caller().owner, name, stream)
        if before and before.job_id != job.id:
            cancel(services(), before.job_id, owner=caller().owner)
