"""While a web process makes the largest answer, the others that it serves have their turns."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
from gevent import monkey; monkey.patch_all()
import gevent
from app.endpoints.openai.completion import chat_logprobs
from app.http.json_pieces import text
from tasks.records.logprobs import TokenLogprobs
from tasks.records.size import MOST_LOGPROBS

turns, made = 0, False

def take_turns():
    global turns
    while not made:
        turns += 1
        gevent.sleep(0.001)

other = gevent.spawn(take_turns)
gevent.sleep(0)
top = tuple((b" token %d" % number, -1.234567) for number in range(20))
logprobs = chat_logprobs([TokenLogprobs(5, b" token", -0.123456, top)] * (MOST_LOGPROBS // 21))
after_view = turns
text({"result": {"choices": [{"logprobs": logprobs}]}})
made = True
print(after_view, turns - after_view)
"""
MANY = 50
"""Turns in each half. Made in one go, both halves together have one."""


def test_others_have_turns_while_a_large_answer_is_made() -> None:
    printed = subprocess.run([sys.executable, "-P", "-c", PROGRAM], capture_output=True, text=True, check=True).stdout
    view, body = map(int, printed.split())
    assert view > MANY
    assert body > MANY
