"""The form of a comment, from the empty page to the published comment."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from service.model import Mode, SiteSettings
from tests.pages.conftest import ORIGIN, Press
from tests.pages.parsed import Parsed

FORM = {"body": "Bonjour à tous.", "name": "Élise", "lang": "fr"}


async def test_a_comment_is_written_held_approved_and_read_without_a_script(press: Press) -> None:
    article = press.article()
    await press.describe(article, title="Le marché", lang="fr")
    page = (await press.get(f"/t/daily/{article}")).page
    assert page.texts(".empty") == ["Soyez la première personne à commenter."]

    sent = await press.send(article, {**filled(page), "body": "Enfin !", "name": "Élise"})

    assert sent.status == 303
    assert sent.headers["Cache-Control"] == "no-store"
    there = sent.headers["Location"]
    assert there == f"/t/daily/{article}?lang=fr&sort=best&postbag=held#notice"
    greeted = (await press.get(there.partition("#")[0])).page
    assert greeted.texts("#notice") == [
        "Merci. Votre commentaire a bien été envoyé ; il paraîtra après modération."
    ]
    assert greeted.all("article") == []

    waiting = await press.daily.claim(50)
    (item,) = [each for each in waiting if each["comment"]["text"] == "Enfin !"]
    assert item["comment"]["author"]["name"] == "Élise"
    assert item["comment"]["lang"] == "fr"
    await press.daily.approve(item["comment"]["id"])

    page = (await press.get(f"/t/daily/{article}")).page
    assert page.texts("#title") == ["1 commentaire"]
    assert page.texts(".author") == ["Élise"]
    assert page.texts(".body") == ["Enfin !"]


async def test_a_reply_is_written_without_a_script(press: Press) -> None:
    article = press.article()
    parent = await press.published(article, "A question?", name="Omar")
    page = (await press.get(f"/t/daily/{article}")).page
    (to_reply, _) = page.hrefs(f"#comment-{parent} .action")

    form = (await press.get(to_reply.partition("#")[0])).page
    assert form.texts('label[for="f1"]') == ["Your reply to Omar"]
    sent = await press.send(article, {**filled(form), "body": "An answer.", "name": "Ben"})
    assert sent.status == 303
    await approve_all(press)

    page = (await press.get(f"/t/daily/{article}")).page
    assert page.texts(f"#replies-{parent} .body") == ["An answer."]


async def test_where_comments_are_published_at_once_the_form_leads_to_its_own(
    press: Press,
) -> None:
    await press.house.found("quick", SiteSettings(mode=Mode.POST, origins=(ORIGIN,)))
    article = press.article()

    sent = await press.send(article, {**FORM, "back": f"/t/quick/{article}"}, site="quick")

    path, _, anchor = sent.headers["Location"].partition("#")
    page = (await press.get(path)).page
    assert page.texts("#notice") == ["Your comment was published."]
    assert page.texts(f"#{anchor} .body") == ["Bonjour à tous."]


async def test_sending_a_form_twice_makes_one_comment(press: Press) -> None:
    article = press.article()

    sent = [await press.send(article, FORM) for _ in range(3)]

    assert {each.status for each in sent} == {303}
    mine = [
        item
        for item in (await press.daily.queue("&limit=100"))["items"]
        if item["article"]["key"] == article
    ]
    assert len(mine) == 1


@pytest.mark.parametrize(
    ("back", "there"),
    [
        (f"{ORIGIN}/fr/8731", f"{ORIGIN}/fr/8731?postbag=held#notice"),
        (f"{ORIGIN}/fr?id=8&x=%20y#top", f"{ORIGIN}/fr?id=8&x=%20y&postbag=held#notice"),
        (f"{ORIGIN}/a?postbag=published&b", f"{ORIGIN}/a?b&postbag=held#notice"),
        (f"{ORIGIN}:443/a", f"{ORIGIN}:443/a?postbag=held#notice"),
        ("/t/daily/other?lang=ar", "/t/daily/other?lang=ar&postbag=held#notice"),
        ("/demo/en/ferry", "/demo/en/ferry?postbag=held#notice"),
    ],
)
async def test_a_form_leads_back_to_the_sites_pages_and_ours(
    press: Press, back: str, there: str
) -> None:
    sent = await press.send(press.article(), {**FORM, "back": back})

    assert (sent.status, sent.headers["Location"]) == (303, there)


@pytest.mark.parametrize(
    "back",
    [
        "",
        "https://evil.example/",
        "http://daily.example/",
        f"{ORIGIN}.evil.example/",
        f"{ORIGIN}@evil.example/",
        f"{ORIGIN}:8443/",
        "https://evil.example#" + ORIGIN,
        "//evil.example/",
        "///evil.example/",
        "/\\evil.example/",
        "\\/evil.example",
        "/t/\\evil.example",
        "/%09/evil.example/",
        "\t//evil.example",
        " https://evil.example",
        "/t/\r\nLocation: https://evil.example",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)//https://daily.example",
        "data:text/html,x",
        "/moderate/",
        "/v1/sites/daily/settings",
        "https://[evil",
        "https:evil.example",
        f"{ORIGIN}/" + "x" * 3_000,
        "null",
        "https://däily.example/",
    ],
)
async def test_a_form_leads_nowhere_else(press: Press, back: str) -> None:
    article = press.article()

    sent = await press.send(article, {**FORM, "back": back})

    there = f"/t/daily/{article}?lang=fr&postbag=held#notice"
    assert (sent.status, sent.headers["Location"]) == (303, there)


async def test_our_own_address_is_ours_only_where_our_pages_are(press: Press) -> None:
    article = press.article()

    ours = await press.send(article, {**FORM, "back": f"{press.own}/t/daily/{article}"})
    other = await press.send(article, {**FORM, "back": f"{press.own}/docs"})

    assert ours.headers["Location"] == f"{press.own}/t/daily/{article}?postbag=held#notice"
    assert other.headers["Location"] == f"/t/daily/{article}?lang=fr&postbag=held#notice"


async def test_the_page_of_the_site_becomes_an_unseen_articles_address(press: Press) -> None:
    article = press.article()

    await press.send(article, {**FORM, "back": f"{ORIGIN}/fr/8731#comments"})
    await approve_all(press)

    thread = await press.daily.thread(article)
    assert thread["article"]["url"] == f"{ORIGIN}/fr/8731"


@pytest.mark.parametrize(
    ("form", "field", "sentence"),
    [
        ({"body": " ", "name": "A"}, "body", "Please fill in this field."),
        ({"body": "Hello", "name": ""}, "name", "Please fill in this field."),
        ({"body": "x" * 5_001, "name": "A"}, "body", "This is too long: at most 5,000 characters."),
        ({"body": "Hello", "name": "y" * 81}, "name", "This is too long: at most 80 characters."),
        (
            {"body": "a\ue000b", "name": "A"},
            "body",
            "It contains characters that cannot be shown. Please type it again without them.",
        ),
        ({"body": "😀 " * 51, "name": "A"}, "body", "There are too many emoji in it."),
    ],
)
async def test_what_cannot_be_taken_comes_back_as_it_was_typed(
    press: Press, form: dict[str, str], field: str, sentence: str
) -> None:
    article = press.article()

    got = await press.send(article, {**form, "email": "a@b.example", "lang": "en"})

    assert got.status == 422
    page = got.page
    assert page.texts("#title") == ["Your comment was not sent"]
    assert page.texts("form > .error") == ["Please look at the marked fields."] * 1 + (
        [sentence] if field == "body" else []
    )
    assert page.texts(f"#error-{field}") == [sentence]
    assert page.one(f'[name="{field}"]').attrs["aria-invalid"] == "true"
    kept = filled(page)
    assert kept["body"].strip() == form["body"].strip()
    assert kept["name"] == form["name"]
    assert kept["email"] == "a@b.example"


async def test_a_corrected_form_is_taken(press: Press) -> None:
    article = press.article()
    back = f"/t/daily/{article}?lang=fr"
    got = await press.send(article, {**FORM, "name": "", "back": back})

    sent = await press.send(article, {**filled(got.page), "name": "Élise"})

    assert (sent.status, sent.headers["Location"]) == (303, f"{back}&postbag=held#notice")


async def test_a_program_that_fills_in_what_nobody_sees_is_told_so(press: Press) -> None:
    article = press.article()

    got = await press.send(article, {**FORM, "lang": "en", "website": "https://pills.example"})

    assert got.status == 422
    page = got.page
    assert "hidden" not in page.one('label[for="f4"]').parent.attrs
    assert filled(page)["website"] == ""
    assert [
        item
        for item in (await press.daily.queue("&limit=100"))["items"]
        if item["article"]["key"] == article
    ] == []


async def test_the_trap_is_hidden_on_an_honest_page(press: Press) -> None:
    page = (await press.get(f"/t/daily/{press.article()}")).page

    assert "hidden" in page.one('label[for="f4"]').parent.attrs


async def test_a_closed_article_says_so_and_keeps_the_text(press: Press) -> None:
    article = press.article()
    await press.describe(article, state="closed")

    got = await press.send(article, FORM)

    assert got.status == 403
    assert got.page.texts('[role="alert"]') == ["Les commentaires sont fermés pour cet article."]
    assert filled(got.page)["body"] == FORM["body"]


@pytest.mark.parametrize("parent", ["not-an-id", "01890000-0000-7000-8000-000000000000"])
async def test_a_reply_to_nothing_is_refused(press: Press, parent: str) -> None:
    got = await press.send(press.article(), {**FORM, "lang": "en", "parent_id": parent})

    assert got.status == 404
    assert got.page.texts('[role="alert"]') == ["The comment you reply to is not there any more."]


async def test_a_reply_to_what_was_rejected_names_nobody(press: Press) -> None:
    article = press.article()
    parent = await press.daily.post("Buy pills.", article=article, name="Pillman")
    await press.daily.decide("reject", parent, reason="spam")

    got = await press.send(article, {**FORM, "parent_id": parent.id})

    assert got.status == 409
    assert "Pillman" not in got.text
    assert "pills" not in got.text


async def test_a_page_of_another_origin_may_not_post(press: Press) -> None:
    for origin in ("https://evil.example", "null"):
        got = await press.send(press.article(), FORM, Origin=origin)

        assert got.status == 403
        assert json.loads(got.text)["code"] == "origin_not_allowed"


async def test_pages_of_the_site_and_ours_may_post(press: Press) -> None:
    for origin in (ORIGIN, press.own):
        assert (await press.send(press.article(), FORM, Origin=origin)).status == 303


async def test_a_form_takes_as_much_arabic_as_json_does(press: Press) -> None:
    text = "م" * 5_000
    assert len(urlencode({"body": text})) > 30_000 - 1

    sent = await press.send(press.article(), {"body": text, "name": "ليلى"})
    too_long = await press.send(press.article(), {"body": "م" * 20_000, "name": "ليلى"})

    assert sent.status == 303
    assert too_long.status == 413


async def test_json_is_no_form_and_an_unknown_field_is_refused(press: Press) -> None:
    path = f"{press.path(press.article())}/comments.html"
    answer = await press.house.api("POST", path, {"body": "x"})
    unknown = await press.send(press.article(), {**FORM, "colour": "red"})

    assert answer.refused(415) == "unsupported_media_type"
    assert unknown.status == 422


async def test_guests_are_asked_to_sign_in_where_they_are_not_welcome(press: Press) -> None:
    await press.house.found("members", SiteSettings(guests_allowed=False))

    page = (await press.get("/t/members/a")).page
    got = await press.send("a", {**FORM, "lang": "en"}, site="members")

    sentence = "Please sign in on the site of the article to comment."
    assert page.all("form") == []
    assert page.texts(".notice") == [sentence]
    assert got.status == 403
    assert got.page.texts('[role="alert"]') == [sentence]


def filled(page: Parsed) -> dict[str, str]:
    """Return what a browser sends of a page's form when nothing is touched."""
    fields: dict[str, Any] = {
        field.attrs["name"]: field.attrs.get("value") or "" for field in page.all("form input")
    }
    return {**fields, "body": page.one("form textarea").to_text()}


async def approve_all(press: Press) -> None:
    """Approve everything that waits."""
    items = (await press.daily.queue("&limit=100"))["items"]
    await press.daily.approve(*(item["comment"]["id"] for item in items))
