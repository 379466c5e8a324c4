"""`comments.html`: what a site includes."""

from __future__ import annotations

import json
from typing import Any

from service.features.threads import LIMIT_DEFAULT
from tests.pages.conftest import ORIGIN, Press
from tests.pages.parsed import Parsed


async def test_a_fragment_is_the_widgets_element_with_its_shadow_root(press: Press) -> None:
    article = press.article()
    comment = await press.published(article, "Some *words*.", name="Leila", lang="en")

    got = await press.get(f"{press.path(article)}/comments.html?lang=en")

    assert got.status == 200
    fragment = got.fragment
    host = fragment.one("postbag-comments")
    assert {name: host.attrs[name] for name in ("site", "article", "lang", "dir", "count")} == {
        "site": "daily",
        "article": article,
        "lang": "en",
        "dir": "ltr",
        "count": "1",
    }
    template = fragment.one("postbag-comments > template")
    assert template.attrs["shadowrootmode"] == "open"
    assert fragment.hrefs('link[rel="stylesheet"]') == [f"{press.own}/embed/v1.css"]
    assert fragment.texts("#title") == ["1 comment"]
    assert fragment.texts(f"#comment-{comment} .author") == ["Leila"]
    body = fragment.one(f"#comment-{comment} .body")
    assert body.attrs["dir"] == "auto"
    assert body.attrs["lang"] == "en"
    assert body.to_html(pretty=False).endswith("<p>Some <em>words</em>.</p></div>")


async def test_the_payload_is_the_thread_as_the_api_answers_it(press: Press) -> None:
    article = press.article()
    await press.published(article, "</script><!-- & <b>")

    fragment = (await press.get(f"{press.path(article)}/comments.html")).fragment

    thread = await press.daily.thread(article, f"?sort=best&limit={LIMIT_DEFAULT}")
    assert payload(fragment) == thread


async def test_the_language_is_the_one_asked_for_else_the_articles(press: Press) -> None:
    article = press.article()
    await press.describe(article, lang="ar", title="الميناء")

    async def said(query: str) -> tuple[Any, Any, list[str]]:
        fragment = (await press.get(f"{press.path(article)}/comments.html{query}")).fragment
        section = fragment.one("section")
        return section.attrs["lang"], section.attrs["dir"], fragment.texts(".submit")

    assert await said("") == ("ar", "rtl", ["نشر التعليق"])
    assert await said("?lang=fr-CA") == ("fr", "ltr", ["Publier"])
    assert await said("?lang=de") == ("ar", "rtl", ["نشر التعليق"])


async def test_links_lead_to_our_page_and_the_form_to_the_fragment(press: Press) -> None:
    article = press.article()
    texts = [f"Comment {number}." for number in range(LIMIT_DEFAULT + 2)]
    comments = await press.all_published(article, texts)

    fragment = (await press.get(f"{press.path(article)}/comments.html?sort=oldest")).fragment

    thread = f"{press.own}/t/daily/{article}"
    assert len(fragment.all("li.entry")) == LIMIT_DEFAULT
    assert fragment.hrefs("nav.sort a") == [
        f"{thread}?lang=en&sort={sort}#title" for sort in ("best", "newest", "oldest")
    ]
    assert fragment.texts('nav.sort a[aria-current="true"]') == ["Oldest"]
    assert fragment.texts(".more-roots") == ["Show 2 more comments"]
    assert fragment.hrefs(".more-roots")[0].startswith(f"{thread}?lang=en&sort=oldest&cursor=")
    assert fragment.hrefs(f"#comment-{comments[0]} .action") == [
        f"{thread}?lang=en&reply={comments[0]}#write",
        f"{thread}?lang=en&comment={comments[0]}#comment-{comments[0]}",
    ]
    form = fragment.one("form")
    assert form.attrs["action"] == f"{press.own}{press.path(article)}/comments.html"
    assert form.attrs["method"] == "post"


