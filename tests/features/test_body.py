"""A comment's body: what the Markdown subset makes of a text, and what it can never become."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from service.errors import Invalid
from service.features import body, text
from service.features.body.grow import NESTING_MAX
from service.features.body.markdown import LINES_MAX, MARKS_MAX
from service.features.body.render import LINK_REL, TAGS

KEYS = {
    **{kind: {"t", "c"} for kind in ("p", "quote", "item", "em", "strong", "del")},
    "list": {"t", "ordered", "c"},
    "link": {"t", "href", "c"},
    "code": {"t", "text"},
    "br": {"t"},
}
"""Every kind of node of the interface, with all its keys."""

BLOCKS = {"p", "quote", "list", "code"}
INLINES = {"em", "strong", "del", "code", "link", "br"}
WITHIN = {
    "quote": BLOCKS,
    "item": BLOCKS,
    "list": {"item"},
    **dict.fromkeys(("p", "em", "strong", "del", "link"), INLINES),
}
HREF = re.compile(r"https?://[a-z0-9_.-]+(?::\d{1,5})?(?:[/?#][!-~]*)?")


def p(*words: Any) -> dict[str, Any]:
    return {"t": "p", "c": list(words)}


def link(href: str, shown: str | None = None) -> dict[str, Any]:
    return {"t": "link", "href": href, "c": [href if shown is None else shown]}


def items(*texts: str) -> list[dict[str, Any]]:
    return [{"t": "item", "c": [p(one)]} for one in texts]


def parse(raw: str) -> list[dict[str, Any]]:
    """The tree as plain JSON, the way it leaves the service."""
    tree: list[dict[str, Any]] = json.loads(json.dumps(body.parse(raw)))
    return tree


def nodes(tree: list[Any]) -> Iterator[dict[str, Any]]:
    for node in tree:
        if isinstance(node, dict):
            yield node
            yield from nodes(node.get("c", []))


def depth(tree: list[Any]) -> int:
    return max((1 + depth(node.get("c", [])) for node in tree if isinstance(node, dict)), default=0)


BR = {"t": "br"}


def test_a_tree_is_written_once_for_all_who_look_at_it() -> None:
    said = "It is *not* that simple."
    once = body.written(said)
    assert json.loads(once) == body.parse(said)
    assert body.written(f"{said[:5]}{said[5:]}") is once


@pytest.mark.parametrize(
    ("raw", "tree"),
    [
        ("one\ntwo  \nthree\\\nfour", [p("one", BR, "two", BR, "three", BR, "four")]),
        ("one\n\n\ntwo", [p("one"), p("two")]),
        (
            "*a* __b__ ~~c~~ `d *e*`",
            [
                p(
                    {"t": "em", "c": ["a"]},
                    " ",
                    {"t": "strong", "c": ["b"]},
                    " ",
                    {"t": "del", "c": ["c"]},
                    " ",
                    {"t": "code", "text": "d *e*"},
                )
            ],
        ),
        ("```python\nx = <1>\n```", [{"t": "code", "text": "x = <1>"}]),
        ("> said\n\nno", [{"t": "quote", "c": [p("said")]}, p("no")]),
        ("- a\n- b", [{"t": "list", "ordered": False, "c": items("a", "b")}]),
        ("1. a\n2. b", [{"t": "list", "ordered": True, "c": items("a", "b")}]),
        ("[our page](https://a.example/b)", [p(link("https://a.example/b", "our page"))]),
        ("\\*as it is\\*", [p("*as it is*")]),
        ("« مرحبا *بكم* »", [p("« مرحبا ", {"t": "em", "c": ["بكم"]}, " »")]),
    ],
)
def test_the_subset_becomes_a_tree(raw: str, tree: list[dict[str, Any]]) -> None:
    assert parse(raw) == tree


@pytest.mark.parametrize(
    "raw",
    [
        *("# no heading", "---", "no | table", "    no code", "1984. A year", "+ no list", "***"),
        *("<b>bold</b>", "<script>alert(1)</script>", "<!-- gone? -->", "<img src=x onerror=y>"),
        *("&lt;b&gt; &amp; &#106;", "a@b.example www.example.org", "snake_case_name", "5 * 3 * 2"),
        *(">", "``", "[no link]", "[x][y]", "~~~", "```with words behind it"),
    ],
)
def test_what_the_subset_has_no_place_for_stays_as_it_was_typed(raw: str) -> None:
    words = [word for line in raw.strip().split("\n") for word in (BR, line)][1:]
    assert parse(raw) == [p(*words)]


@pytest.mark.parametrize(
    "raw",
    [
        "see https://a.example/x_(y), or",
        "(https://a.example/x_(y))",
        "<https://a.example/x_(y)>",
        "“https://a.example/x_(y)”…",
    ],
)
def test_a_bare_address_becomes_a_link_without_the_sentence_around_it(raw: str) -> None:
    (found,) = [node for node in nodes(parse(raw)) if node["t"] == "link"]
    assert found == link("https://a.example/x_(y)")


@pytest.mark.parametrize(
    "address",
    [
        *(
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///e",
        ),
        *(
            "mailto:a@b.example",
            "ftp://a.example",
            "//a.example",
            "/path",
            "#top",
            "https:a.example",
        ),
        *("https://user@a.example", "https://u:p@a.example", "https://a..example", "https://"),
        *(
            "https://a.example:99999",
            "https://a_.exa%6dple",
            "https://[::1]/",
            "https://a.example:x",
        ),
        *(
            "java\tscript:alert(1)",
            "https://a\uff0fb.example",
            "https://\uff41.example",
            f"https://{'a' * 64}",
        ),
        f"https://a.example/{'x' * 2_048}",
    ],
)
def test_an_address_that_is_not_plain_http_is_no_link(address: str) -> None:
    for raw in (f"[x]({address})", f"[x](<{address}>)"):
        assert "".join(body.to_plain(body.parse(raw)).split()) == "".join(raw.split())
        assert not [
            node for node in nodes(parse(raw)) if node["t"] == "link" and node["c"] == ["x"]
        ]


@pytest.mark.parametrize(
    ("address", "href", "shown"),
    [
        pytest.param(
            "https://аррӏе.example/",  # noqa: RUF001 - letters that look like others
            "https://xn--80ak6aa92e.example/",
            "https://xn--80ak6aa92e.example/",
            id="a host of look-alikes",
        ),
        pytest.param(
            "https://mаil.example/",  # noqa: RUF001 - a Cyrillic a
            "https://xn--mil-6cd.example/",
            "https://xn--mil-6cd.example/",
            id="a host of two scripts",
        ),
        pytest.param(
            "https://المغرب.example/أخبار",
            "https://xn--mgbc0a9azcg.example/%D8%A3%D8%AE%D8%A8%D8%A7%D8%B1",
            "https://المغرب.example/أخبار",
            id="an honest host",
        ),
        pytest.param(
            "HTTPS://A.EXAMPLE/Ab?c=d&e", "https://a.example/Ab?c=d&e", None, id="capitals"
        ),
    ],
)
def test_a_deceptive_host_is_shown_as_what_it_is(
    address: str, href: str, shown: str | None
) -> None:
    assert parse(address) == [p(link(href, shown or address))]


def test_links_do_not_nest_and_none_is_invisible() -> None:
    nested = parse("[a [b](https://c.example)](https://d.example)")
    assert not any(
        inner["t"] == "link"
        for outer in nodes(nested)
        if outer["t"] == "link"
        for inner in nodes(outer["c"])
    )
    assert parse("[](https://a.example)") == [p(link("https://a.example"))]


PIECES = (
    *("*", "**", "_", "__", "~~", "`", "``", "```", "[", "](", ")", "<", ">", "> ", "- ", "1. "),
    *("\n", "\n\n", "    ", "\t", " ", "\\", "!", "\u2028", "\xa0", "\u202e", "&amp;", "&#x3c;"),
    *("https://a.example", "HTTP://b.example/", "://", "javascript:alert(1)", "//c.example"),
    *(
        "<script>",
        "</p>",
        "<!--",
        "-->",
        "<a href='x' onclick=y>",
        '"',
        "'",
        "![x](https://i.example)",
    ),
    *("[x](https://d.example)", "[x]: https://e.example", "<https://f.example>", "u:p@", "# "),
    *("word", "é", "ب", "🙂"),
)
comments = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=60).map("".join),
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map(lambda some: "".join(some) * 60),
    st.text(max_size=200),
)


@given(comments)
@settings(max_examples=500, deadline=None)
def test_a_tree_holds_nothing_but_what_the_interface_names(raw: str) -> None:
    tree = parse(raw)
    assert {node["t"] for node in tree} <= BLOCKS
    assert depth(tree) <= 2 * NESTING_MAX
    for node in nodes(tree):
        assert set(node) == KEYS[node["t"]]
        inner = {child["t"] for child in node.get("c", []) if isinstance(child, dict)}
        assert inner <= WITHIN.get(node["t"], set())
        if node["t"] == "link":
            assert HREF.fullmatch(node["href"])
            assert node["c"]


@given(comments)
@settings(max_examples=500, deadline=None)
def test_what_can_be_read_before_can_be_read_after(raw: str) -> None:
    try:
        clean = text.clean_body(raw, max_chars=10_000)
    except Invalid:
        return
    tree = body.parse(clean)
    shown = body.to_plain(tree) + "".join(node.get("href", "") for node in nodes(parse(clean)))
    assert text.has_visible(body.to_plain(tree))
    for word in ("word", "script", "é", "onclick", "alert"):
        if "```" not in clean:  # the name of a fence's language is not shown
            assert shown.count(word) >= clean.count(word)


class Tags(HTMLParser):
    """Everything in a piece of HTML that is not text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.other: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.other.append(data)

    def handle_decl(self, decl: str) -> None:
        self.other.append(decl)

    def handle_pi(self, data: str) -> None:
        self.other.append(data)


