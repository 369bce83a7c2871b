"""How gunicorn is set up."""

from __future__ import annotations

from app.cli.web.gunicorn_server import Server
from tasks.settings import Settings


def test_no_server_opens_the_control_socket_that_all_of_a_user_would_share() -> None:
    assert Server(Settings()).cfg.control_socket_disable is True
