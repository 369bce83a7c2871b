"""The command: which model, which machine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from app.cli.models_option import models_option
from app.cli.plan import view
from app.cli.plan.byte_size import ByteSize
from app.cli.table import screen_width
from app.cli.the_model import the_head
from app.doctor import cores, gpus, library
from tasks.machine.memory import read_room
from tasks.models.catalogue import ModelEntry
from tasks.models.longest import longest
from tasks.models.plan import dry_run
from tasks.models.plan.fit import SHARES, WHOLE, Machine, Measure, Shape, plan
from tasks.models.plan.sizes import Sizes


@click.command("plan")
@click.argument("model", metavar="MODEL")
@models_option
@click.option("--gpu", "cards", type=ByteSize(), multiple=True, help="Memory of a GPU, as 24G; once for each.")
@click.option("--ram", "memory", type=ByteSize(), help="Memory of the machine. By default this one's.")
@click.option("--users", type=click.IntRange(1, 128), help="Sequences at once. By default the entry's.")
@click.option("--context", type=click.IntRange(64), help="Tokens of each. By default the entry's.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object; sizes in bytes.")
def command(
    model: str,
    models: Path | None,
    cards: tuple[int, ...],
    memory: int | None,
    users: int | None,
    context: int | None,
    as_json: bool,
) -> None:
    """Tell what MODEL takes of memory, and settings with which it fits.

    MODEL is a GGUF file, an hf:// address, or a name of the catalogue. Nothing is loaded: llama.cpp reads the head of
    the file, and lays out cache and buffers without taking their memory. Of a file of the Hub's that is not here, the
    head alone is fetched. The status is 1 if it does not fit.
    """
    name, entry, readable = the_head(model, models)
    trained = longest(readable)
    if context and trained and context > trained:
        raise click.UsageError(f"--context is {context}, and the model was trained for {trained} tokens.")
    slots = users or entry.slots
    if entry.batch_tokens and entry.batch_tokens < slots:
        raise click.UsageError(f"--users is {slots}, and {name} has batch_tokens: {entry.batch_tokens}.")
    tokens = context or min(entry.context, trained or entry.context)
    machine = Machine(memory=memory or _memory(), cards=cards or _cards(), cores=_threads())
    try:
        found = plan(
            _measure(readable),
            machine,
            slots=slots,
            context=tokens,
            gpu_layers=entry.gpu_layers,
            shares=SHARES if entry.generates else WHOLE,
        )
    except dry_run.CannotLoad as exc:
        raise click.ClickException(str(exc)) from exc
    except dry_run.CannotTell as exc:
        raise click.ClickException(f"llama.cpp does not tell what the model takes: {exc}") from exc
    if as_json:
        click.echo(json.dumps(view.as_json(name, entry, found), indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(view.lines(name, entry, found, width=screen_width())))
    if not found.fits:
        raise click.exceptions.Exit(1)


def _measure(entry: ModelEntry) -> Measure:
    def shaped(shape: Shape) -> ModelEntry:
        told = {"slots": shape.slots, "context": shape.context}
        if entry.generates:
            told["kv_tokens"] = shape.cache_tokens
        return entry.model_copy(update=told)

    def sizes(shapes: Sequence[Shape]) -> Sequence[Sizes]:
        return dry_run.sizes(list(map(shaped, shapes)))

    return sizes


def _memory() -> int:
    room = read_room()
    if room is None:
        raise click.UsageError("Nothing tells what memory this machine has: give --ram.")
    return room.total


def _cards() -> tuple[int, ...]:
    """Those of this machine that llama.cpp is built for."""
    built, there = library.read(), gpus.read()
    used = built is not None and gpus.uses_card(there, built.cards, layers=-1)
    return tuple(card.memory for card in there.known) if used else ()


def _threads() -> int:
    """Cores, for what computes gains nothing from a core's second thread."""
    found = cores.read()
    return min(found.usable, found.physical or found.usable)
