"""``/session``."""

from __future__ import annotations

from app.endpoints.session.wire import ClosedSession, OpenedSession, SessionOf
from app.openapi.describe import Answer, Description, Header
from tasks.errors import BrokerUnavailable

TAG = "Session"
ABOUT = "Who calls; and a browser's session, with which the console's pages call in the place of a key."
_COOKIE = Header(name="Set-Cookie", meaning="The session, for this server's own pages.", schema={"type": "string"})

CALLS = {
    "session.show": Description(
        tag=TAG, answers={200: Answer(meaning="Who calls.", schema=SessionOf)}, errors=(BrokerUnavailable,)
    ),
    "session.create": Description(
        tag=TAG,
        answers={201: Answer(meaning="The session is open.", schema=OpenedSession, headers=(_COOKIE,))},
        errors=(BrokerUnavailable,),
    ),
    "session.delete": Description(
        tag=TAG,
        answers={200: Answer(meaning="The session has ended.", schema=ClosedSession, headers=(_COOKIE,))},
        errors=(BrokerUnavailable,),
    ),
}
