"""A text for an embedding that is cut where the context ends, as Ollama cuts it."""

from __future__ import annotations

from tasks.engine.backend import Vocabulary


def truncated(text: str, vocabulary: Vocabulary) -> list[int]:
    """The first tokens of a text, as many as the context takes, with what the model wants around a whole text."""
    longest = vocabulary.context * vocabulary.longest_piece
    text = text.encode(errors="surrogatepass")[:longest].decode(errors="ignore")  # what is behind it never fits
    whole = vocabulary.tokenize(text, add_special=True, parse_special=True)
    if len(whole) <= vocabulary.context:
        return whole
    plain = vocabulary.tokenize(text, add_special=False, parse_special=True)
    extra = len(whole) - len(plain)
    for begin in range(max(0, extra) + 1):
        end = begin + len(plain)
        if whole[begin:end] == plain and extra < vocabulary.context:
            return whole[:begin] + plain[: vocabulary.context - extra] + whole[end:]
    return whole[: vocabulary.context]
