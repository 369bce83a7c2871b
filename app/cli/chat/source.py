"""Where lines come from: a terminal with a line editor and a history, or a pipe."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from prompt_toolkit.history import History

PROMPT, MORE = ">>> ", "... "


class Source(Protocol):
    """Gives lines; raises EOFError at the end, and KeyboardInterrupt on Ctrl-C."""

    interactive: bool

    def read(self, more: bool) -> str:
        """The next line, without its end. `more`: it belongs to a text that has begun."""


class Pipe:
    """Lines of standard input, which is no terminal."""

    interactive = False

    def __init__(self) -> None:
        if hasattr(sys.stdin, "reconfigure"):
            sys.stdin.reconfigure(errors="replace")  # bytes that are no text end no conversation

    def read(self, more: bool) -> str:
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        return line.removesuffix("\n")


class Editor:
    """Lines that somebody types. The arrow keys bring earlier ones back, from earlier chats too."""

    interactive = True

    def __init__(self, *, keeps_history: bool) -> None:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.history import InMemoryHistory

        history = _history() if keeps_history else None
        self._session: PromptSession[str] = PromptSession(history=history or InMemoryHistory())

    def read(self, more: bool) -> str:
        return self._session.prompt(MORE if more else PROMPT)


def source(*, keeps_history: bool) -> Source:
    """Where this process' lines come from."""
    is_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    return Editor(keeps_history=keeps_history) if is_terminal else Pipe()


def history_file() -> Path:
    """Where the XDG base directory specification has what a program keeps between its runs."""
    given = Path(os.environ.get("XDG_STATE_HOME", ""))
    return (given if given.is_absolute() else Path.home() / ".local" / "state") / "caravan" / "chat_history"


def _history() -> History | None:
    """The history of earlier chats, which its user alone can read; None where it cannot be kept."""
    from prompt_toolkit.history import FileHistory

    try:
        path = history_file()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600))
    except (OSError, RuntimeError):  # the latter: nobody's home
        return None
    return FileHistory(path)
