"""What the calls about batches share, in whatever form they answer: accept, find and ask one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from app.access.caller import caller
from app.access.limits import allowed
from app.endpoints.files.quota import bounds
from app.http import traces
from app.services.services import services
from tasks.batches.batch import Batch, OutputFile, new_id, window_seconds
from tasks.batches.store import MOST_KEPT, Act
from tasks.errors import BatchConflict, BatchNotFound, FileNotFound, InvalidRequest, RateLimited
from tasks.files.record import new_id as new_file_id
from tasks.ledger.connection import as_broker_errors
from tasks.logs import get_logger

MANY_RETRY_SECONDS = 60

log = get_logger(__name__)


def accept(
    *,
    endpoint: str,
    input_file_id: str,
    completion_window: str,
    metadata: Mapping[str, str] | None = None,
    output_expires_in: int | None = None,
    total: int = 0,
) -> Batch:
    """Accept a batch of the caller's over a file.

    Args:
        total: lines of the input, where they are known before it is validated.

    Raises:
        FileNotFound: the caller has no such file.
        InvalidRequest: the file is no input.
        RateLimited: its owner has too many batches that have not ended.
    """
    batch = Batch(
        id=new_id(),
        owner=caller().owner,
        endpoint=endpoint,
        input_file_id=input_file_id,
        completion_window=completion_window,
        metadata=metadata,
        limits=replace(allowed(), stored_bytes=bounds().most),
        output_expires_in=output_expires_in,
        total=total,
        output=OutputFile(id=new_file_id()),
        error=OutputFile(id=new_file_id()),
        trace=traces.of_request(),
    )
    files_of = "" if caller().is_admin else caller().owner
    with as_broker_errors():
        verdict = services().batches.create(batch, window_seconds=window_seconds(completion_window), files_of=files_of)
    if verdict == "unknown":
        raise FileNotFound(f"There is no file '{input_file_id[:80]}'. Upload it first.", param="input_file_id")
    if verdict == "purpose":
        raise InvalidRequest("Only a file with the purpose 'batch' can be a batch's input.", param="input_file_id")
    if verdict == "many":
        raise RateLimited(
            f"An owner may have {MOST_KEPT} batches, and the oldest of this owner have not ended. "
            "Cancel some, or wait until they end.",
            retry_after_seconds=MANY_RETRY_SECONDS,
        )
    log.info("batch accepted", batch_id=batch.id, endpoint=endpoint)
    return find(batch.id)


def find(batch_id: str, *, name: str | None = None) -> Batch:
    """The batch of that id; raises BatchNotFound, for another owner's as for one that never was.

    Args:
        name: the id by which the caller knows it, if it is another.
    """
    batch = services().batches.get(batch_id)
    if batch is None or not caller().sees(batch):
        raise unknown(name or batch_id)
    return batch


def unknown(batch_id: str) -> BatchNotFound:
    """What is told of a batch that is not there."""
    return BatchNotFound(f"There is no batch '{batch_id[:80]}'. It may have expired.")


def ask(batch: Batch, act: Act, *, name: str | None = None) -> Batch:
    """Do what is asked of a batch; it as it is then. Raises BatchConflict if it is past that.

    Args:
        name: the id by which the caller knows it, if it is another.
    """
    name = name or batch.id
    with as_broker_errors():
        verdict = services().batches.ask(batch.id, act, owner=batch.owner)
    match verdict:
        case "ok":
            log.info("batch asked", batch_id=batch.id, act=act)
            return find(batch.id, name=name)
        case "cancelling" if act == "cancel":
            return find(batch.id, name=name)
        case "none":
            raise BatchConflict(f"Every line of batch '{name}' has its answer.", code="batch_not_failed")
        case "gone":
            raise BatchConflict(
                f"The input or the output of batch '{name}' was deleted. Make a new batch.", code="batch_files_gone"
            )
        case status if act == "retry":
            raise BatchConflict(
                f"Batch '{name}' is {status}. Only a completed, expired or cancelled batch can be retried.",
                code="batch_not_failed",
            )
        case status:
            raise BatchConflict(f"Batch '{name}' is {status}, so you cannot {act} it.")
