"""Why a download failed, in words."""

from __future__ import annotations

import errno

import httpx2
import pytest
from huggingface_hub import errors

from tasks.models.hub import hub_faults
from tasks.models.hub.hub_file import HubFile

WANTED = HubFile.parse("hf://owner/repo@v2/model.gguf")
SIGNED = "https://store.test/blob?X-Signature=secret"


def refused(status: int) -> errors.HfHubHTTPError:
    response = httpx2.Response(status, request=httpx2.Request("GET", SIGNED))
    return errors.HfHubHTTPError(f"{status} for url {SIGNED}", response=response)


@pytest.mark.parametrize("status", [401, 403, 404, 416, 429, 500, 503])
def test_no_address_of_a_content_is_told(status: int) -> None:
    told = [hub_faults.brief(refused(status)), str(hub_faults.failed(WANTED, "model.gguf", refused(status)))]
    assert str(status) in told[0]
    assert not any("secret" in each for each in told)
    assert "secret" not in hub_faults.brief(RuntimeError(f"no way to {SIGNED} now"))


@pytest.mark.parametrize(
    ("exc", "passing"),
    [
        (refused(503), True),
        (refused(429), True),
        (refused(404), False),
        (httpx2.ReadTimeout("slow"), True),
        (httpx2.RemoteProtocolError("cut"), True),
        (ConnectionResetError("cut"), True),
        (OSError(errno.ENOSPC, "No space left on device"), False),
        (PermissionError(errno.EACCES, "Permission denied"), False),
        (errors.OfflineModeIsEnabled("offline"), False),
        (hub_faults.WrongContent("other"), False),
        (ValueError("wrong"), False),
    ],
)
def test_what_may_pass_is_tried_again(exc: Exception, passing: bool) -> None:
    assert hub_faults.is_passing(exc) is passing


def test_a_failure_names_the_file_with_its_revision_and_is_one_line() -> None:
    told = str(hub_faults.failed(WANTED, "model.gguf", RuntimeError("first\nsecond\x1b[2J")))
    assert told.startswith("hf://owner/repo@v2/model.gguf cannot be downloaded: ")
    assert "\n" not in told
    assert "\x1b" not in told


def test_a_failure_that_is_told_already_stays() -> None:
    told = hub_faults.WrongContent("It is another.")
    assert hub_faults.failed(WANTED, "model.gguf", told) is told
