"""From what a client sent to the tokens of one text: a text, token ids, or ids and texts mixed."""

from __future__ import annotations

from tasks.engine.backend import Vocabulary
from tasks.errors import InvalidRequest
from tasks.worker.lengths import check_length

Prompt = str | list[int] | list[int | str]


def tokenized(
    given: Prompt, vocabulary: Vocabulary, *, field: str, place: str = "", answers: bool = False
) -> list[int]:
    """The tokens. A text gets what the model wants around it; of a mixture only one in front what comes before it.

    Raises:
        ContextLengthExceeded: a text cannot fit.
        InvalidRequest: the vocabulary does not have a token id.
    """
    if isinstance(given, str):
        check_length(given, vocabulary, field=field, place=place, answers=answers)
        return vocabulary.tokenize(given, add_special=True, parse_special=True)
    check_tokens([part for part in given if isinstance(part, int)], vocabulary, field)
    tokens: list[int] = []
    for number, part in enumerate(given):
        if isinstance(part, int):
            tokens.append(part)
        else:
            check_length(part, vocabulary, field=field, place=place, answers=answers)
            tokens += vocabulary.tokenize(part, add_special=number == 0, parse_special=True)
    return tokens


def check_tokens(tokens: list[int], vocabulary: Vocabulary, field: str) -> None:
    """Raise InvalidRequest for token ids that the vocabulary does not have."""
    if unknown := next((token for token in tokens if token >= vocabulary.vocab_size), None):
        raise InvalidRequest(f"The vocabulary has {vocabulary.vocab_size} tokens, none {unknown}.", param=field)
