"""Names of Celery's tasks and queues; a queue of jobs is named as its model is."""

from __future__ import annotations

RUN_JOB = "caravan.run"
"""The Celery task that runs one job; its only argument is the job id, which is the task id as well."""

SEND_WEBHOOK = "caravan.webhook"
"""The Celery task that tells a job's webhook of its end, once; its only argument is the job id."""

RUN_BATCH = "caravan.batch"
"""The Celery task that works on one batch for a while; its only argument is the batch's id."""

BATCHES_QUEUE = "batches"
WEBHOOKS_QUEUE = "webhooks"
CLERK_QUEUES = (BATCHES_QUEUE, WEBHOOKS_QUEUE)
