"""`GET /slots?fail_on_no_slot`, through the front, as llama-server's health checks of load balancers ask it."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tasks.ledger.ledger import Ledger
from tasks.settings import Settings
from tests.support.fronts import ADMIN_KEY, bearer, front


@pytest.mark.parametrize(
    ("busy", "told"),
    [
        (None, "No worker serves demo."),
        (16, "No slot of demo is idle."),
        (15, ""),
    ],
)
def test_no_idle_slot_is_an_error_for_who_asks_for_one(
    settings: Settings, store: Ledger, busy: int | None, told: str
) -> None:
    http: FlaskClient = front(settings)
    if busy is not None:
        store.workers.report("demo", "w1", 60.0, {"capacity": 18, "slots": 16, "busy": busy, "context": 1024})
    answer = http.get("/slots?model=demo&fail_on_no_slot", headers=bearer(ADMIN_KEY))
    if told:
        error = answer.get_json()["error"]
        assert (answer.status_code, error["code"], error["message"]) == (503, "no_slot_idle", told)
        assert int(answer.headers["Retry-After"]) > 0
    else:
        assert answer.status_code == 200
    assert http.get("/slots?model=demo", headers=bearer(ADMIN_KEY)).status_code == 200
