"""Describing the API: what an endpoint's `document` is made of."""
