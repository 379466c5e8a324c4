"""What readers see who only read."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.conftest import Newsroom, Reader, both

pytestmark = pytest.mark.browser

TALL = '<p style="height:3000px">The article.</p>'


@pytest.mark.smoke
def test_two_requests_bring_the_comments(reader: Reader, newsroom: Newsroom) -> None:
    newsroom.post("Well written.")
    reader.visit(attributes='loading="eager"')
    assert reader.bodies == ["Well written."]
    assert reader.text(".title") == "1 comment"
    asked = [each["url"] for each in reader.requests()]
    base = newsroom.api.caller.origin
    before = asked[: next(i for i, url in enumerate(asked) if url.endswith("/view"))]
    assert before == [
        f"{reader.news_site.origin}/story",
        f"{base}/embed/v1.js",
        f"{base}{newsroom.api.thread_of(newsroom.article, site=newsroom.site)}?sort=best&limit=20",
    ]
    assert all(url.startswith((base, reader.news_site.origin)) for url in asked)
    assert reader.ask("return document.cookie") == ""


@both
def test_nothing_but_the_script_is_asked_until_the_reader_comes_near(
    reader: Reader, newsroom: Newsroom
) -> None:
    newsroom.post()
    source = reader.page().replace("<h1>Budget vote</h1>", f"<h1>Budget vote</h1>{TALL}")
    reader.open(source)
    reader.until("customElements.get('postbag-comments') && el.shadowRoot")
    reader.until("performance.now() > 700")
    base = newsroom.api.caller.origin
    assert [each["url"] for each in reader.requests() if each["url"].startswith(base)] == [
        f"{base}/embed/v1.js"
    ]
    assert reader.ask("return el.querySelector('a').checkVisibility()")
    reader.ask("window.scrollTo(0, 2000)")
    reader.until_state("ready")


@both
def test_an_empty_thread_invites(reader: Reader) -> None:
    reader.visit(attributes='loading="eager" count="0"')
    assert reader.ask("return el.state") == "empty"
    assert reader.texts(".empty") == [reader.say("empty")]
    assert reader.texts(".composer textarea") == [""]
    assert reader.texts(".sort") == []


@both
def test_a_closed_article_keeps_its_comments_and_takes_no_more(
    reader: Reader, newsroom: Newsroom
) -> None:
    newsroom.post("Before the end.")
    newsroom.change(state="closed")
    reader.visit(attributes='loading="eager"')
    assert reader.ask("return el.state") == "closed"
    assert reader.texts(".notice") == [reader.say("closed")]
    assert reader.bodies == ["Before the end."]
    assert reader.texts(".composer") == []
    assert reader.texts("[data-act=reply]") == []


def test_an_article_without_comments_loses_the_element(reader: Reader, newsroom: Newsroom) -> None:
    newsroom.change(state="off")
    reader.open(
        attributes='loading="eager"',
        head="<script>addEventListener('postbag:closed', (e) => (window.closed_by = e.detail))"
        "</script>",
    )
    reader.until("!document.querySelector('postbag-comments')")
    assert reader.ask("return window.closed_by") == {"state": "off"}


@both
def test_a_thread_that_cannot_be_loaded_is_tried_again(reader: Reader, newsroom: Newsroom) -> None:
    newsroom.post("There after all.")
    reader.open(attributes="")
    reader.until_state("ready")
    reader.block("*/comments?*")
    reader.chrome.refresh()
    reader.until_state("error")
    assert reader.text("[role=alert]") == reader.say("loadError")
    reader.block()
    reader.click(".more")
    reader.until_state("ready")
    assert reader.bodies == ["There after all."]
    assert reader.focused == "title"


@both
def test_nothing_moves_while_comments_arrive(reader: Reader, newsroom: Newsroom) -> None:
    newsroom.posts(5)
    footer = '<footer style="padding:2rem">The footer.</footer>'
    reader.visit(attributes='loading="eager" count="5"', body=footer)
    assert reader.ask("return window.shifted") == 0
    newsroom.article = newsroom.api.article()
    reader.visit(attributes='loading="eager" count="0"', body=footer)
    assert reader.ask("return window.shifted") == 0


@both
def test_more_comments_come_when_asked_and_focus_is_on_the_first(
    reader: Reader, newsroom: Newsroom
) -> None:
    newsroom.posts(25)
    reader.visit(attributes='loading="eager" sort="oldest"')
    assert len(reader.bodies) == 20
    assert reader.texts(".more-roots") == [reader.say("more", 5)]
    reader.click(".more-roots")
    reader.until("root.querySelectorAll('.body').length === 25")
    assert reader.texts(".more-roots") == []
    reader.until("root.activeElement?.querySelector('.body')?.innerText === 'Comment 20.'")


@both
def test_sorting_keeps_the_focus(reader: Reader, newsroom: Newsroom) -> None:
    newsroom.posts(3)
    reader.visit(attributes='loading="eager" sort="oldest"')
    assert reader.bodies[0] == "Comment 0."
    reader.find(".sort select").send_keys(Keys.ARROW_UP)
    reader.until("root.querySelector('.body').innerText === 'Comment 2.'")
    assert reader.ask("return root.activeElement.localName") == "select"


@both
def test_replies_fold_and_more_of_them_come(reader: Reader, newsroom: Newsroom) -> None:
    parent = newsroom.post("A question.")
    for n in range(4):
        newsroom.post(f"Answer {n}.", parent_id=parent["id"])
    reader.visit(attributes='loading="eager"')
    assert reader.bodies == ["A question.", "Answer 0.", "Answer 1."]
    assert reader.texts(".entry > .more") == [reader.say("replies", 2)]
    reader.click(".entry > .more")
    reader.until("root.querySelectorAll('.body').length === 5")
    assert reader.bodies[1:] == [f"Answer {n}." for n in range(4)]
    reader.click(".toggle")
    assert reader.bodies == ["A question."]
    assert reader.texts(".toggle") == [reader.say("replies", 4)]
    assert reader.ask("return root.querySelector('.toggle').ariaExpanded") == "false"


@both
def test_deep_replies_name_whom_they_answer(reader: Reader, newsroom: Newsroom) -> None:
    parent = None
    for depth, name in enumerate(("Ada", "Bo", "Cleo", "Dora", "Emil", "Fay")):
        comment = newsroom.post(f"Depth {depth}.", parent_id=parent, name=name)
        parent = comment["id"]
    reader.visit(attributes='loading="eager"')
    assert reader.bodies == [f"Depth {depth}." for depth in range(6)]
    assert reader.texts(".to") == [reader.say("to", u="Dora"), reader.say("to", u="Emil")]
    edge = (
        "const wide = root.querySelector('.postbag').getBoundingClientRect();"
        "return [...root.querySelectorAll('.comment')].map((each) => each.getBoundingClientRect())"
        ".map((box) => wide.right === box.right ? box.left - wide.left : wide.right - box.right)"
    )
    indents = reader.ask(edge)
    assert indents[:4] == sorted(set(indents[:4]))
    assert len(set(indents[3:])) == 1


@pytest.mark.smoke
@both
def test_a_permalink_leads_to_a_comment_of_a_later_page(reader: Reader, newsroom: Newsroom) -> None:
    posts = newsroom.posts(30)
    reply = newsroom.post("Far below.", parent_id=posts[3]["id"])
    reader.visit(fragment=f"#comment-{reply['id']}", body='<p style="height:2000px">')
    reader.until("root.activeElement?.id === arguments[0]", f"comment-{reply['id']}")
    assert reader.text(".focused .body") == "Far below."
    box = reader.ask("return root.querySelector('.focused').getBoundingClientRect().toJSON()")
    assert 0 <= box["top"] < 900


@both
def test_a_permalink_to_nothing_says_so(reader: Reader, newsroom: Newsroom) -> None:
    newsroom.post()
    reader.visit(fragment="#comment-00000000-0000-7000-8000-000000000000")
    reader.until_shown(".notice", reader.say("unknown_comment"))
    assert reader.bodies == ["A comment."]


def test_a_facade_waits_for_a_press(reader: Reader, newsroom: Newsroom) -> None:
    newsroom.post()
    reader.open(attributes='loading="click" count="1"')
    reader.until_shown(".more", "Show comments (1)")
    assert reader.ask("return el.state") == "waiting"
    reader.click(".more")
    reader.until_state("ready")


@both
def test_a_page_that_changes_its_article_shows_the_other(
    reader: Reader, newsroom: Newsroom
) -> None:
    newsroom.post("Of the first.")
    reader.visit(attributes='loading="eager"')
    newsroom.article = newsroom.api.article()
    newsroom.post("Of the second.")
    reader.ask("el.setAttribute('article', arguments[0])", newsroom.article)
    reader.until("root.querySelector('.body')?.innerText === 'Of the second.'")
    reader.ask("el.remove()")
    assert reader.complaints() == []


@both
def test_two_articles_stand_on_one_page(reader: Reader, newsroom: Newsroom) -> None:
    newsroom.post("Of the first.")
    other = newsroom.api.article()
    body = reader.element('loading="eager"', article=other)
    reader.visit(attributes='loading="eager"', body=body)
    states = "[...document.querySelectorAll('postbag-comments')].map((each) => each.state)"
    reader.until(f"{states}.join() === 'ready,empty'")


def test_links_of_comments_lead_out_with_no_credit(reader: Reader, newsroom: Newsroom) -> None:
    newsroom.post("See https://example.org/a and **this**, `that`.\n\n> quoted\n\n- one\n- two")
    reader.visit(attributes='loading="eager"')
    assert reader.ask("return root.querySelector('.body a').rel") == "ugc nofollow noopener"
    inside = reader.ask("return [...root.querySelectorAll('.body *')].map((e) => e.localName)")
    assert set(inside) == {"p", "a", "strong", "code", "blockquote", "ul", "li"}
