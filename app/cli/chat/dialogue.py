"""A conversation's course: what is typed, answered, obeyed and told."""

from __future__ import annotations

import re
import sys

import click

from app.cli.chat.answer import Answer, ask
from app.cli.chat.conversation import Conversation
from app.cli.chat.entry import Unfinished, read_entry
from app.cli.chat.orders import obey
from app.cli.chat.source import Source
from app.cli.connection import in_words
from app.cli.table import screen_width, wrapped
from app.cli.waits import Waits
from caravan_client import Client
from tasks.errors import CaravanError, ContextLengthExceeded

_OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Characters that a terminal obeys, but for line ends and tabs."""


class Dialogue:
    """Somebody and a model.

    Args:
        address: the cluster's, and the key for it, as its errors name them.
    """

    def __init__(
        self, api: Client, conversation: Conversation, source: Source, waits: Waits, *, address: tuple[str, str | None]
    ) -> None:
        self.failed = False
        """Whether anything that was said could not be answered or obeyed."""
        self._api, self._conversation, self._source, self._waits = api, conversation, source, waits
        self._address = address
        self._is_terminal = sys.stdout.isatty()

    def run(self) -> None:
        """Until the input ends, or somebody says so. Ctrl-C ends the chat where nobody types."""
        goes_on = True
        while goes_on:
            try:
                goes_on = self._turn()
            except KeyboardInterrupt:
                if not self._source.interactive:
                    raise
                click.echo("Ctrl-D or /bye ends the chat.", err=True)

    def _turn(self) -> bool:
        """What is said next, and what comes of it; whether the chat goes on."""
        try:
            entry = read_entry(self._source.read)
        except Unfinished as exc:
            self._fail(str(exc))
            return False
        except EOFError:
            return False
        if entry.is_order:
            return self._obey(entry.text)
        self._ask(entry.text)
        return True

    def _obey(self, order: str) -> bool:
        reply = obey(order, self._conversation)
        if reply.text:
            click.echo(_in_lines(reply.text), err=True)
        self.failed = self.failed or reply.refused
        return not reply.ends

    def _ask(self, question: str) -> None:
        self._waits.go_on()
        try:
            answer = ask(self._api, self._conversation.body(question), self._show)
        except CaravanError as exc:
            self._waits.end_line()
            hint = " /clear begins a new conversation." if isinstance(exc, ContextLengthExceeded) else ""
            self._fail(f"{in_words(exc, *self._address)}{hint}")
            return
        self._waits.end_line()
        self._conversation.keep(question, answer.text)
        self._tell(answer)

    def _show(self, text: str) -> None:
        self._waits.show(_OBEYED.sub("\N{REPLACEMENT CHARACTER}", text) if self._is_terminal else text)

    def _tell(self, answer: Answer) -> None:
        if answer.stopped:
            click.echo(f"The answer was stopped. {answer.note}".strip(), err=True)
        elif answer.finish_reason == "length":
            click.echo("The answer was cut: max_tokens is reached, or the context is full.", err=True)

    def _fail(self, message: str) -> None:
        self.failed = True
        click.echo(message, err=True)


def _in_lines(text: str) -> str:
    """A text whose lines are no longer than the screen is wide."""
    return "\n".join(part for line in text.split("\n") for part in wrapped(line, screen_width()) or [""])
