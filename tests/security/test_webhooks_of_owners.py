"""Whoever can verify one owner's webhooks can forge nobody else's."""

from __future__ import annotations

import json
import threading

import pytest
import redis
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tasks.ledger import redis_keys
from tasks.ledger.api_keys import KeyStore
from tasks.ledger.ledger import Ledger
from tasks.settings import Settings
from tasks.webhooks.outbox import open_outbox
from tasks.webhooks.owner_secrets import derive
from tasks.webhooks.publisher import WebhookPublisher, open_webhook_publisher
from tests.support.fronts import ADMIN_KEY, bearer, front, key
from tests.support.jobs import completion
from tests.support.receiver import LOOPBACK, SECRET, Receiver, Request
from tests.support.redis_fixtures import redis_server

__all__ = ["redis_server"]

OLD = "whsec_" + "b2xk" * 8
NEWER = "whsec_" + "bmV3" * 8


@pytest.fixture
def signing(settings: Settings) -> Settings:
    return Settings(**{**settings.model_dump(), "webhook_secret": SECRET, "webhook_networks": LOOPBACK})


@pytest.fixture
def http(signing: Settings, client: redis.Redis) -> FlaskClient:
    return front(signing)


def key_of(client: redis.Redis, owner: str) -> dict[str, str]:
    return bearer(KeyStore(client).create(key(owner))[1])


