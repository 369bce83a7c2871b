"""What is said to the command and not to the model: lines that begin with ``/`` (pure)."""

from __future__ import annotations

import json
from dataclasses import dataclass

from app.cli.chat import settings
from app.cli.chat.conversation import Conversation
from tasks.texts import nearest, shown

HELP = '''/system TEXT     set the system message; without TEXT there is none
/set NAME VALUE  set a sampling parameter, such as temperature 0.2
/set NAME        take it back; /set alone shows what is set
/clear           forget the conversation; system message and settings stay
/help            show this
/bye             end; so does Ctrl-D
"""              begin and end a text of several lines
Ctrl-C           stop the answer'''

BYE = ("/bye", "/exit", "/quit")
ORDERS = ("/system", "/set", "/clear", "/help", "/?", *BYE)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the command says to an order, and whether that ends the chat or tells of a mistake."""

    text: str
    ends: bool = False
    refused: bool = False


def obey(order: str, conversation: Conversation) -> Reply:
    """Carry an order out."""
    name, _, rest = order.strip().partition(" ")
    rest = rest.strip()
    if name in BYE:
        return Reply("", ends=True)
    if name in ("/help", "/?"):
        return Reply(HELP)
    if name == "/clear":
        conversation.clear()
        return Reply("The conversation is forgotten.")
    if name == "/system":
        conversation.system = rest
        return Reply("The system message is set." if rest else "There is no system message.")
    if name == "/set":
        return _set(rest, conversation)
    near = nearest(name, ORDERS)
    hint = f"Did you mean {near}?" if near else "/help shows those there are."
    quoted = 'A text that begins with / stands between """ and """.'
    return Reply(f"There is no command '{shown(name)}'. {hint} {quoted}", refused=True)


def _set(rest: str, conversation: Conversation) -> Reply:
    name, _, text = rest.partition(" ")
    if not name:
        return Reply(_shown(conversation))
    try:
        if not text.strip():
            settings.check_name(name)
            conversation.settings.pop(name, None)
            return Reply(f"{name} is the server's own.")
        conversation.settings[name] = settings.read(name, text.strip())
    except settings.NotSettable as exc:
        return Reply(str(exc), refused=True)
    return Reply(f"{name} is {json.dumps(conversation.settings[name], ensure_ascii=False)}.")


def _shown(conversation: Conversation) -> str:
    lines = [f"model {conversation.model}"]
    lines += [f"system {conversation.system}"] if conversation.system else []
    lines += [f"{name} {json.dumps(value, ensure_ascii=False)}" for name, value in conversation.settings.items()]
    return "\n".join(lines)
