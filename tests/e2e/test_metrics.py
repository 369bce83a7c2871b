"""What Prometheus is told by a whole cluster: valid, true, and all that rules, dashboard and page speak of."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.support.cluster import Cluster, chat
from tests.support.promtool import ROOT, asked_for, promtool, queries, rules, told
from tests.support.waiting import until

PAGE = (ROOT / "docs" / "metrics.md").read_text()


def _body(number: int) -> dict[str, Any]:
    options: dict[str, Any] = {"priority": ("high", "normal", "low")[number % 3], "temperature": 0}
    if number % 10 == 3:
        return chat("What is 1 + 1? " * 300, **options)  # too long: fails
    if number % 10 == 5:
        return chat("Tell me a long story about a fox.", ignore_eos=True, max_tokens=900, **options)  # is cancelled
    if number % 10 == 6:
        return chat("Tell me a story about a fox.", timeout=0.01, **options)  # expires, most of them while they wait
    return chat(f"What is {number % 20} + 4?", **options)


def test_counters_agree_with_the_jobs_and_never_fall_while_jobs_run(cluster: Cluster) -> None:
    before, ended = cluster.figures(), threading.Event()
    with ThreadPoolExecutor(9) as pool:
        scraping = pool.submit(_scrape_until, cluster, ended)
        ids = list(pool.map(lambda number: cluster.submit(_body(number))["id"], range(120)))
        list(pool.map(lambda number: cluster.http.post(f"/jobs/{ids[number]}/cancel"), range(5, 120, 10)))
        jobs = [cluster.job(job_id, wait=60) for job_id in ids]
        ended.set()
        assert scraping.result() > 3
    counted = Counter({("accepted", priority): 40 for priority in ("high", "normal", "low")})
    counted.update((job["status"], job["priority"]) for job in jobs)
    assert {status for status, _ in counted} == {"accepted", "succeeded", "failed", "cancelled", "expired"}
    grown = _growth(before, cluster.figures())
    for (status, priority), count in counted.items():
        assert grown[f'caravan_jobs_total{{model="demo",priority="{priority}",status="{status}"}}'] == count
    succeeded = [job for job in jobs if job["status"] == "succeeded"]
    for kind in ("prompt", "completion"):
        tokens = sum(job["usage"][f"{kind}_tokens"] for job in succeeded)
        assert grown[f'caravan_tokens_total{{kind="{kind}",model="demo"}}'] == tokens
    for priority, count in Counter(job["priority"] for job in succeeded).items():
        for duration in ("wait", "total"):
            name = f"caravan_job_{duration}_seconds"
            assert grown[f'{name}_count{{model="demo",priority="{priority}"}}'] == count
            assert grown[f'{name}_bucket{{le="+Inf",model="demo",priority="{priority}"}}'] == count
        waits = sum(job["timings"]["queue_seconds"] for job in succeeded if job["priority"] == priority)
        wait = grown[f'caravan_job_wait_seconds_sum{{model="demo",priority="{priority}"}}']
        assert abs(wait - waits) < 0.001 * count
    for duration in ("prefill", "first_token", "token"):
        name = f"caravan_job_{duration}_seconds"
        observed = grown[f'{name}_count{{model="demo"}}']
        # One that gave way, and had one token to go after that, has no time between two of them.
        gave_way = sum(job["attempt"] > 1 for job in succeeded)
        assert len(succeeded) - (gave_way if duration == "token" else 0) <= observed <= len(succeeded)
        assert grown[f'{name}_bucket{{le="+Inf",model="demo"}}'] == observed


def test_a_worker_s_figures_agree_with_the_jobs_once_it_has_reported(cluster: Cluster) -> None:
    name = 'caravan_worker_generated_tokens_total{model="demo",worker="demo-1"}'
    time.sleep(2.5)  # a worker reports each second; what it did for the tests before is told by now
    before = cluster.figures()[name]
    job = cluster.job(cluster.submit(chat("Count to 9.", temperature=0))["id"], wait=30)
    made = job["usage"]["completion_tokens"]
    until(lambda: cluster.figures()[name] - before == made, what="the worker reports its tokens")


def test_promtool_finds_no_fault_in_a_page(cluster: Cluster) -> None:
    assert promtool("check", "metrics", given=cluster.http.get("/metrics").text) == ""


def test_a_page_is_sent_compressed_to_a_scraper_that_takes_it(cluster: Cluster) -> None:
    plain = cluster.http.get("/metrics", headers={"Accept-Encoding": "identity"})
    packed = cluster.http.get("/metrics", headers={"Accept-Encoding": "gzip"})
    assert ("Content-Encoding" in plain.headers, packed.headers["Content-Encoding"]) == (False, "gzip")
    assert told(packed.text) == told(plain.text)
    assert int(packed.headers["Content-Length"]) < len(plain.content) / 5


def test_rules_and_dashboard_ask_for_metrics_that_exist(cluster: Cluster) -> None:
    known = told(cluster.http.get("/metrics").text) | {rule["record"] for rule in rules() if "record" in rule}
    asked = set().union(*(asked_for(query) for query in queries()))
    assert len(asked) > 30
    assert asked - known == set()


def test_rules_and_dashboard_ask_for_labels_that_exist(cluster: Cluster) -> None:
    families = text_string_to_metric_families(cluster.http.get("/metrics").text)
    known = {label for family in families for sample in family.samples for label in sample.labels}
    known |= {"namespace", "job", "instance"}  # Prometheus gives them to what it scrapes
    known |= {"result"}  # of attempts that nobody made here
    for query in queries():
        lists = re.findall(r"(?:by|without|on) \(([a-z_, ]+)\)", query)
        matched = re.findall(r"[{,]([a-z_]+)[=!]", query)
        asked = {label.strip() for each in lists for label in each.split(",")} | set(matched)
        assert asked <= known, query


def test_the_page_lists_exactly_the_metrics_that_there_are(cluster: Cluster) -> None:
    families = text_string_to_metric_families(cluster.http.get("/metrics").text)
    there = {family.name + ("_total" if family.type == "counter" else ""): family.type for family in families}
    listed = dict(re.findall(r"^\| `(caravan_\w+)` \| (\w+) \|", PAGE, flags=re.MULTILINE))
    assert listed == there


def _scrape_until(cluster: Cluster, ended: threading.Event) -> int:
    """Scrape again and again; how often. No counter may fall: Prometheus would take that for a restart."""
    last: dict[str, float] = {}
    count = 0
    while not ended.is_set():
        page = cluster.http.get("/metrics").text
        for family in text_string_to_metric_families(page):
            for sample in family.samples:
                if family.type == "gauge":
                    continue
                series = f"{sample.name}{sorted(sample.labels.items())}"
                assert sample.value >= last.get(series, 0), series
                last[series] = sample.value
        count += 1
    return count


def _growth(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    return {name: value - before.get(name, 0) for name, value in after.items()}
