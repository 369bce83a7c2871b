"""A job, as the client gives it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self, TypeVar

from caravan_client.errors import AnswerInvalid, JobCancelled, JobNotSuccessful
from caravan_client.server_errors import CaravanError, from_wire

if TYPE_CHECKING:
    from pydantic import BaseModel

Model = TypeVar("Model", bound="BaseModel")
"""A pydantic model. Whoever has one has pydantic; the client itself does without."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A document by its place in what was asked, counted from 0, and its score as the model gives it."""

    index: int
    score: float


@dataclass(frozen=True, slots=True)
class Job:
    """One request to one model. `raw` is all that the server tells of it."""

    id: str
    model: str
    status: str
    """``queued``, ``running``, ``succeeded``, ``failed``, ``cancelled`` or ``expired``."""
    raw: Mapping[str, Any] = field(repr=False)

    @classmethod
    def from_wire(cls, raw: Mapping[str, Any]) -> Self:
        return cls(raw["id"], raw["model"], raw["status"], raw)

    @property
    def ended(self) -> bool:
        return self.raw["finished_at"] is not None

    @property
    def error(self) -> CaravanError | None:
        """Why it ended without a result; None while it has not ended, and if it succeeded."""
        if not self.ended or self.status == "succeeded":
            return None
        if self.raw["error"]:
            return from_wire(self.raw["error"])
        kind = JobCancelled if self.status == "cancelled" else JobNotSuccessful
        return kind(f"The job is {self.status}.")

    @property
    def result(self) -> Mapping[str, Any]:
        """What the ``/v1`` endpoint would have answered; raises the job's error if it has none."""
        if error := self.error:
            raise error
        if self.raw["result"] is None:
            raise JobNotSuccessful(f"The job is {self.status}: it has no result yet.")
        found: Mapping[str, Any] = self.raw["result"]
        return found

    @property
    def text(self) -> str:
        """The answer: that of the first choice, if there are several."""
        choice = self.result["choices"][0]
        text = choice["message"]["content"] if "message" in choice else choice["text"]
        return text or ""

    @property
    def finish_reason(self) -> str:
        """Why the answer ended: ``stop``, ``length`` or ``tool_calls``."""
        return str(self.result["choices"][0]["finish_reason"])

    def parse(self, model: type[Model]) -> Model:
        """The answer as an instance of a pydantic model; raises AnswerInvalid if it is not one."""
        from pydantic import ValidationError  # here, so that the client needs no pydantic where no model is asked for

        try:
            return model.model_validate_json(self.text)
        except ValidationError as exc:
            cut = " It was cut: raise max_tokens." if self.finish_reason == "length" else ""
            message = f"The answer does not fit {model.__name__}.{cut} ({exc.error_count()} errors)"
            raise AnswerInvalid(message) from exc
