"""Where a cluster of a folder is, as long as it runs."""

from __future__ import annotations

from pathlib import Path

from app.cli.up.address import FILE, announced, running

URL = "http://127.0.0.1:8000"


def test_an_address_is_known_while_its_cluster_runs(tmp_path: Path) -> None:
    assert running(tmp_path) is None
    with announced(tmp_path, URL):
        assert running(tmp_path) == URL
    assert running(tmp_path) is None


def test_an_address_that_a_cluster_left_behind_is_none(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(f"{URL}\n")
    assert running(tmp_path) is None
    with announced(tmp_path, "http://[::1]:9"):
        assert running(tmp_path) == "http://[::1]:9"


def test_a_second_cluster_of_the_folder_does_not_take_the_firsts_place(tmp_path: Path) -> None:
    with announced(tmp_path, URL):
        with announced(tmp_path, "http://127.0.0.1:9"):
            assert running(tmp_path) == URL
        assert running(tmp_path) == URL
