"""The seam between Celery and the engine.

Threads of a worker, and the rule of each:

- hub (the main thread): Celery's event loop. Receives messages, acknowledges them, sends Celery's events. Nothing else.
- intake: claims jobs in the ledger.
- preparer, slow-preparer-0 and -1: render and tokenise prompts, hand sequences to the engine.
- engine: steps.
- publisher: appends what the steps made to the jobs' streams, and ends jobs.
- keeper: extends leases, reports the worker's figures, ends a worker that is stuck.
- dispatch: publishes from the line when there may be room.
- sweeper: sweeps the ledger, if this process leads.
- bell: hears of cancelled jobs.

Only the hub thread touches Celery's objects; the others post to it through `runner.Runner.post`.
"""
