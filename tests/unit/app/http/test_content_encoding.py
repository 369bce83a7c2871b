"""Compressed bodies are read within the limit of the body, and others are refused by name."""

from __future__ import annotations

import gzip
import json
import zlib

import pytest
from flask import Response
from flask.testing import FlaskClient
from werkzeug.http import parse_accept_header

from app.factory import create_app
from app.http.content_encoding import UnsupportedEncoding, decoded, encoded
from tasks.errors import InvalidRequest
from tasks.settings import Settings

TEXT = b"The quick brown fox jumps over the lazy dog. " * 20
RAW = zlib.compressobj(wbits=-15)


@pytest.mark.parametrize(
    ("data", "encodings"),
    [
        (gzip.compress(TEXT, mtime=0), "gzip"),
        (gzip.compress(TEXT, mtime=0), " X-GZIP "),
        (gzip.compress(TEXT[:100], mtime=0) + gzip.compress(TEXT[100:], mtime=0), "gzip"),
        (zlib.compress(TEXT), "deflate"),
        (RAW.compress(TEXT) + RAW.flush(), "deflate"),
        (TEXT, "identity"),
        (gzip.compress(zlib.compress(TEXT), mtime=0), "deflate, gzip"),
    ],
)
def test_a_body_is_what_it_was_before_it_was_encoded(data: bytes, encodings: str) -> None:
    assert decoded(data, encodings, limit=10_000) == TEXT


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip;q=1", "x" * 1000])
def test_another_encoding_is_named(encoding: str) -> None:
    with pytest.raises(UnsupportedEncoding, match="gzip or deflate") as caught:
        decoded(TEXT, encoding, limit=10_000)
    assert encoding[:40] in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "data", [b"", b"x", gzip.compress(TEXT, mtime=0)[:-4], gzip.compress(TEXT, mtime=0) + b"rubbish", TEXT]
)
@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_body_that_is_not_in_its_encoding_is_refused(data: bytes, encoding: str) -> None:
    with pytest.raises(InvalidRequest, match=f"not valid {encoding}"):
        decoded(data, encoding, limit=10_000)


def test_no_more_than_the_limit_is_unpacked() -> None:
    assert len(decoded(gzip.compress(b"\0" * 10_000_000), "gzip", limit=1000)) == 1001
    twice = gzip.compress(gzip.compress(b"\0" * 10_000_000))
    assert len(decoded(twice, "gzip, gzip", limit=1000)) == 1001


def test_many_members_are_refused() -> None:
    with pytest.raises(InvalidRequest):
        decoded(gzip.compress(b"") * 10_000, "gzip", limit=1 << 20)


@pytest.fixture(scope="module")
def http() -> FlaskClient:
    return create_app(Settings(max_body_bytes=2000, models_file=None)).test_client()


def test_a_compressed_body_is_read_within_the_bodys_limit(http: FlaskClient) -> None:
    def post(data: bytes, encoding: str) -> tuple[int, str]:
        answer = http.post("/jobs", data=data, headers={"Content-Encoding": encoding})
        return answer.status_code, answer.json["error"]["code"]  # type: ignore[index]

    body = json.dumps({"model": "demo", "prompt": "x", "colour": "red"}).encode()
    assert post(gzip.compress(body), "gzip") == (400, "unknown_parameter")
    assert post(gzip.compress(b" " * 5000), "gzip") == (413, "request_too_large")
    assert post(body, "br") == (415, "unsupported_encoding")
    assert post(body, "gzip") == (400, "invalid_body")


def test_a_byte_order_mark_before_json_is_no_part_of_it(http: FlaskClient) -> None:
    answer = http.post("/jobs", data=b"\xef\xbb\xbf" + json.dumps({"model": "demo", "prompt": "x", "z": 1}).encode())
    assert answer.json["error"]["code"] == "unknown_parameter"  # type: ignore[index]


@pytest.mark.parametrize("path", ["/jobs/", "/v1/chat/completions/", "/v1/responses/"])
def test_a_slash_at_the_end_makes_no_difference(http: FlaskClient, path: str) -> None:
    assert http.post(path, json={"colour": "red"}).status_code == 400


@pytest.mark.parametrize(
    ("header", "compresses"),
    [
        ("gzip, deflate", True),
        ("*", True),
        ("gzip;q=0.5", True),
        ("identity", False),
        ("gzip;q=0", False),
        ("br", False),
        ("", False),
        (None, False),
    ],
)
def test_a_client_is_answered_in_gzip_if_it_takes_that(header: str | None, compresses: bool) -> None:
    accepted = parse_accept_header(header)
    made = encoded(Response(b"caravan_redis_up 1.0\n" * 99), for_one_that_takes=accepted)
    assert made.content_encoding == ("gzip" if compresses else None)
    sent = made.get_data()
    assert made.content_length == len(sent)
    assert (gzip.decompress(sent) if compresses else sent) == b"caravan_redis_up 1.0\n" * 99
    assert made.headers["Vary"] == "Accept-Encoding"
