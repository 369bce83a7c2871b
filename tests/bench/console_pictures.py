"""Pictures of the console's pages, of a cluster under load: light, dark, and as a phone shows them.

python -m tests.bench.console_pictures --out build/console
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from app.console.pages import PAGES
from tests.browser.conftest import MODELS, ended_batch, sign_in
from tests.support import browser as driven
from tests.support.cluster import Cluster, chat
from tests.support.crew import fake_body
from tests.support.fronts import ADMIN_KEY, bearer

SHAPES = {"light": (driven.DESKTOP, False), "dark": (driven.DESKTOP, True), "phone": (driven.PHONE, False)}


def load(cluster: Cluster) -> str:
    """Have jobs wait, run and end; the id of one that has to give way, and whose worker dies."""
    for name in ("alice", "nightly"):
        cluster.http.post("/admin/keys", json={"name": name, "limits": {"jobs_in_flight": 8, "priority": "normal"}})
    for text in ("What is 12 + 7?", "What is the capital of France?"):
        cluster.submit(chat(text))
    first: dict[str, Any] = cluster.submit({**fake_body("Once upon a time", tokens=150), "metadata": {"run": "a"}})
    for number in range(24):
        body = fake_body("Once", tokens=150 + 5 * number)
        cluster.submit({**body, "priority": ("low", "normal", "normal", "high")[number % 4]})
    time.sleep(1.5)
    cluster.kill("fake-1")
    return str(first["id"])


def ask(page: Page) -> None:
    """Have an answer on the page."""
    page.get_by_label("Your message").fill("What is the capital of France?")
    page.get_by_role("button", name="Send").click()
    page.get_by_text("tokens/s").wait_for()


def take(browser: Browser, url: str, out: Path, *, job: str, batch: str, shape: str, seconds: float) -> None:
    """All pages in a shape."""
    width, dark = SHAPES[shape]
    with driven.context(browser, url, width=width, dark=dark) as opened:
        page = opened.new_page()
        for each in PAGES:
            path = each.path.replace("<job_id>", job).replace("<batch_id>", batch)
            if each.name == "overview":
                sign_in(page, ADMIN_KEY)
                page.wait_for_timeout(1000 * seconds)
            elif each.name != "login":
                page.goto(path)
                if each.name == "playground":
                    ask(page)
                page.wait_for_timeout(2000)
            else:
                page.get_by_role("button", name="Sign out").click()
                page.get_by_label("API key").wait_for()
            page.screenshot(path=out / f"{each.name}-{shape}.png", full_page=True)


def main() -> None:
    """Take them."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.console_pictures")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, driven.chromium() as browser:
        cluster = Cluster(
            Path(folder),
            models=MODELS,
            env={"CARAVAN_KEYS": "true", "CARAVAN_ADMIN_KEY": ADMIN_KEY, "CARAVAN_LEASE_SECONDS": "4"},
        )
        cluster.start()
        try:
            cluster.http.headers.update(bearer(ADMIN_KEY))
            batch, job = ended_batch(cluster), load(cluster)
            for shape in SHAPES:
                seconds = 25 if shape == "light" else 3
                take(browser, cluster.url, args.out, job=job, batch=batch, shape=shape, seconds=seconds)
        finally:
            cluster.stop()
    print(f"{args.out}: {len(list(args.out.glob('*.png')))} pictures")


if __name__ == "__main__":
    main()
