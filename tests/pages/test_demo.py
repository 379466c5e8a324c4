"""`/demo/`: the newspaper that `make run` shows."""

from __future__ import annotations

import json
from urllib.parse import unquote

import pytest

from service.demo.content import Demo, DemoArticle, load
from service.demo.seed import seed
from service.model import Scope
from service.storage.demo import DemoVotes
from service.wiring.ground import clock
from tests.journeys.house import open_house
from tests.pages.conftest import Press
from tests.pages.parsed import Parsed

LABELS = {"en": "Comments ({n})", "fr": "Commentaires ({n})", "ar": "التعليقات ({n})"}


@pytest.fixture(scope="module")
async def demo(press: Press) -> Demo:
    """The demo site, filled."""
    service = press.house.service
    assert await seed(
        sites=service.core.sites,
        articles=service.core.articles,
        pending=service.core.pending,
        decisions=service.core.decisions,
        votes=DemoVotes(pool=service.ground.pool),
        now=clock(),
        base_url=press.own,
    )
    return load()


async def test_without_the_demo_site_there_is_no_demo(database_url: str, redis_url: str) -> None:
    async with open_house(database_url, redis_url) as house:
        for path in ("/demo/", "/demo/en/", "/demo/en/harbour-ferry"):
            answer = await house.api("GET", path)

            assert answer.refused(404) == "unknown_site"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/demo/", ("en", "ltr", "The Harbour Daily")),
        ("/demo/en/", ("en", "ltr", "The Harbour Daily")),
        ("/demo/fr/", ("fr", "ltr", "Le Quotidien du Port")),
        ("/demo/ar/", ("ar", "rtl", "يومية الميناء")),
    ],
)
async def test_a_front_page_has_its_stories_and_all_editions_headlines(
    press: Press, demo: Demo, path: str, said: tuple[str, str, str]
) -> None:
    page = (await press.get(path)).page

    html = page.one("html")
    assert (html.attrs["lang"], html.attrs["dir"], *page.texts("h1")) == said
    for article in demo.articles:
        (link,) = [each for each in page.all("article a") if each.to_text() == article.title]
        assert unquote(link.attrs["href"]) == article.url
    own = [article for article in demo.articles if article.lang == said[0]]
    assert page.texts(".standfirst") == [words(article.standfirst) for article in own]
    assert page.texts(".sheet .kicker") == [article.section for article in own]


async def test_every_headline_has_its_counter_with_the_number_of_now(
    press: Press, demo: Demo
) -> None:
    page = (await press.get("/demo/")).page

    counters = {each.attrs["data-postbag-count"]: each for each in page.all("a.counter")}
    assert set(counters) == {article.key for article in demo.articles}
    for article in demo.articles:
        counter = counters[article.key]
        path = press.path(article.key, "demo")
        count = (await press.house.api("GET", f"{path}/count")).expect(200)["count"]
        assert counter.attrs["data-postbag-other"] == LABELS[article.lang]
        assert counter.to_text() == LABELS[article.lang].format(n=count)
        assert unquote(counter.attrs["href"]) == f"{article.url}#comments"
    assert counters["fr-phoque-bassin"].to_text() == "Commentaires (0)"
    script = page.one('script[src="/embed/count.js"]')
    assert script.attrs["data-site"] == "demo"


async def test_an_article_has_its_text_and_the_widgets_element(press: Press, demo: Demo) -> None:
    for article in demo.articles:
        page = (await press.get(address(article))).page

        assert page.texts("h1") == [words(article.title)]
        first, *others = page.texts(".columns p")
        assert first == words(f"{article.dateline} {article.paragraphs[0]}")
        assert others == [words(paragraph) for paragraph in article.paragraphs[1:]]
        element = page.one("#comments postbag-comments")
        assert {name: element.attrs[name] for name in ("site", "article", "lang", "theme")} == {
            "site": "demo",
            "article": article.key,
            "lang": article.lang,
            "theme": "auto",
        }
        thread = (await press.get(page.hrefs("postbag-comments a")[0])).page
        assert thread.texts("h1") == [words(article.title)]
        assert page.all('script[src="/embed/v1.js"]')


async def test_a_closed_an_empty_and_a_long_thread_are_among_them(press: Press, demo: Demo) -> None:
    closed = next(article for article in demo.articles if article.state == "closed")
    fragments = {
        article.key: (await press.get(f"{address(article)}?embed=fragment")).page
        for article in demo.articles
    }

    assert fragments[closed.key].texts(".notice") == ["Comments are closed on this article."]
    assert fragments["fr-phoque-bassin"].texts(".empty") == [
        "Soyez la première personne à commenter."
    ]
    assert len(fragments["en-harbour-ferry"].all(".body")) > 30


