"""When traces are on, and what is told of variables that they cannot be sent by."""

from __future__ import annotations

import sys

import pytest

from tasks.errors import SettingsError
from tasks.traces.switch import require_traces, traces_are_on

ON = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}


@pytest.mark.parametrize(
    ("environ", "on"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, False),
        ({"OTEL_SERVICE_NAME": "a", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://a"}, False),
        (ON, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://a/v1/traces"}, True),
        ({**ON, "OTEL_SDK_DISABLED": "TRUE"}, False),
        ({**ON, "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_traces_are_on_once_an_endpoint_is_named(environ: dict[str, str], on: bool) -> None:
    assert traces_are_on(environ) is on


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"}, "must be http://HOST:PORT"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf"),
        ({"OTEL_TRACES_EXPORTER": "console"}, "OTEL_TRACES_EXPORTER must be otlp or none"),
        ({"OTEL_BSP_MAX_QUEUE_SIZE": "0"}, "OTEL_BSP_MAX_QUEUE_SIZE must be a whole number from 1"),
        ({"OTEL_BSP_SCHEDULE_DELAY": "-1"}, "OTEL_BSP_SCHEDULE_DELAY must be a whole number from 1"),
        ({"OTEL_SPAN_LINK_COUNT_LIMIT": "-1"}, "OTEL_SPAN_LINK_COUNT_LIMIT must be a whole number from 0"),
        ({"OTEL_ATTRIBUTE_COUNT_LIMIT": "many"}, "OTEL_ATTRIBUTE_COUNT_LIMIT must be a whole number from 0"),
    ],
)
def test_what_cannot_be_sent_is_told_when_a_program_starts(more: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        require_traces({**ON, **more})


def test_the_protocol_of_traces_goes_before_that_of_all() -> None:
    own = {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    require_traces({**ON, **own})


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.split(".")[0] == "opentelemetry"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(SettingsError, match=r"Install llama-caravan\[traces\], or unset"):
        require_traces(ON)
    require_traces({})
