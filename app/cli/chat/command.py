"""``caravan chat``."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from app.cli.chat import settings
from app.cli.chat.conversation import Conversation
from app.cli.chat.dialogue import Dialogue
from app.cli.chat.source import source
from app.cli.connection import PATIENT_SECONDS, cluster, key_option, url_option
from app.cli.model_view import find
from app.cli.waits import Waits
from caravan_client.calls import Calls
from caravan_client.exchange import Patience
from tasks.errors import InvalidRequest, ModelNotFound


@click.command("chat")
@click.argument("named", metavar="[MODEL]", required=False)
@click.option("-m", "--model", help="The same as MODEL.")
@click.option("--system", default="", help="A system message to put first.")
@click.option(
    "--set", "given", multiple=True, metavar="NAME=VALUE", help="Set a parameter, as /set does: --set temperature=0.2."
)
@click.option("--no-history", is_flag=True, help="Keep no history of the typed lines.")
@url_option
@key_option
def command(
    named: str | None, model: str | None, system: str, given: tuple[str, ...], no_history: bool, url: str,
    api_key: str | None,
) -> None:  # fmt: skip
    """Talk with MODEL; it may be left out if only one model generates text.

    /help shows the commands. Ctrl-C stops an answer, Ctrl-D ends the chat. If standard input is a pipe, each line of it
    is a question.
    """
    if named and model and named != model:
        raise click.UsageError(f"MODEL is {named}, and --model is {model}: name one.")
    asked = dict(_setting(each) for each in given)
    waits = Waits("Trying again; Ctrl-C gives up.")
    with cluster(url, api_key, Patience(PATIENT_SECONDS, on_wait=waits)) as api:
        models = api.carry_out(Calls(patience=Patience(0.0)).call("GET", "/models"))  # who is not there is told at once
        chosen = choose(named or model, models["data"])
        lines = source(keeps_history=not no_history)
        if lines.interactive:
            click.echo(_greeting(chosen), err=True)
        talk = Dialogue(api, Conversation(chosen["id"], system, asked), lines, waits, address=(url, api_key))
        talk.run()
    sys.exit(talk.failed and not lines.interactive)


def choose(name: str | None, models: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The model to talk with: the one of this name, or the only one. Raises InvalidRequest or ModelNotFound."""
    if name is not None:
        found = find(name, models)
        if found["kind"] != "generative":
            raise InvalidRequest(f"The model '{name}' is of kind {found['kind']}, and makes no text.", param="model")
        return found
    generative = [model for model in models if model["kind"] == "generative"]
    if not generative:
        raise ModelNotFound("No model that generates text is there for you: `caravan models list` shows all.")
    if len(generative) > 1:
        names = ", ".join(model["id"] for model in generative)
        raise InvalidRequest(
            f"Several models generate text: {names}. Name one: `caravan chat {generative[0]['id']}`.", param="model"
        )
    return generative[0]


def _setting(given: str) -> tuple[str, Any]:
    name, equals, text = given.partition("=")
    if not equals:
        raise click.UsageError(f"--set {given}: give NAME=VALUE.")
    try:
        return name, settings.read(name, text)
    except settings.NotSettable as exc:
        raise click.UsageError(f"--set {given}: {exc}") from exc


def _greeting(model: Mapping[str, Any]) -> str:
    how = {
        "loading": " It is loading: the first answer comes after that.",
        "downloading": " It is being downloaded: the first answer comes after that.",
        "asleep": " No worker serves it now: the first answer comes when one does.",
        "failed": f" No worker can serve it: {model.get('reason', '')}",
    }
    return f"You talk with {model['id']}. /help shows the commands.{how.get(model['state'], '')}"
