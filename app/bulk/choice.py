"""Which rows of a dataset are run."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from app.bulk.inputs import Input, Survey
from app.bulk.row_groups import Chunk


@dataclass(frozen=True, slots=True)
class Choice:
    """Which rows of an input are run: a sample of so many, the first so many, both, or all."""

    sample: int | None = None
    limit: int | None = None

    def count(self, num_rows: int) -> int:
        return min([num_rows, *(most for most in (self.sample, self.limit) if most is not None)])

    def of(self, source: Input, survey: Survey) -> Iterator[Chunk]:
        """The rows that are run, always the same ones of the same input."""
        chosen = islice(self._indexes(survey), self.limit)
        begin, wanted = 0, next(chosen, None)
        for chunk in source.chunks():
            indexes = []
            while wanted is not None and wanted < begin + len(chunk):
                indexes.append(wanted - begin)
                wanted = next(chosen, None)
            begin += len(chunk)
            if indexes:
                yield chunk if len(indexes) == len(chunk) else chunk.take(indexes)
            if wanted is None:
                return

    def _indexes(self, survey: Survey) -> Iterator[int]:
        """Selection sampling (Knuth, volume 2, 3.4.2, algorithm S): each row is taken as likely as any other."""
        if self.sample is None:
            yield from range(survey.num_rows)
            return
        draw, missing = random.Random(survey.digest), min(self.sample, survey.num_rows)
        for index in range(survey.num_rows):
            if draw.random() * (survey.num_rows - index) < missing:
                missing -= 1
                yield index
