"""Finding special tokens in a text, in time that grows with the text and with nothing else.

llama.cpp walks its list of fragments from the beginning for every special token it finds (`tokenizer_st_partition` of
llama-vocab.cpp, llama-cpp-python 0.3.36): time grows with the square of their number. What is found here is the same:
the longest tokens first, each from the left, and of what is left between them the shorter ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

_BLANKS: Final = " \t\n\v\f\r"
"""What C calls a space."""
_NEVER: Final = re.compile("(?!)")


@dataclass(frozen=True, slots=True)
class SpecialToken:
    """A token that is found by its text before anything else is.

    ``strips_left`` and ``strips_right`` tell whether it takes the blanks beside it. Of tokens that are not ``control``
    the text is found even where control tokens are text: the model's file says so.
    """

    token: int
    text: str
    control: bool
    strips_left: bool = False
    strips_right: bool = False


class SpecialTokens:
    """The special tokens of one vocabulary, or some of them."""

    def __init__(self, tokens: Iterable[SpecialToken]) -> None:
        ordered = sorted((token for token in tokens if token.text), key=lambda each: -len(each.text.encode()))
        self._tokens: dict[str, SpecialToken] = {}
        for token in ordered:
            self._tokens.setdefault(token.text, token)
        self.ids = frozenset(token.token for token in self._tokens.values())
        self._rank = {text: rank for rank, text in enumerate(self._tokens)}
        self._within = {
            text: [text[:length] for length in range(1, len(text)) if text[:length] in self._tokens]
            for text in self._tokens
        }
        self._pattern = _compiled(self._tokens)
        self._starts = _compiled(self._tokens, ahead=True)
        self._entangled = _are_entangled(list(self._tokens.values()))

    def split(self, text: str) -> Iterator[str | int]:
        """The tokens and the texts between them, in order; no text is empty."""
        return self._split_entangled(text) if self._entangled else self._split(text)

    def beginnings(self, text: str) -> list[int]:
        """Where in the text one of the tokens begins, whether or not another begins before it and has its place."""
        return [match.start() for match in self._starts.finditer(text)]

    def _split(self, text: str) -> Iterator[str | int]:
        """For tokens of which no two can share a part of a text, unless one is within the other."""
        at, strips = 0, False
        for match in self._pattern.finditer(text):
            found = self._tokens[match.group()]
            yield from _between(text[at : match.start()], left=strips, right=found.strips_left)
            yield found.token
            at, strips = match.end(), found.strips_right
        yield from _between(text[at:], left=strips, right=False)

    def _split_entangled(self, text: str) -> Iterator[str | int]:
        """One token after the other, the longest first, in what the others have left."""
        present = {match.group(1) for match in self._starts.finditer(text)}
        present |= {shorter for longer in present for shorter in self._within[longer]}
        parts: list[str | int] = [text]
        for found in (self._tokens[known] for known in sorted(present, key=self._rank.__getitem__)):
            parts = [each for part in parts for each in ([part] if isinstance(part, int) else _cut(part, found))]
        return (part for part in parts if part != "")


def _cut(text: str, found: SpecialToken) -> Iterator[str | int]:
    first, *others = text.split(found.text)
    yield first.rstrip(_BLANKS) if others and found.strips_left else first
    for place, part in enumerate(others, 1):
        yield found.token
        left = part.lstrip(_BLANKS) if found.strips_right else part
        yield left.rstrip(_BLANKS) if place < len(others) and found.strips_left else left


def _between(text: str, *, left: bool, right: bool) -> Iterator[str]:
    text = text.lstrip(_BLANKS) if left else text
    text = text.rstrip(_BLANKS) if right else text
    if text:
        yield text


def _are_entangled(tokens: Sequence[SpecialToken]) -> bool:
    """Whether it may matter which of two tokens is looked for first.

    It does where one's end is another's beginning, unless both are the same character over and over: whichever way such
    a run is cut, the longest come first. Blanks that one token takes from another matter as well.
    """
    beginnings = {token.text[:length] for token in tokens for length in range(1, len(token.text))}
    strips = any(token.strips_left or token.strips_right for token in tokens)
    for text in (token.text for token in tokens):
        if strips and text.strip(_BLANKS) != text:
            return True
        if len(set(text)) > 1 and any(text[at:] in beginnings for at in range(1, len(text))):
            return True
    runs = {text[0] for text in (token.text for token in tokens) if len(text) > 1 and len(set(text)) == 1}
    mixed = [token.text for token in tokens if len(set(token.text)) > 1]
    return any(text[0] in runs or text[-1] in runs for text in mixed)


def _compiled(texts: Iterable[str], *, ahead: bool = False) -> re.Pattern[str]:
    """What finds the leftmost, and there the longest; `ahead` finds it at every place, and takes nothing."""
    tree: dict[str, Any] = {}
    for text in texts:
        node = tree
        for char in text:
            node = node.setdefault(char, {})
        node[""] = {}
    if not tree:
        return _NEVER
    pattern = _branches(tree)
    return re.compile(f"(?=({pattern}))" if ahead else pattern)


def _branches(node: dict[str, Any]) -> str:
    """One branch for each next character, so that a character is looked at once however many tokens there are."""
    ends = "" in node
    literal = ""
    while len(node) == 1 and not ends:
        ((char, node),) = node.items()
        literal += re.escape(char)
        ends = "" in node
    branches = [re.escape(char) + _branches(after) for char, after in node.items() if char]
    if not branches:
        return literal
    return f"{literal}(?:{'|'.join(branches)}){'?' if ends else ''}"
