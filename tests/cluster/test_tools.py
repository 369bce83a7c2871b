"""What the builder makes of a go.mod, and what is there is not built again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster import tools
from tests.cluster.tools import Tools, chosen
from tests.cluster.versions import FOLDERS, MODULES, NEEDED


def test_parts_of_its_own_tree_are_taken_as_they_are_published() -> None:
    upstream = {
        "Replace": [
            {"Old": {"Path": "k8s.io/api"}, "New": {"Path": "./staging/src/k8s.io/api"}},
            {"Old": {"Path": "example.org/old"}, "New": {"Path": "example.org/new", "Version": "v1.2.3"}},
        ],
        "Exclude": [{"Path": "example.org/bad", "Version": "v0.0.1"}],
    }
    others = ["-replace=example.org/old=example.org/new@v1.2.3", "-exclude=example.org/bad@v0.0.1"]
    assert chosen(upstream, "v0.37.2") == ["-replace=k8s.io/api=k8s.io/api@v0.37.2", *others]
    assert chosen(upstream, "") == others
    assert chosen({"Replace": None}, "") == []


def test_what_is_there_is_not_built_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = Tools(tmp_path)
    assert len(there.missing()) == len(FOLDERS) + sum(len(module.programs) for module in MODULES)
    for name in there.missing():
        (tmp_path / name).touch()
    monkeypatch.setenv("PATH", "")  # no Go
    there.build()
    assert there.missing() == []


def test_without_go_a_developer_is_told_and_a_ci_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tools, "Tools", lambda: Tools(tmp_path))
    monkeypatch.setattr("sys.argv", ["tools"])
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CI", raising=False)
    assert tools.main() == 0
    assert "no go" in capsys.readouterr().out
    monkeypatch.setenv("CI", "true")
    assert tools.main() == 1


def test_a_check_builds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "Tools", lambda: Tools(tmp_path))
    monkeypatch.setattr("sys.argv", ["tools", "--check"])
    assert tools.main() == 1
    assert list(tmp_path.iterdir()) == []


def test_a_check_is_content_without_keda_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tools, "Tools", lambda: Tools(tmp_path))
    monkeypatch.setattr("sys.argv", ["tools", "--check"])
    for name in Tools(tmp_path).missing(*NEEDED):
        (tmp_path / name).touch()
    assert tools.main() == 0
    assert "keda-operator" in capsys.readouterr().out
