"""``/models``, ``/queues``, ``/healthz``, ``/health``, ``/readyz`` and ``/metrics``."""

from __future__ import annotations

from app.endpoints.cluster.wire import Health, ModelState, ModelStateList, Queue, QueueList, Readiness
from app.openapi.describe import Answer, Description
from tasks.errors import BrokerUnavailable, ModelNotFound

TAG = "Cluster"
ABOUT = "Models, queues, metrics and health."
NEEDS_REDIS = (BrokerUnavailable,)

_CONTROL = Description(
    tag=TAG, answers={200: Answer(meaning="The queue.", schema=Queue)}, errors=(ModelNotFound, *NEEDS_REDIS)
)
_ALIVE = Description(tag=TAG, answers={200: Answer(meaning="The process is alive.", schema=Health)})

CALLS = {
    "models.index": Description(
        tag=TAG, answers={200: Answer(meaning="The models.", schema=ModelStateList)}, errors=NEEDS_REDIS
    ),
    "models.load": Description(
        tag=TAG,
        answers={202: Answer(meaning="The model as it is now. It will be loaded.", schema=ModelState)},
        errors=(ModelNotFound, *NEEDS_REDIS),
    ),
    "queues.index": Description(
        tag=TAG, answers={200: Answer(meaning="The queues.", schema=QueueList)}, errors=NEEDS_REDIS
    ),
    **{f"queues.{call}": _CONTROL for call in ("pause", "drain", "resume")},
    **{f"health.{call}": _ALIVE for call in ("alive", "short")},
    "health.ready": Description(
        tag=TAG, answers={200: Answer(meaning="The server is ready.", schema=Readiness)}, errors=NEEDS_REDIS
    ),
    "health.metrics": Description(
        tag=TAG, answers={200: Answer(meaning="The metrics.", schema=str, content="text/plain")}
    ),
}
