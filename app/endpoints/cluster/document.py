"""``/models``, ``/queues``, ``/healthz``, ``/readyz`` and ``/metrics``."""

from __future__ import annotations

from app.endpoints.cluster.wire import Health, ModelState, ModelStateList, Queue, QueueList, Readiness
from app.openapi.describe import Answer, Description
from tasks.errors import BrokerUnavailable, ModelNotFound

TAG = "Cluster"
ABOUT = "Models, queues, figures, and whether all is well."
NEEDS_REDIS = (BrokerUnavailable,)

_CONTROL = Description(
    tag=TAG, answers={200: Answer(meaning="The queue.", schema=Queue)}, errors=(ModelNotFound, *NEEDS_REDIS)
)

CALLS = {
    "models.index": Description(
        tag=TAG, answers={200: Answer(meaning="The models.", schema=ModelStateList)}, errors=NEEDS_REDIS
    ),
    "models.load": Description(
        tag=TAG,
        answers={202: Answer(meaning="It is wanted. The model, as it is just now.", schema=ModelState)},
        errors=(ModelNotFound, *NEEDS_REDIS),
    ),
    "queues.index": Description(
        tag=TAG, answers={200: Answer(meaning="The queues.", schema=QueueList)}, errors=NEEDS_REDIS
    ),
    **{f"queues.{call}": _CONTROL for call in ("pause", "drain", "resume")},
    "health.alive": Description(tag=TAG, answers={200: Answer(meaning="It lives.", schema=Health)}),
    "health.ready": Description(
        tag=TAG, answers={200: Answer(meaning="It is ready.", schema=Readiness)}, errors=NEEDS_REDIS
    ),
    "health.metrics": Description(
        tag=TAG, answers={200: Answer(meaning="The figures.", schema=str, content="text/plain")}
    ),
}
