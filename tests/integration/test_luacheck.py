"""What `make lint` says of the scripts."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tasks.ledger import scripts
from tests.support import lua

SUBMIT = Path(scripts.__file__).parent / "lua" / "jobs" / "submit.lua"


@pytest.mark.skipif(shutil.which("luacheck") is None, reason="there is no luacheck")
def test_a_warning_is_told_where_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    real = scripts.parts

    def broken(name: str) -> list[tuple[str, str]]:
        return [(file, source.replace("local live = busy", "local lively = busy")) for file, source in real(name)]

    assert lua.luacheck() == []
    monkeypatch.setattr(scripts, "parts", broken)
    line = 1 + SUBMIT.read_text().splitlines().index("local live = busy(owner, most_in_flight)")
    assert any(f"lua/jobs/submit.lua:{line}:7: (W211) unused variable 'lively'" in each for each in lua.luacheck())