@example("[x]: https://e.exampleب")
@example("https://xn--a.example https://1.2.3.999/ https://0x.example.0x1")
@given(comments)
@settings(max_examples=500, deadline=None)
def test_html_holds_nothing_but_the_allow_list(raw: str) -> None:
    tree = body.parse(raw)
    reader = Tags()
    reader.feed(body.to_html(tree))
    reader.close()
    assert not reader.other
    for tag, attributes in reader.seen:
        assert tag in TAGS
        if tag != "a":
            assert not attributes
            continue
        assert set(attributes) == {"href", "rel"}
        assert attributes["rel"] == LINK_REL
        assert HREF.fullmatch(attributes["href"] or "")


def test_html_says_the_same_words_as_the_tree() -> None:
    raw = "*a* <b> & \"c\" [d](https://e.example/?f=1&g='2')\n\n> h\n\n- i\n- `<j>`"
    html = body.to_html(body.parse(raw))
    reader = Tags()
    reader.feed(html)
    reader.close()
    assert reader.text == body.to_plain(body.parse(raw)).replace("\n", "")
    assert html == (
        '<p><em>a</em> &lt;b&gt; &amp; "c" <a href="https://e.example/?f=1&amp;g=\'2\'"'
        f' rel="{LINK_REL}">d</a></p><blockquote><p>h</p></blockquote>'
        "<ul><li>i</li><li><code>&lt;j&gt;</code></li></ul>"
    )


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param("> " * 60 + "x", id="quotes"),
        pytest.param("- " * 60 + "x", id="lists"),
        pytest.param(
            "".join(f"{' ' * 2 * level}- x\n" for level in range(60)), id="steps of a list"
        ),
        pytest.param("*x " * 200 + "y" + " x*" * 200, id="emphasis"),
        pytest.param("*a **b ~~c " * 30 + "x" + " c~~ b** a*" * 30, id="mixed marks"),
        pytest.param("> " * 18 + "*x " * 200 + "y" + " x*" * 200, id="marks in quotes"),
    ],
)
def test_nesting_beyond_the_bound_is_shown_as_it_was_typed(raw: str) -> None:
    assert {node["t"] for node in nodes(parse(raw))} <= {"p", "br"}
    assert "".join(body.to_plain(body.parse(raw)).split()) == "".join(raw.split())


