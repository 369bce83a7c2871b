"""OpenAI's Codex, as it is published: a task with a tool call, through a worker's death."""

from __future__ import annotations

from pathlib import Path

from tests.compat.agents import ANSWER, MODEL, NOTE, TASK, call, cluster, resumed, through_a_kill
from tests.compat.programs import NODE_PROGRAMS, needs_node

CONFIG = """
model = "{model}"
model_provider = "caravan"
[model_providers.caravan]
name = "Caravan"
base_url = "{url}/v1"
wire_api = "responses"
"""


@needs_node
def test_codex_reads_a_file_while_the_worker_is_killed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with cluster(tmp_path, looks=call("exec_command", cmd="cat note.txt")) as served:
        (home / "config.toml").write_text(CONFIG.format(model=MODEL, url=served.url))
        command = [str(NODE_PROGRAMS / "codex"), "exec", "--skip-git-repo-check", TASK]
        ended = through_a_kill(served, command, folder=tmp_path / "work", env={"CODEX_HOME": str(home)})
        assert ended.returncode == 0, ended.stderr
        assert ended.stdout.strip() == ANSWER
        assert NOTE in ended.stderr
        assert resumed(served) == 1
