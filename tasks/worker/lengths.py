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
        raise too_long(least, vocabulary, field=field, place=place, answers=answers, at_least=True)


def too_long(
    count: int, vocabulary: Vocabulary, *, field: str, place: str = "", answers: bool = False, at_least: bool = False
) -> ContextLengthExceeded:
    """The refusal, in OpenAI's words and llama-server's: by them agents know when to shorten a conversation."""
    error = ContextLengthExceeded(
        f"This model's maximum context length is {vocabulary.context} tokens"
        f"{', at least one of them for the answer' if answers else ''}. "
        f"However, {place or f'your {field}'} resulted in {'at least ' if at_least else ''}{count} tokens, "
        f"which {'is too large' if place else 'exceeds the available context size'}. "
        f"{'Split the text.' if place else f'Please reduce the length of the {field}.'}",
        param=field,
    )
    error.n_prompt_tokens, error.n_ctx = count, vocabulary.context
    return error