def secret_of(http: FlaskClient, headers: dict[str, str]) -> str:
    answer = http.get("/webhooks/secret", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    return str(answer.get_json()["secret"])


def sent(settings: Settings, store: Ledger, owner: str, *, forget_owner: bool = False) -> Request:
    """The message of a job's end, as its receiver got it."""
    publisher: WebhookPublisher = open_webhook_publisher(settings)
    with Receiver() as receiver:
        job = completion(webhook=receiver.url, owner=owner)
        store.admission.submit(job, longest_queue=9)
        store.admission.cancel(job.id)
        if forget_owner:
            store.jobs._redis.hdel(redis_keys.hook(job.id), "owner")
        assert open_outbox(settings, store.jobs._redis).post() == [job.id]
        publisher.deliver(job.id)
        (request,) = receiver.requests
    return request


def verifies(secret: str, request: Request) -> bool:
    try:
        Webhook(secret).verify(request.body, dict(request.headers))
    except WebhookVerificationError:
        return False
    return True


def test_an_owners_secret_verifies_its_own_messages_and_no_others(
    http: FlaskClient, signing: Settings, client: redis.Redis, store: Ledger
) -> None:
    alices, mallorys = (secret_of(http, key_of(client, owner)) for owner in ("alice", "mallory"))
    assert len({alices, mallorys, SECRET}) == 3
    request = sent(signing, store, "alice")
    assert [verifies(secret, request) for secret in (alices, mallorys, SECRET)] == [True, False, False]
    assert request.verified(alices)["owner"] == "alice"


@pytest.mark.parametrize("path", ["/webhooks/secret"])
def test_a_secret_is_shown_once_to_all_keys_of_its_owner_together(
    http: FlaskClient, client: redis.Redis, path: str
) -> None:
    first, second = key_of(client, "alice"), key_of(client, "alice")
    secret_of(http, first)
    for headers in (first, second):
        again = http.get(path, headers=headers)
        assert (again.status_code, again.get_json()["error"]["code"]) == (409, "webhook_secret_shown")
    assert http.get(path).status_code == 401
    secret_of(http, bearer(ADMIN_KEY))  # an admin's is another owner's


def test_an_answer_without_a_body_shows_nothing(http: FlaskClient, client: redis.Redis) -> None:
    headers = key_of(client, "alice")
    assert http.head("/webhooks/secret", headers=headers).status_code == 200
    secret_of(http, headers)


def test_of_many_who_ask_at_once_one_is_shown_it(http: FlaskClient, client: redis.Redis) -> None:
    headers, shown = key_of(client, "alice"), []

    def ask() -> None:
        shown.append(http.application.test_client().get("/webhooks/secret", headers=headers).status_code)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(shown) == [200] + [409] * 7


def test_a_replaced_secret_signs_for_a_day_beside_the_new_one(
    http: FlaskClient, signing: Settings, client: redis.Redis, store: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = key_of(client, "alice")
    secrets = [secret_of(http, headers)]
    for _ in range(3):
        answer = http.post("/webhooks/secret", headers=headers)
        secrets.append(answer.get_json()["secret"])
    assert http.get("/webhooks/secret", headers=headers).status_code == 409  # the new one was shown as well
    assert [verifies(secret, sent(signing, store, "alice")) for secret in secrets] == [False, True, True, True]
    for field in map(str, client.hkeys(redis_keys.hook_secret("alice"))):
        if field.startswith("until:"):
            client.hset(redis_keys.hook_secret("alice"), field, "1")
    assert [verifies(secret, sent(signing, store, "alice")) for secret in secrets] == [False, False, False, True]


def test_with_another_secret_of_the_server_an_owner_is_shown_another_and_the_old_one_verifies(
    http: FlaskClient, signing: Settings, client: redis.Redis, store: Ledger
) -> None:
    headers = key_of(client, "alice")
    before = secret_of(http, headers)
    both = Settings(**{**signing.model_dump(), "webhook_secret": f"{NEWER} {SECRET}"})
    after = secret_of(front(both), headers)
    request = sent(both, store, "alice")
    assert before != after
    assert [verifies(secret, request) for secret in (before, after)] == [True, True]


def test_receivers_of_a_release_before_verify_while_the_shared_secret_is_named(
    signing: Settings, client: redis.Redis, store: Ledger
) -> None:
    changing = Settings(**{**signing.model_dump(), "webhook_shared_secret": OLD})
    assert verifies(OLD, sent(changing, store, "alice"))
    assert not verifies(OLD, sent(signing, store, "alice"))


def test_without_keys_the_servers_secret_signs_and_is_told_to_nobody(
    signing: Settings, client: redis.Redis, store: Ledger
) -> None:
    request = sent(signing, store, "local")
    assert verifies(SECRET, request)
    assert request.verified(SECRET)["owner"] == "local"
    without = front(signing, keys=False)
    for call in (without.get, without.post):
        answer = call("/webhooks/secret")
        assert answer.status_code == 403
        assert SECRET not in answer.text


def test_a_message_of_the_release_before_is_signed_with_its_owners_secret(
    http: FlaskClient, signing: Settings, client: redis.Redis, store: Ledger
) -> None:
    """It kept no owner beside what is to be told."""
    secret = secret_of(http, key_of(client, "alice"))
    assert verifies(secret, sent(signing, store, "alice", forget_owner=True))


def test_a_server_without_webhooks_has_no_secret_to_show(settings: Settings, client: redis.Redis) -> None:
    assert front(settings).get("/webhooks/secret", headers=bearer(ADMIN_KEY)).status_code == 400


def test_redis_and_the_log_know_no_secret(
    http: FlaskClient, client: redis.Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = secret_of(http, key_of(client, "alice"))
    kept = json.dumps({str(name): client.hgetall(name) for name in client.scan_iter(_type="HASH")})
    for told in (kept, *capsys.readouterr()):
        assert secret.removeprefix("whsec_") not in told
        assert SECRET.removeprefix("whsec_") not in told


owners = st.text(max_size=8) | st.sampled_from(["alice", "alice0", "0", "1", "\0", "1\0alice"])


@given(one=st.tuples(owners, st.integers(0, 20)), other=st.tuples(owners, st.integers(0, 20)))
def test_no_two_owners_or_turns_have_one_secret(one: tuple[str, int], other: tuple[str, int]) -> None:
    assert (derive(SECRET, *one) == derive(SECRET, *other)) == (one == other or {one[0], other[0]} == {"local"})
