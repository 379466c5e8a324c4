"""`/t/{site}/{article}`: where links to comments lead."""

from __future__ import annotations

import json

import pytest

from service.features.nesting import NESTED_REPLIES
from service.features.threads import LIMIT_DEFAULT
from service.web.pages.shown import tile_of
from tests.pages.conftest import ORIGIN, Press


async def test_the_page_is_the_articles_shadow_for_search_engines(press: Press) -> None:
    article = press.article()
    await press.describe(article, title="Budget <vote>", url=f"{ORIGIN}/8731", lang="en")

    got = await press.get(f"/t/daily/{article}")

    page = got.page
    assert page.one('meta[name="robots"]').attrs["content"] == "noindex"
    assert page.hrefs('link[rel="canonical"]') == [f"{ORIGIN}/8731"]
    assert page.hrefs('link[rel="alternate"]') == [f"{press.path(article)}/comments.atom"]
    assert page.texts("title") == ["Comments on “Budget <vote>”"]
    assert page.texts("h1") == ["Budget <vote>"]
    assert page.hrefs("h1 a") == [f"{ORIGIN}/8731"]
    assert page.all("script") == []


async def test_no_script_and_no_foreign_host_is_let_in(press: Press) -> None:
    got = await press.get(f"/t/daily/{press.article()}")

    assert got.headers["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    )
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    # With no-referrer the page's own form would come from the origin `null`.
    assert got.headers["Referrer-Policy"] == "same-origin"


async def test_a_link_to_a_nested_comment_shows_it_wherever_it_is(press: Press) -> None:
    article = press.article()
    first = await press.published(article, "First.")
    await press.all_published(article, [f"Comment {number}." for number in range(LIMIT_DEFAULT)])
    texts = [f"Reply {number}." for number in range(NESTED_REPLIES + 2)]
    replies = await press.all_published(article, texts, parent=first)
    query = f"?sort=newest&comment={replies[-1]}"

    page = (await press.get(f"/t/daily/{article}{query}")).page

    assert page.texts(f"#comment-{replies[-1]} .body") == [f"Reply {NESTED_REPLIES + 1}."]
    assert [each.attrs["id"] for each in page.all(".focused")] == [f"comment-{replies[-1]}"]


@pytest.mark.parametrize("comment", ["01890000-0000-7000-8000-000000000000", "what", "%00", "'--"])
async def test_a_comment_that_is_not_there_is_said_to_be_so(press: Press, comment: str) -> None:
    article = press.article()
    await press.published(article, "Another.")

    got = await press.get(f"/t/daily/{article}?comment={comment}")

    if comment == "%00":
        assert got.status == 422
        return
    assert got.status == 200
    assert got.page.texts("#notice") == ["That comment is not available."]
    assert got.page.texts(".body") == ["Another."]


async def test_a_comment_that_waits_or_was_rejected_is_not_there(press: Press) -> None:
    article = press.article()
    waiting = await press.daily.post("Nobody reads this.", article=article)
    rejected = await press.daily.post("Nor this.", article=article)
    await press.daily.decide("reject", rejected, reason="spam")

    for comment in (waiting, rejected):
        got = await press.get(f"/t/daily/{article}?comment={comment.id}")

        assert got.page.texts("#notice") == ["That comment is not available."]
        assert comment.text not in got.text


async def test_pages_follow_one_another_and_hold_every_comment_once(press: Press) -> None:
    article = press.article()
    texts = [f"Comment {number}." for number in range(2 * LIMIT_DEFAULT + 3)]
    await press.all_published(article, texts)

    path, seen = f"/t/daily/{article}?sort=oldest", []
    while path:
        page = (await press.get(path)).page
        seen += page.texts(".body")
        path = next(iter(page.hrefs("a.more-roots")), "").partition("#")[0]

    assert seen == texts
    assert page.hrefs(".other a") == [f"/t/daily/{article}?lang=en&sort=oldest#title"]


async def test_the_replies_that_do_not_fit_have_a_page_of_their_own(press: Press) -> None:
    article = press.article()
    parent = await press.published(article, "A parent.")
    texts = [f"Reply {number}." for number in range(NESTED_REPLIES + 3)]
    await press.all_published(article, texts, parent=parent)
    page = (await press.get(f"/t/daily/{article}")).page
    assert page.texts("a.more") == ["Show 3 replies"]

    rest = (await press.get(page.hrefs("a.more")[0].partition("#")[0])).page

    assert rest.texts(f"#replies-{parent} .body") == texts[NESTED_REPLIES:]
    assert rest.texts(f"#comment-{parent} .body") == ["A parent."]
    assert rest.texts(".other a") == ["All comments"]
    assert rest.all("form") == []


async def test_from_the_third_level_on_a_reply_says_whom_it_answers(press: Press) -> None:
    article = press.article()
    parent = None
    names = ["Ann", "Ben", "Cem", "Dia", "Eve"]
    ids = []
    for name in names:
        parent = await press.published(article, f"By {name}.", name=name, parent=parent)
        ids.append(parent)

    page = (await press.get(f"/t/daily/{article}?comment={ids[-1]}")).page

    assert page.texts(".to") == ["replying to Ben", "replying to Cem", "replying to Dia"]
    assert [each.attrs["id"] for each in page.all("ol.deep")] == [f"replies-{ids[3]}"]


async def test_a_reply_to_nothing_is_said_to_be_impossible(press: Press) -> None:
    article = press.article()
    gone = await press.published(article, "A parent.")
    await press.published(article, "A reply.", parent=gone)
    await press.daily.decide("remove", gone, reason="spam")

    for reply in (gone, "01890000-0000-7000-8000-000000000000"):
        page = (await press.get(f"/t/daily/{article}?reply={reply}")).page

        assert page.texts("#notice") == ["This comment cannot be replied to."]
        assert page.texts('label[for="f1"]') == ["Your comment"]


@pytest.mark.parametrize(
    ("lang", "direction", "title"),
    [("en", "ltr", "3 comments"), ("fr", "ltr", "3 commentaires"), ("ar", "rtl", "3 تعليقات")],
)
async def test_the_page_speaks_three_languages(
    press: Press, lang: str, direction: str, title: str
) -> None:
    article = press.article()
    await press.all_published(article, ["One.", "Deux.", "ثلاثة."])

    page = (await press.get(f"/t/daily/{article}?lang={lang}")).page

    html = page.one("html")
    assert (html.attrs["lang"], html.attrs["dir"]) == (lang, direction)
    assert page.texts("#title") == [title]
    assert {each.attrs["dir"] for each in page.all(".body")} == {"auto"}
    assert page.texts('nav.languages a[aria-current="true"]') == [
        {"en": "English", "fr": "Français", "ar": "العربية"}[lang]
    ]
    assert [each.attrs["lang"] for each in page.all("nav.languages a")] == ["en", "fr", "ar"]


async def test_what_is_unknown_in_a_link_is_ignored(press: Press) -> None:
    article = press.article()

    got = await press.get(f"/t/daily/{article}?utm_source=x&lang=tlh&sort=worst&postbag=won")

    assert got.status == 200
    assert got.page.one("html").attrs["lang"] == "en"
    assert got.page.all("#notice") == []


async def test_an_address_that_a_reader_sent_along_is_led_to_only_within_the_site(
    press: Press,
) -> None:
    for url, leads in (("https://evil.example/", False), (f"{ORIGIN}/fr/1", True)):
        article = press.article()
        await press.first(article, url)

        page = (await press.get(f"/t/daily/{article}")).page

        assert page.hrefs("h1 a") == ([url] if leads else [])
        assert page.hrefs('link[rel="canonical"]') == ([url] if leads else [])


async def test_an_article_key_may_be_anything_printable(press: Press) -> None:
    for key in ("a/b?c#d", "ê م 中", "%2F", '"><script>alert(1)</script>', "..", "a&amp;b"):
        comment = await press.published(key, f"Under {key}.")
        path = f"{press.path(key).replace('/v1/sites/daily/articles/', '/t/daily/')}"

        page = (await press.get(path)).page

        assert page.hrefs(f"#comment-{comment} .time") == [
            f"{path}?lang=en&comment={comment}#comment-{comment}"
        ]
        assert page.one("form").attrs["action"] == f"{press.path(key)}/comments.html"


async def test_a_broken_link_is_told_in_words_and_to_programs_as_a_problem(press: Press) -> None:
    path = f"/t/daily/{press.article()}?cursor=abc&lang=fr"

    told = await press.get(path)
    problem = await press.get(path, Accept="application/json")

    assert told.status == problem.status == 400
    assert told.page.texts("main p")[0] == "Ce lien a expiré. Reprenez à la première page."
    assert json.loads(problem.text)["code"] == "bad_cursor"


async def test_replies_of_what_is_not_there_are_a_missing_page(press: Press) -> None:
    got = await press.get(f"/t/daily/{press.article()}?parent=01890000-0000-7000-8000-000000000000")

    assert got.status == 404
    assert got.page.texts("main p")[0] == "There is nothing at this address."


async def test_a_site_we_do_not_know_has_no_page(press: Press) -> None:
    assert (await press.get("/t/nowhere/a")).status == 404


async def test_a_page_is_asked_about_again_and_changes_with_its_thread(press: Press) -> None:
    article = press.article()
    first = await press.get(f"/t/daily/{article}")
    known = {"If-None-Match": first.headers["ETag"]}

    same = await press.get(f"/t/daily/{article}", **known)
    comment = await press.published(article, "Soon gone.")
    changed = await press.get(f"/t/daily/{article}", **known)
    await press.daily.decide("remove", comment, reason="spam")
    removed = await press.get(f"/t/daily/{article}")

    assert (same.status, changed.status) == (304, 200)
    assert "Soon gone." in changed.text
    assert "Soon gone." not in removed.text


async def test_the_style_is_kept_under_an_address_that_names_it(press: Press) -> None:
    page = (await press.get(f"/t/daily/{press.article()}")).page
    (address,) = page.hrefs('link[rel="stylesheet"]')

    style = await press.get(address)

    assert style.headers["Content-Type"] == "text/css; charset=utf-8"
    assert "http" not in style.text.replace("http://www.w3.org", "")
    assert style.headers["ETag"]


def test_the_tile_is_the_same_as_in_the_browser() -> None:
    # [...'x'].reduce over charCodeAt, modulo 6
    assert [tile_of(name) for name in ("", "A", "Leila", "ليلى", "😀")] == [
        0,
        65 % 6,
        sum(map(ord, "Leila")) % 6,
        sum(map(ord, "ليلى")) % 6,
        (0xD83D + 0xDE00) % 6,
    ]
