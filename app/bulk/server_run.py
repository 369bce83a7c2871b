"""A run that the server carries on as a batch: handing its rows in, and fetching their answers later."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from app.bulk.batch_lines import endpoint, line_body
from app.bulk.collecting import BatchRefused, Gatherer, collect, remove_files, until_checked, until_ended
from app.bulk.errors import BulkError
from app.bulk.first_row import check_options
from app.bulk.folder import Folder
from app.bulk.handed_in import find, forget, hand_in
from app.bulk.preparing import Asked
from app.bulk.report import Report
from caravan_client import AsyncClient
from tasks.errors import BatchNotFound, CaravanError, FileNotFound


@dataclass(frozen=True, slots=True)
class HandedIn:
    """The batch that a run's rows are in, and how it stands, in a sentence."""

    batch_id: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerRun:
    """One run's dealings with its batch. `rows` are those that the journal does not have.

    Of these, the batch has those without an answer. They are the same at each start, so what is fetched is what was
    handed in.
    """

    client: AsyncClient
    folder: Folder
    rows: Callable[[], Iterator[Asked]]
    raw: bool
    one_system: bool
    """Whether the system message is the same for all rows."""
    gatherer: Gatherer
    total: int
    report: Report

    async def hand_in(self) -> HandedIn | None:
        """The batch of the rows without answers, made if there is none; None if there is no such row to be asked.

        The options are tried first, and then it waits until the server has checked the rows. Raises BulkError as
        `fetch` does, and Refused for options with which no row can be asked.
        """
        batch_id = await find(self.client, self.folder.path, self.folder.run_id)
        is_new = batch_id is None
        if batch_id is None:
            await self._try_options()
            batch_id = await hand_in(self.client, self.folder, self.rows(), raw=self.raw)
        if batch_id is None:
            return None
        with self._forgetting():
            batch = await until_checked(self.client, batch_id)
        progress, counts = batch["progress"], batch["request_counts"]
        if is_new and batch["status"] != "validating":
            return HandedIn(batch_id, f"The rows are handed in: {counts['total']}.")
        return HandedIn(batch_id, f"The batch is {batch['status']}: {progress['answered']} of {counts['total']} rows.")

    async def fetch(self) -> None:
        """Write the answers of the run's batch, if it has one, into the journal. Waits for the batch's end.

        Raises BulkError if the server has refused the batch or does not have it any more; it is forgotten then.
        """
        batch_id = await find(self.client, self.folder.path, self.folder.run_id)
        done = self.gatherer.journal.tally.num_rows
        if batch_id is None:
            return
        if done < self.total:
            with self._forgetting():
                batch = await until_ended(self.client, batch_id, self.report, first=done, total=self.total)
                await collect(self.client, batch, self.rows(), self.gatherer)
        with contextlib.suppress(CaravanError):  # what is left expires
            await remove_files(self.client, await self.client.call("GET", f"/v1/batches/{batch_id}"))
        forget(self.folder.path)

    async def _try_options(self) -> None:
        first = next((asked for asked in self.rows() if asked.answer is None), None)
        if first:
            body = line_body(first.body, raw=self.raw)
            await check_options(self.client, endpoint(raw=self.raw), body, one_system=self.one_system)

    @contextlib.contextmanager
    def _forgetting(self) -> Iterator[None]:
        """Forget a batch that the server has refused, or does not have any more."""
        try:
            yield
        except BatchRefused:
            forget(self.folder.path)
            raise
        except (BatchNotFound, FileNotFound) as exc:
            forget(self.folder.path)
            raise BulkError(f"{exc.message} The next run asks its rows again.") from exc
