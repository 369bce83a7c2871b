"""Trouble that is told once and counted afterwards."""

from __future__ import annotations

import pytest

from tasks.logs.repeats import FIRST_COUNT_SECONDS, FORGET_SECONDS, Repeats, redis_away

REFUSED = "Error 111 connecting to 127.0.0.1:6379. Connection refused."
AWAY = (
    f"sweep put off error={REFUSED}",
    f"the bell is not heard error={REFUSED}",
    f"consumer: Cannot connect to redis+socket:///tmp/redis.sock: {REFUSED}",
    f"Failed to capture events: '{REFUSED}', trying again in 1 seconds.",
    "consumer: Connection to broker lost. Trying to re-establish the connection...",
    "sweep put off error=Redis is loading the dataset in memory",
    "leases could not be extended error=Timeout connecting to server",
    "x error=Error while reading from /tmp/redis.sock : (104, 'Connection reset by peer')",
)


def test_the_same_trouble_is_told_once_numbers_apart() -> None:
    repeats = Repeats()
    assert repeats.is_new("job 17 failed at 0x7f00", 0)
    assert not repeats.is_new("job 18 failed at 0x7f01", 1)
    assert repeats.is_new("another", 2)


def test_repeats_are_counted_and_the_count_is_told_ever_more_seldom() -> None:
    repeats, told = Repeats(), []
    for second in range(3600):
        repeats.is_new("it failed", second)
        told += [(second, count) for count in repeats.counts(second)]
    assert told[0] == (30, "it failed (30 lines more like this, the first one 30 s ago)")
    assert len(told) < 12


def test_what_is_not_met_for_ten_minutes_is_told_again() -> None:
    repeats = Repeats()
    assert repeats.is_new("no", 0)
    assert not repeats.is_new("no", FORGET_SECONDS - 1)
    assert repeats.is_new("no", 2 * FORGET_SECONDS)


@pytest.mark.parametrize("text", AWAY)
def test_an_absence_of_redis_is_known_however_it_is_told(text: str) -> None:
    assert redis_away(text)


@pytest.mark.parametrize("text", ["webhook not taken error=[Errno 111] Connection refused", "job failed", ""])
def test_what_else_cannot_be_reached_is_not_redis(text: str) -> None:
    assert not redis_away(text)


def test_three_seconds_without_redis_are_two_lines_of_all_programs() -> None:
    repeats, told = Repeats(settle_seconds=2), []
    for tenth in range(30):
        for program in ("web", "clerk", "demo-1"):
            text = AWAY[tenth % len(AWAY)]
            if repeats.is_new(text, tenth / 10, of=program):
                told.append(f"{program}: {text}")
        told += repeats.counts(tenth / 10)
    repeats.redis_answers()
    told += [*repeats.counts(3.5), *repeats.counts(5.0), *repeats.counts(60.0)]
    assert told == [f"web: {AWAY[0]}", "Redis answers again, after 3 s; 89 lines about it left out"]


def test_a_redis_that_stays_away_is_counted_and_its_next_absence_is_told_anew() -> None:
    repeats = Repeats()
    assert repeats.is_new(AWAY[0], 0)
    assert not repeats.is_new(AWAY[1], 1)
    assert [*repeats.counts(FIRST_COUNT_SECONDS)] == [
        "Redis still does not answer (1 line more like this, the first one 30 s ago)"
    ]
    repeats.redis_answers()
    assert [*repeats.counts(31)] == ["Redis answers again, after 1 s; 1 line about it left out"]
    assert repeats.is_new(AWAY[1], 32)


def test_of_a_program_that_says_ever_other_things_some_are_told() -> None:
    repeats = Repeats(most=10)
    told = [word for word in map(chr, range(97, 123)) if repeats.is_new(word, 0, of="web")]
    assert told == list("abcdefghij")
    assert repeats.is_new("z", 0, of="clerk")
    assert repeats.is_new("z", 300, of="web")
