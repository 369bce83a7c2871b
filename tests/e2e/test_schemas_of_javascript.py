"""Schemas of the newest zod and of an MCP server, made by Node: none is refused as a tool's."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.tool_schemas import check_tool_schema

PROGRAM = Path(__file__).parent / "schemas_of_javascript"
INSTALL = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]


@pytest.mark.skipif(not (shutil.which("node") and shutil.which("npm")), reason="there is no Node.js")
def test_no_schema_of_zod_or_an_mcp_server_is_refused_as_a_tools(tmp_path: Path) -> None:
    folder = shutil.copytree(PROGRAM, tmp_path / "schemas")
    installed = subprocess.run(INSTALL, cwd=folder, capture_output=True, text=True)
    if installed.returncode:
        pytest.skip(f"the packages cannot be installed here: {installed.stderr[-500:]}")
    ran = subprocess.run(["node", "schemas.mjs"], cwd=folder, capture_output=True, text=True, timeout=120)
    made = [json.loads(line) for line in ran.stdout.splitlines()]
    if ran.returncode and len(made) < 300:
        pytest.skip(f"the newest packages are others than this program knows: {ran.stderr[-500:]}")
    assert len(made) >= 300
    for each in made:
        check_tool_schema(each["schema"])
