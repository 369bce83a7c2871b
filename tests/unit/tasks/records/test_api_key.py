"""Keys: what is kept of them, and what they may."""

from __future__ import annotations

import math
import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.endpoints.keys.view import view
from app.endpoints.keys.wire import KeyBody
from tasks.errors import RecordTooNew
from tasks.records.api_key import Key, Limits, Scope, digest, new_id, new_secret
from tasks.records.job import Priority
from tests.support.job_records import MakeJob

some = st.none() | st.integers(1, 10**9)
names = st.text(string.ascii_letters, min_size=1)
keys = st.builds(
    Key,
    id=names,
    name=names,
    owner=names,
    scopes=st.frozensets(st.sampled_from(Scope), min_size=1),
    limits=st.builds(
        Limits,
        requests_per_minute=some,
        tokens_per_minute=some,
        jobs_in_flight=some,
        models=st.none() | st.lists(names).map(tuple),
        priority=st.sampled_from(Priority),
        weight=st.floats(0.001, 1000),
    ),
    created_at=st.floats(0, 1e10),
    expires_at=st.none() | st.floats(0, 1e10),
)


@given(keys)
def test_a_key_is_read_as_it_was_written(key: Key) -> None:
    assert Key.decode(key.encode()) == key


def test_a_record_of_a_newer_version_or_none_opens_nothing() -> None:
    written = Key(id="k", name="n", owner="o", scopes=frozenset({Scope.ADMIN})).encode()
    with pytest.raises(RecordTooNew):
        Key.decode({**written, "v": "3"})
    assert Key.decode({}) is None
    assert Key.decode({"last_used_at": "1.0"}) is None


@pytest.mark.parametrize("scope", Scope)
def test_a_key_without_a_new_scope_is_one_that_the_release_before_reads(scope: Scope) -> None:
    written = Key(id="k", name="n", owner="o", scopes=frozenset({scope})).encode()
    assert written["v"] == ("2" if scope is Scope.METRICS else "1")


def test_a_secret_has_256_bits_that_nobody_guesses() -> None:
    made = {new_secret() for _ in range(1000)}
    assert len(made) == 1000
    for secret in made:
        random = re.fullmatch(r"cvn-([A-Za-z0-9_-]{43})", secret)
        assert random
        assert len(random[1]) * math.log2(64) >= 256


def test_what_is_kept_of_a_secret_is_its_sha_256() -> None:
    assert digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_an_id_is_not_made_of_the_secret() -> None:
    assert new_id() != new_id()
    assert new_id().startswith("key-")


@pytest.mark.parametrize(
    ("scopes", "inference", "admin"),
    [({Scope.INFERENCE}, True, False), ({Scope.ADMIN}, True, True), (set(Scope), True, True), (set(), False, False)],
)
def test_an_admin_may_do_all(scopes: set[Scope], inference: bool, admin: bool) -> None:
    key = Key(id="k", name="n", owner="o", scopes=frozenset(scopes))
    assert (key.may(Scope.INFERENCE), key.may(Scope.ADMIN)) == (inference, admin)


def test_a_job_is_seen_by_its_owner_and_by_admins(make_job: MakeJob) -> None:
    def key(owner: str, scope: Scope) -> Key:
        return Key(id="k", name="n", owner=owner, scopes=frozenset({scope}))

    job = make_job(owner="alice")
    assert key("alice", Scope.INFERENCE).sees(job)
    assert key("root", Scope.ADMIN).sees(job)
    assert not key("bob", Scope.INFERENCE).sees(job)


def test_a_key_that_names_no_models_may_use_any() -> None:
    assert Limits().allows("demo")
    assert Limits(models=("demo",)).allows("demo")
    assert not Limits(models=("demo",)).allows("other")


def test_a_body_without_limits_makes_a_key_without_them() -> None:
    key = KeyBody.model_validate({"name": "alice"}).key()
    assert (key.name, key.owner, set(key.scopes), key.limits) == ("alice", "alice", {Scope.INFERENCE}, Limits())


def test_what_is_shown_of_a_key_holds_no_secret() -> None:
    body = {"name": "night", "owner": "alice", "limits": {"models": ["demo"], "priority": "low", "weight": 2.0}}
    shown = view(KeyBody.model_validate(body).key())
    assert set(shown) == {
        "id", "object", "name", "owner", "scopes", "limits", "created_at", "expires_at", "last_used_at"
    }  # fmt: skip
    assert shown["limits"]["models"] == ["demo"]
    assert shown["limits"]["priority"] == "low"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "a:b"},
        {"name": "a", "owner": "b c"},
        {"name": "a", "scopes": []},
        {"name": "a", "scopes": ["root"]},
        {"name": "a", "limits": {"requests_per_minute": 0}},
        {"name": "a", "limits": {"models": []}},
        {"name": "a", "limits": {"weight": 0}},
        {"name": "a", "limits": {"requests": 1}},
        {"name": "a", "expires_in": 0},
        {"name": "a", "key": "cvn-mine"},
    ],
)
def test_a_body_that_makes_no_sense_makes_no_key(body: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        KeyBody.model_validate(body)
