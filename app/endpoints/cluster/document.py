"""``/v1/models``, ``/models``, ``/queues``, ``/healthz``, ``/health``, ``/readyz`` and ``/metrics``."""

from __future__ import annotations

from dataclasses import replace

from app.endpoints.anthropic.models import PAGE, VERSION
from app.endpoints.anthropic.wire import ModelInfo, ModelPage
from app.endpoints.cluster.body import QueueMove
from app.endpoints.cluster.wire import (
    Health,
    InvalidModelsFile,
    ModelState,
    ModelStateList,
    Queue,
    QueueChange,
    QueueList,
    Readiness,
    Reload,
    WorkersFixed,
)
from app.endpoints.faces import EITHER
from app.endpoints.openai.document import TAG as OPENAI
from app.endpoints.openai.wire import OpenAIModel, OpenAIModelList
from app.openapi import examples
from app.openapi.describe import Answer, Description, Parameter
from app.openapi.parts import limit
from tasks.errors import BrokerUnavailable, InvalidRequest, ModelNotFound, RequestTooLarge

TAG = "Cluster"
ABOUT = "Models, queues, metrics and health."
NEEDS_REDIS = (BrokerUnavailable,)

_CONTROL = Description(
    tag=TAG, answers={200: Answer(meaning="The queue.", schema=Queue)}, errors=(ModelNotFound, *NEEDS_REDIS)
)
_CHANGE = Description(
    tag=TAG,
    answers={200: Answer(meaning="How many jobs it was.", schema=QueueChange)},
    errors=(ModelNotFound, *NEEDS_REDIS),
)
_ALIVE = Description(tag=TAG, answers={200: Answer(meaning="The process is alive.", schema=Health)}, any_query=True)

_CLIENT_VERSION = Parameter(
    name="client_version",
    where="query",
    meaning="Codex sends it. Changes nothing.",
    schema={"type": "string"},
    example="0.46.0",
)
_ANTHROPIC = Parameter(
    name=VERSION,
    where="header",
    meaning="Anthropic's clients send it: the answer has Anthropic's form.",
    schema={"type": "string"},
)
_PAGE = (
    limit(*PAGE),
    Parameter(name="after_id", where="query", meaning="The `last_id` of the previous page.", schema={"type": "string"}),
    Parameter(name="before_id", where="query", meaning="The `first_id` of the next page.", schema={"type": "string"}),
)
"""Of Anthropic's form: OpenAI's has no pages."""

CALLS = {
    "models.openai_list": Description(
        tag=OPENAI,
        parameters=(_CLIENT_VERSION, _ANTHROPIC, *_PAGE),
        answers={200: Answer(meaning="The list.", schema=OpenAIModelList | ModelPage)},
        error_form=EITHER,
    ),
    "models.openai_show": Description(
        tag=OPENAI,
        parameters=(_ANTHROPIC,),
        answers={200: Answer(meaning="The model.", schema=OpenAIModel | ModelInfo)},
        errors=(ModelNotFound,),
        error_form=EITHER,
    ),
    "models.index": Description(
        tag=TAG, answers={200: Answer(meaning="The models.", schema=ModelStateList)}, errors=NEEDS_REDIS
    ),
    "models.reload": Description(
        tag=TAG,
        answers={200: Answer(meaning="What has changed.", schema=Reload)},
        errors=(InvalidModelsFile, *NEEDS_REDIS),
    ),
    "models.load": Description(
        tag=TAG,
        answers={202: Answer(meaning="The model as it is now. It will be loaded.", schema=ModelState)},
        errors=(ModelNotFound, *NEEDS_REDIS),
    ),
    "models.unload": Description(
        tag=TAG,
        answers={202: Answer(meaning="The model as it is now. Its workers will stop.", schema=ModelState)},
        errors=(ModelNotFound, WorkersFixed, *NEEDS_REDIS),
    ),
    "queues.index": Description(
        tag=TAG, answers={200: Answer(meaning="The queues.", schema=QueueList)}, errors=NEEDS_REDIS
    ),
    **{f"queues.{call}": _CONTROL for call in ("pause", "drain", "resume")},
    "queues.cancel": _CHANGE,
    "queues.move": replace(
        _CHANGE,
        bodies=(QueueMove,),
        examples=examples.MOVES,
        errors=(InvalidRequest, RequestTooLarge, *_CHANGE.errors),
    ),
    **{f"health.{call}": _ALIVE for call in ("alive", "short")},
    "health.ready": Description(
        tag=TAG,
        answers={200: Answer(meaning="The server is ready.", schema=Readiness)},
        errors=NEEDS_REDIS,
        any_query=True,
    ),
    "health.metrics": Description(
        tag=TAG,
        answers={200: Answer(meaning="The metrics.", schema=str, content="text/plain")},
        any_query=True,
    ),
}