@pytest.mark.parametrize("levels", [1, NESTING_MAX // 2])
def test_nesting_within_the_bound_is_kept(levels: int) -> None:
    assert depth(parse("> " * levels + "x")) == levels + 1


CALLS_MAX = 1_000_000
"""Calls one text may cost. The worst found costs 664,000 (20 ms); 10,000 brackets would cost
1.1 million if all were looked at, and a quadratic step tens of millions."""

HOSTILE = {
    "brackets": "[" * 10_000,
    "as many brackets as are looked at": "[" * MARKS_MAX + "x" * 9_500,
    "links that never close": "[a](" * 160 + "a" * 9_360,
    "links with endless addresses": "[a](https://a.example" * 90,
    "an address of brackets": "https://a.example/" + "(" * 9_900,
    "an address that ends in brackets": "https://a.example/" + ")" * 9_900,
    "many addresses": "https://a.b " * 800,
    "hosts in two scripts": f"https://{'é' * 60}.example " * 130,
    "marks": "*a **b " * 120 + "x" * 9_000,
    "marks within words": "a_" * 250 + "x" * 9_500,
    "fences of growing length": "".join("`" * size + "a" for size in range(1, 30)),
    "quotes in lists in quotes": "> - > - > a\n" * 60,
    "lists": "- a\n" * LINES_MAX,
    "loose lists": "- a\n\n" * (LINES_MAX // 2),
    "lines": "a\n" * 5_000,
    "spaces": " " * 9_999 + "a",
    "escapes": "\\*" * 250 + "x" * 9_500,
    "angle brackets": "<https:" * 160,
}


def calls_for(raw: str) -> int:
    """How many functions are called to read the text and to write it as HTML."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        body.to_html(body.parse(raw))
    finally:
        sys.setprofile(before)
    return calls


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_text_costs_bounded_work(raw: str) -> None:
    assert calls_for(raw) < CALLS_MAX


PLAIN_PIECES = (
    *("ab", " ", "Z", "\u0639", "\u00e9", "\n", "\n\n", " \n", "\n\n\n", ".", ",", "!", "(", ")"),
    *("'", '"', ":", ";", "/", "&", "#", "+", "-", "=", "|", "1", "9. ", "- ", "> ", "://", "http"),
    *("www.", "&amp;", "    ", "\t", "\u00a0", "\u2028", "\u200f", "\u3164", "\x0b", "\0", "\r"),
)


@settings(max_examples=400)
@given(st.lists(st.sampled_from(PLAIN_PIECES), min_size=1, max_size=24).map("".join))
def test_what_stands_alone_is_read_as_behind_a_paragraph(text: str) -> None:
    """Behind a paragraph with a mark in it the parser has to read everything."""
    assert parse(f"~~x~~\n\nab{text}")[1:] == parse(f"ab{text}")
