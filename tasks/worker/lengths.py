"""Whether a text can fit into a model's context: asked of every text, before it is tokenised."""

from __future__ import annotations

from tasks.engine.backend import Vocabulary
from tasks.errors import ContextLengthExceeded


def check_length(text: str, vocabulary: Vocabulary, *, field: str, place: str = "", answers: bool = False) -> None:
    """Raise ContextLengthExceeded for a text that has too many bytes to fit, whatever its tokens are.

    Args:
        field: the field of the request.
        place: which text of it, if it has more than one.
        answers: whether an answer has to fit as well.
    """
    num_bytes = len(text.encode())
    if num_bytes > vocabulary.context * vocabulary.longest_piece:
        least = -(-num_bytes // vocabulary.longest_piece)
        raise too_long(f"at least {least}", vocabulary, field=field, place=place, answers=answers)


def too_long(
    count: str, vocabulary: Vocabulary, *, field: str, place: str = "", answers: bool = False
) -> ContextLengthExceeded:
    """The refusal, in OpenAI's words: by them agents know that they should shorten the conversation."""
    return ContextLengthExceeded(
        f"This model's maximum context length is {vocabulary.context} tokens"
        f"{', at least one of them for the answer' if answers else ''}. "
        f"However, {place or f'your {field}'} resulted in {count} tokens. "
        f"{'Split the text.' if place else f'Please reduce the length of the {field}.'}",
        param=field,
    )
