"""Markdown as HTML: what is shown, and what a text cannot bring about."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.endpoints.markdown.rendering import ATTRIBUTES, MOST_CHARACTERS, TAGS, render

ADDED = {"target", "rel"}
"""To a link, whatever the text."""


class Seen(HTMLParser):
    """The tags of a page, with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_text_is_shown_as_it_is_meant() -> None:
    html = render("# Sum\n\n- **12** + `7`\n\n| a | b |\n|---|---|\n| 1 | ~~2~~ |\n\n```py\nx < 1\n```\n\n3. c")
    for part in ("<h1>Sum</h1>", "<strong>12</strong>", "<td><s>2</s></td>", "x &lt; 1", '<ol start="3">'):
        assert part in html


def test_html_stays_text() -> None:
    html = render("<script>alert(1)</script> <img src=x onerror=alert(1)>\n\n<div style='position:fixed'>\n")
    assert [tag for tag, _ in Seen(html).tags] == ["p", "p"]
    assert "&lt;script&gt;" in html


def test_a_link_is_shown_with_its_address() -> None:
    html = render("[your bank](https://evil.example/?a=1&b=2)")
    assert "your bank</a> (https://evil.example/?a=1&amp;b=2)" in html
    [(_, link)] = [each for each in Seen(html).tags if each[0] == "a"]
    assert link == {
        "href": "https://evil.example/?a=1&b=2", "target": "_blank", "rel": "noopener noreferrer nofollow"
    }  # fmt: skip
    assert render("<https://a.example>").count("https://a.example") == 2


def test_a_picture_is_a_link_and_is_not_fetched() -> None:
    html = render('![a "cat"](http://spy.example/?told=secret "x")')
    assert [tag for tag, _ in Seen(html).tags] == ["p", "a"]
    assert "(http://spy.example/?told=secret)" in html


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "//a.b",
     "/admin/keys", "jobs", "#x", "java&#115;cript:alert(1)", "&#x6a;avascript:alert(1)"],
)  # fmt: skip
def test_a_link_leads_to_other_sites_alone_and_runs_nothing(address: str) -> None:
    tags = Seen(render(f"[x]({address}) ![x]({address}) <{address}>\n\n[y]: {address}\n\n[y] [x][y]")).tags
    assert not [tag for tag, _ in tags if tag == "a"]


@given(st.text(alphabet=st.sampled_from("<>[]()!*_`~|-#=&;:\"'/\\ \nahrefsc=jtpx0\u0001\u2028"), max_size=200))
@example("[<a href=javascript:x>](http://x'onclick='y)")
@example("|<td style=x>|\n|-|\n|![`](http://x.example/`)|")
def test_whatever_the_text_only_known_tags_and_attributes_come_of_it(text: str) -> None:
    for tag, attributes in Seen(render(text)).tags:
        assert tag in TAGS
        assert set(attributes) <= ATTRIBUTES.get(tag, set()) | ADDED
        assert (attributes.get("href") or "http:").lower().startswith(("http:", "https:", "mailto:"))


def test_deep_and_long_texts_end() -> None:
    for text in ("> " * 5000, "- " * 5000, "[" * 5000, "![" * 3000, "**a *" * 2000, "|-" * 5000, "[a](" * 3000):
        assert isinstance(render(text), str)


def test_a_reference_leads_where_it_says() -> None:
    html = render("[a] and [b][a]\n\n[a]: https://x.example/ 'A'")
    assert [link["href"] for tag, link in Seen(html).tags if tag == "a"] == ["https://x.example/"] * 2


@pytest.mark.parametrize("definition", ["http://b/{}", "http://b '{}'"])
@pytest.mark.parametrize("use", ["[a]", "![a]", "**[a]"])
def test_a_long_reference_that_is_used_often_makes_no_endless_html(definition: str, use: str) -> None:
    text = f"[a]: {definition.format('x' * (MOST_CHARACTERS // 2))}\n\n"
    text += use * ((MOST_CHARACTERS - len(text)) // len(use))
    assert len(render(text)) < 8 * MOST_CHARACTERS