async def test_the_second_page_of_a_fragment_goes_on_after_the_first(press: Press) -> None:
    article = press.article()
    await press.all_published(
        article, [f"Comment {number}." for number in range(LIMIT_DEFAULT + 1)]
    )
    first = await press.daily.thread(article, "?sort=oldest&limit=20")

    path = f"{press.path(article)}/comments.html?sort=oldest&cursor={first['next']}"
    fragment = (await press.get(path)).fragment

    assert fragment.texts(".body") == [f"Comment {LIMIT_DEFAULT}."]
    assert fragment.texts(".other a") == ["Back to the first comments"]


async def test_the_form_leads_back_to_the_page_that_includes_it(press: Press) -> None:
    article = press.article()
    here = f"{ORIGIN}/en/1?a=b"

    async def back(url: str) -> str:
        path = f"{press.path(article)}/comments.html?url={url}"
        fragment = (await press.get(path)).fragment
        return str(fragment.one('input[name="back"]').attrs["value"])

    assert await back(here) == here
    ours = f"{press.own}/t/daily/{article}?lang=en&sort=best"
    assert await back("https://evil.example/") == ours
    assert await back(f"{ORIGIN}.evil.example/") == ours


async def test_a_closed_article_shows_its_thread_without_a_form(press: Press) -> None:
    article = press.article()
    await press.published(article)
    await press.describe(article, state="closed")

    fragment = (await press.get(f"{press.path(article)}/comments.html")).fragment

    assert fragment.texts(".notice") == ["Comments are closed on this article."]
    assert fragment.all("form") == []
    assert len(fragment.all("article")) == 1
    assert fragment.texts(".action") == ["Link"]


async def test_an_article_without_comments_switched_off_shows_none(press: Press) -> None:
    article = press.article()
    await press.published(article)
    await press.describe(article, state="off")

    fragment = (await press.get(f"{press.path(article)}/comments.html")).fragment

    assert fragment.all("article") == []
    assert fragment.all("form") == []
    assert payload(fragment)["article"]["state"] == "off"


async def test_an_unseen_article_invites_to_comment(press: Press) -> None:
    fragment = (await press.get(f"{press.path('an/unseen one')}/comments.html")).fragment

    assert fragment.texts("#title") == ["0 comments"]
    assert fragment.texts(".empty") == ["Be the first to comment."]
    assert fragment.all("nav.sort") == []


async def test_a_removed_comment_with_replies_leaves_a_sentence(press: Press) -> None:
    article = press.article()
    parent = await press.published(article, "A parent.", name="Omar")
    await press.published(article, "A reply.", parent=parent)
    await press.daily.decide("remove", parent, reason="spam")

    fragment = (await press.get(f"{press.path(article)}/comments.html")).fragment

    assert fragment.texts(f"#comment-{parent}") == ["This comment was removed by a moderator."]
    assert "A parent." not in fragment.root.to_html()
    assert "Omar" not in fragment.root.to_html()
    assert fragment.texts(".body") == ["A reply."]


async def test_a_fragment_is_kept_and_asked_about(press: Press) -> None:
    article = press.article()
    path = f"{press.path(article)}/comments.html"
    first = await press.get(path)

    again = await press.get(path, **{"If-None-Match": first.headers["ETag"]})
    await press.published(article)
    changed = await press.get(path, **{"If-None-Match": first.headers["ETag"]})

    assert first.headers["Cache-Control"].startswith("public, max-age=2")
    assert again.status == 304
    assert changed.status == 200


async def test_a_fragment_of_a_site_we_do_not_know_is_a_problem(press: Press) -> None:
    got = await press.get("/v1/sites/nowhere/articles/a/comments.html")

    assert got.status == 404
    assert json.loads(got.text)["code"] == "unknown_site"


async def test_a_forged_cursor_is_refused(press: Press) -> None:
    got = await press.get(f"{press.path(press.article())}/comments.html?cursor=abc")

    assert got.status == 400
    assert json.loads(got.text)["code"] == "bad_cursor"


def payload(fragment: Parsed) -> dict[str, Any]:
    """Return what the widget takes over."""
    written = fragment.one("script[data-postbag]").to_text()
    assert "<" not in written
    read: dict[str, Any] = json.loads(written)
    return read