async def test_the_fragment_can_stand_in_the_article(press: Press, demo: Demo) -> None:
    article = demo.articles[0]

    page = (await press.get(f"{address(article)}?embed=fragment&utm_source=x")).page

    assert page.hrefs('template link[rel="stylesheet"]') == ["/embed/v1.css"]
    assert page.one('input[name="back"]').attrs["value"] == f"{article.url}?embed=fragment"
    assert len(page.all(".body")) > 20
    sent = await press.send(
        article.key,
        {"body": "Hello.", "name": "A", "back": f"{article.url}?embed=fragment"},
        site="demo",
    )
    greeted = (await press.get(sent.headers["Location"].partition("#")[0])).page
    assert greeted.texts(".talk > .notice") == [
        "Thank you. Your comment was sent. It will appear after moderation."
    ]


async def test_the_policy_lets_in_nothing_foreign_and_nothing_inline(
    press: Press, demo: Demo
) -> None:
    for path in ("/demo/", "/demo/ar/", address(demo.articles[0])):
        got = await press.get(path)

        policy = got.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "require-trusted-types-for 'script'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        for link in got.page.all("link, script"):
            where = str(link.attrs.get("href") or link.attrs["src"])
            assert where.startswith("/"), where


async def test_files_are_there_and_name_no_foreign_host(press: Press, demo: Demo) -> None:
    assert demo.articles
    page = (await press.get("/demo/")).page
    files = [*page.hrefs('link[rel="stylesheet"], link[rel="icon"]')]
    files += [each.attrs["src"] for each in page.all("script") if "demo" in each.attrs["src"]]
    assert len(files) == 3

    for file in files:
        got = await press.get(file)

        assert got.status == 200
        assert "http" not in got.text.replace("http://www.w3.org/2000/svg", "")
        assert (await press.get(file, **{"If-None-Match": got.headers["ETag"]})).status == 304
    assert (await press.get("/demo/static/secret.key")).status == 404
    assert (await press.get("/demo/static/..%2Fpages%2Fthread.css")).status == 404


@pytest.mark.parametrize(
    ("path", "there"), [("/demo", "/demo/"), ("/demo/fr", "/demo/fr/"), ("/demo/ar", "/demo/ar/")]
)
async def test_a_missing_slash_is_added(press: Press, path: str, there: str) -> None:
    got = await press.get(path)

    assert (got.status, got.headers["Location"]) == (308, there)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/demo/de/", "There is nothing at this address."),
        ("/demo/en/nothing", "There is nothing at this address."),
        ("/demo/en/a/b", "There is nothing at this address."),
        ("/demo/fr/harbour-ferry", "Il n’y a rien à cette adresse."),
        ("/demo/ar/x", "لا شيء في هذا العنوان."),
    ],
)
async def test_what_is_not_in_the_paper_is_told_in_words_and_to_programs_as_a_problem(
    press: Press, demo: Demo, path: str, sentence: str
) -> None:
    assert demo.articles
    told = await press.get(path)
    problem = await press.get(path, Accept="*/*")

    assert told.status == problem.status == 404
    assert told.page.texts("main p")[0] == sentence
    assert told.page.hrefs("main a") == ["/demo/"]
    assert json.loads(problem.text)["code"] == "not_found"


async def test_a_front_page_is_asked_about_each_time_and_changes_with_its_counts(
    press: Press, demo: Demo
) -> None:
    assert demo.articles
    first = await press.get("/demo/")
    known = {"If-None-Match": first.headers["ETag"]}
    assert first.headers["Cache-Control"] == "public, no-cache"
    assert (await press.get("/demo/", **known)).status == 304
    site = await press.house.service.core.sites.get("demo")
    _, key = await press.house.service.members.keyring.create(
        site, name="", scopes={Scope.MODERATE}, expires_at=None, now=clock()
    )
    body = {"body": "Mine.", "author": {"name": "A"}}
    path = press.path("en-library-sundays", "demo")
    posted = (await press.house.api("POST", f"{path}/comments", body)).expect(202)["comment"]
    decision = {"comment_id": posted["id"], "revision": 1, "action": "approve"}
    before = number(first.page)

    answer = await press.house.api(
        "POST", "/v1/moderation/decisions", {"decisions": [decision]}, token=key
    )

    answer.expect(200)
    again = await press.get("/demo/", **known)
    assert again.status == 200
    assert number(again.page) == before + 1


def address(article: DemoArticle) -> str:
    """Return where an article's page is."""
    return article.url


def words(text: str) -> str:
    """Return a text with plain single spaces."""
    return " ".join(text.split())


def number(page: Parsed) -> int:
    """Return the number of a counter."""
    (counter,) = page.texts('a[data-postbag-count="en-library-sundays"]')
    return int(counter.removeprefix("Comments (").removesuffix(")"))
