"""Traces: where the time of a job went, as OpenTelemetry's spans."""
