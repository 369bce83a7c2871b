"""Anthropic's Message Batches: each is a batch of the endpoint ``/v1/messages``."""
