"""The tree of errors. Each knows its own wire form, so the worker and the front tell a client the same thing.

One that a single module raises is defined there; the tree names the module. The others are in
`caravan_client.server_errors`, so that the client and the server have the same classes.

CaravanError                500
  InvalidRequest            400  the request cannot be run as it stands
    ChatTemplateMissing     400  messages come for a model without a chat template
    ContextLengthExceeded   400  prompt and answer do not fit into the model's context
  InvalidModelsFile         400  app.endpoints.cluster.wire
  AuthenticationFailed      401
  InsufficientScope         403
  ForeignSite               403
  NotFound                  404
    ModelNotFound, JobNotFound, FileNotFound, BatchNotFound
  BodyTooSlow               408
  FileInUse                 409  app.endpoints.files.wire
  WorkersFixed              409  app.endpoints.cluster.wire
  SecretAlreadyShown        409  app.endpoints.webhooks.wire
  JobConflict, BatchConflict  409
  RequestTooLarge           413
  UnsupportedEncoding       415  app.http.content_encoding
  RangeNotSatisfiable       416  app.http.byte_range
  Overloaded                429  with Retry-After
    QueueFull, RateLimited
    StorageLimited          429  after some files are deleted or expire, or uploads end
  EngineFailure             500
    WorkerDied, ModelChanged, AdapterMissing, ModelMissing
  Unavailable               503  with Retry-After
    ModelUnavailable, BrokerUnavailable, StorageUnavailable, RecordTooNew
    FlowerUnavailable       503  app.endpoints.cluster.flower
    NoSlotIdle              503  app.endpoints.llama_server.wire
    ServerAway              503  caravan_client.errors
  JobTimeout                504
  JobNotSuccessful          409  caravan_client.errors
    JobCancelled
  AnswerInvalid             500  caravan_client.errors
  UpstreamError             500  a job's error whose code this version does not know
"""

from __future__ import annotations

from caravan_client.server_errors import *  # noqa: F403 - they are raised under this name


class SettingsError(Exception):
    """Raised when a variable of the environment makes no sense; no client sees it. The message says what it may be."""
