"""Continuous batching: many sequences decoded together by one model. Knows neither Redis nor Celery.

Read `engine` first (the step), then `scheduler` (what goes into a batch), `sequence`, `backend`.
"""
