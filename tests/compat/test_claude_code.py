"""Anthropic's Claude Code, as it is published: a task with a tool call, through a worker's death."""

from __future__ import annotations

from pathlib import Path

from tests.compat.agents import ANSWER, MODEL, TASK, call, cluster, resumed, through_a_kill
from tests.compat.programs import NODE, needs_node

PROGRAM = NODE / "node_modules" / "@anthropic-ai" / "claude-code" / "cli-wrapper.cjs"
"""What the command is without the package's install script."""


@needs_node
def test_claude_code_reads_a_file_while_the_worker_is_killed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with cluster(tmp_path, looks=call("Bash", command="cat note.txt")) as served:
        env = {
            "HOME": str(home),
            "ANTHROPIC_BASE_URL": served.url,
            "ANTHROPIC_API_KEY": "none",
            "ANTHROPIC_MODEL": MODEL,
            "ANTHROPIC_DEFAULT_HAIKU_MODEL": MODEL,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        }
        command = ["node", str(PROGRAM), "-p", TASK, "--allowedTools", "Bash"]
        ended = through_a_kill(served, command, folder=tmp_path / "work", env=env)
        assert ended.returncode == 0, ended.stderr
        assert ended.stdout.strip() == ANSWER
        assert resumed(served) >= 1
