"""Telling those who wait that a job has ended: the outbox, and how what is in it is sent."""
