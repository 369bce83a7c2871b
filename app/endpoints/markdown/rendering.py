"""Markdown as HTML that is safe to show (pure): whatever stands in the text, nothing of it runs or is fetched.

markdown-it-py writes what is HTML in the text as text, and nh3 lets through what is named here alone. A link is shown
with its address, since its text may name another; and a picture is a link, since fetching it would tell its host.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

MOST_CHARACTERS = 1 << 15
"""Of that length a row of brackets takes a second, and the worst, a table of empty cells, three; a common text takes a
twentieth of a second."""
SCHEMES = frozenset({"http", "https", "mailto"})
TAGS = frozenset(
    {
        *("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "code", "ul", "ol", "li"),
        *("em", "strong", "s", "a", "table", "thead", "tbody", "tr", "th", "td"),
    }
)
ATTRIBUTES = {"a": {"href"}, "ol": {"start"}}
MOST_NESTED = 20
"""Lists and quotes within each other; what is deeper is left out."""


def render(text: str) -> str:
    """The HTML of a text in CommonMark with tables and strikethrough."""
    parser = _parser()
    tokens = parser.parse(text)
    if _addresses(tokens) > MOST_CHARACTERS:
        tokens = _parser(references=False).parse(text)
    html = parser.renderer.render(tokens, parser.options, {})
    return nh3.clean(
        html,
        tags=set(TAGS),
        attributes={tag: set(names) for tag, names in ATTRIBUTES.items()},
        url_schemes=set(SCHEMES),
        url_relative="deny",
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )


@cache
def _parser(*, references: bool = True) -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": MOST_NESTED}).enable(["table", "strikethrough"])
    if not references:
        parser.disable("reference")
    parser.validateLink = _is_shown  # type: ignore[assignment, method-assign]
    parser.add_render_rule("link_close", _link_close)
    parser.add_render_rule("image", _image)
    return parser


def _addresses(tokens: Sequence[Token]) -> int:
    """Characters of all addresses and titles: each use of a reference repeats its own, however long that is."""
    own = sum(len(str(value)) for token in tokens for value in token.attrs.values())
    return own + sum(_addresses(token.children) for token in tokens if token.children)


def _is_shown(address: str) -> bool:
    """Whether a link may lead there: to another site by its whole address, and never within this one."""
    scheme, colon, _ = address.strip().partition(":")
    return bool(colon) and scheme.lower() in SCHEMES


def _link_close(_renderer: object, tokens: Sequence[Token], place: int, *_: object) -> str:
    """The end of a link, with its address if the text before is another."""
    begin = next(at for at in range(place, -1, -1) if tokens[at].type == "link_open")
    address = str(tokens[begin].attrGet("href"))
    said = "".join(token.content for token in tokens[begin:place])
    return "</a>" if said in (address, address.removeprefix("mailto:")) else f"</a> ({_escaped(address)})"


def _image(_renderer: object, tokens: Sequence[Token], place: int, *_: object) -> str:
    """A link to a picture."""
    token = tokens[place]
    address, told = _escaped(str(token.attrGet("src"))), _escaped(token.content)
    return f'<a href="{address}">{told or "picture"}</a> ({address})'


def _escaped(text: str) -> str:
    return nh3.clean_text(text)
