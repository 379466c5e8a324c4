"""The pages on which a site is looked after, as the server gives them out: to whom, and how."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from justhtml import JustHTML

from service.model import Role, Site
from service.web.dashboard import words
from service.web.dashboard.frame import POLICY
from service.web.dashboard.sample import thread
from service.web.wire.comments import ThreadOut
from service.wiring.ground import clock
from tests.api.calls import Answer
from tests.api.conftest import Api
from tests.api.insiders import Insider, signed_in

PAGES = {
    "/moderate/articles?site={site}": Role.VIEWER,
    "/moderate/sites?site={site}": Role.EDITOR,
    "/moderate/sites/preview?site={site}&lang=ar&theme=dark": Role.EDITOR,
    "/moderate/team?site={site}": Role.ADMIN,
}
"""And the least role of whoever sees them."""
HOSTILE = '"><img src=x onerror=alert(1)>'


class Attributes(HTMLParser):
    """The names of all attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen |= {name for name, _ in attrs}


def look(api: Api, who: Insider | None, target: str, **headers: str) -> Answer:
    """Open a page like a person."""
    said = {"Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "none"} | headers
    if who is not None:
        said["Cookie"] = f"postbag={who.token}"
    return api.caller.exchange("GET", target, list(said.items()), None)


@pytest.fixture(scope="module")
def team(api: Api) -> dict[Role, Insider]:
    return {role: signed_in(api, role) for role in Role}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("role", Role)
def test_a_page_is_seen_by_whoever_has_the_role_on_the_site(
    api: Api, team: dict[Role, Insider], page: str, role: Role
) -> None:
    may = role.includes(PAGES[page])
    here = look(api, team[role], page.format(site=api.site.slug))
    assert here.status == (200 if may else 403)
    foreign = look(api, team[role], page.format(site=api.other.slug))
    nowhere = look(api, team[role], page.format(site="nowhere"))
    assert foreign.status == nowhere.status == (404 if may else 403)
    assert foreign.raw == nowhere.raw


@pytest.mark.parametrize("page", PAGES)
def test_a_lesser_role_on_the_named_site_does_not_do(api: Api, page: str) -> None:
    """Though it would on another."""
    least = PAGES[page]
    if least is Role.VIEWER:
        return
    lesser = list(Role)[list(Role).index(least) - 1]
    other = api.new_site()
    sam = signed_in(api, least)
    api.aside.run(api.service.members.team.invite(sam.email, lesser, other, clock()))
    api.eventually(lambda: look(api, sam, page.format(site=other.slug)).status == 403)
    assert look(api, sam, page.format(site=api.site.slug)).status == 200


@pytest.mark.parametrize("page", PAGES)
def test_whoever_is_not_signed_in_is_led_to_the_entrance(api: Api, page: str) -> None:
    answer = look(api, None, page.format(site=api.site.slug))
    assert answer.status == 303
    assert answer.headers["Location"].startswith("/moderate/sign-in")


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("lang", words.LANGUAGES)
def test_a_page_is_valid_and_has_nothing_inline(
    api: Api, hostile: tuple[Site, Insider], page: str, lang: str
) -> None:
    site, sam = hostile
    answer = look(api, sam, page.format(site=site.slug), **{"Accept-Language": lang})
    written = answer.raw.decode()
    assert answer.status == 200
    JustHTML(written, strict=True)
    assert written.count("<h1") == 1
    assert "<style" not in written
    assert " style=" not in written
    named = Attributes()
    named.feed(written)
    assert named.seen
    assert not {name for name in named.seen if name.startswith("on")}
    assert "<img" not in written


@pytest.fixture(scope="module")
def hostile(api: Api) -> tuple[Site, Insider]:
    """A site with something of everything, named with what would be markup; and its admin."""
    site = api.new_site()
    key = api.new_key(site)
    where = f"/v1/sites/{site.slug}"
    api.ask("PUT", f"{where}/articles/%22%3E%3Cimg", json={"title": HOSTILE}, bearer=key)
    texts = {"house_rules": {"en": HOSTILE}, "reason_texts": {"en": {"spam": HOSTILE}}}
    api.ask("PUT", f"{where}/settings", json={"name": HOSTILE, **texts}, bearer=key)
    api.ask("POST", f"{where}/keys", json={"name": HOSTILE, "scopes": ["read"]}, bearer=key)
    return site, signed_in(api, Role.ADMIN, site)


def test_the_team_is_told_of_no_sites_that_the_looker_does_not_look_after(api: Api) -> None:
    hidden, shared = api.new_site(), api.new_site()
    kim, sam = signed_in(api, Role.VIEWER), signed_in(api, Role.ADMIN)
    for site in (hidden, shared):
        api.aside.run(api.service.members.team.invite(kim.email, Role.VIEWER, site, clock()))
    api.aside.run(api.service.members.team.invite(sam.email, Role.ADMIN, shared, clock()))

    def told() -> str:
        return look(api, sam, f"/moderate/team?site={api.site.slug}").told

    api.eventually(lambda: f'site={shared.slug}"' in told())
    assert hidden.slug not in told()


def test_who_only_looks_is_given_nothing_to_press(api: Api, team: dict[Role, Insider]) -> None:
    key = api.new_key(api.site)
    api.ask("PUT", f"/v1/sites/{api.site.slug}/articles/story", json={}, bearer=key)
    articles = f"/moderate/articles?site={api.site.slug}"
    assert "data-state" in look(api, team[Role.EDITOR], articles).told
    looked = look(api, team[Role.SENIOR], articles).told
    assert "data-state" not in looked
    assert 'id="old"' not in looked
    settings = look(api, team[Role.EDITOR], f"/moderate/sites?site={api.site.slug}").told
    assert "<fieldset disabled>" in settings
    assert "sites/settings.js" not in settings


def test_articles_go_on_from_page_to_page(api: Api) -> None:
    site = api.new_site()
    key = api.new_key(site)
    for n in range(51):
        api.ask("PUT", f"/v1/sites/{site.slug}/articles/story-{n}", json={}, bearer=key)
    sam = signed_in(api, Role.VIEWER, site)
    first = look(api, sam, "/moderate/articles").told
    assert first.count("data-key=") == 50
    (following,) = re.findall(r'rel="next" href="([^"]+)"', first)
    second = look(api, sam, following.replace("&amp;", "&")).told
    assert re.findall(r'data-key="([^"]+)"', second) == ["story-0"]
    assert 'rel="next"' not in second
    forged = look(api, sam, "/moderate/articles?cursor=nonsense")
    assert forged.status == 400


def test_the_log_tells_in_words_what_was_done_here(api: Api) -> None:
    site = api.new_site()
    sam = signed_in(api, Role.ADMIN, site)
    where = f"/v1/sites/{site.slug}"

    def act(method: str, path: str, json: Any) -> None:
        answer = api.ask(method, f"{where}/{path}", json=json, bearer=sam.token)
        assert answer.status in {200, 201}, answer.raw

    act("PUT", "settings", {"mode": "post", "house_rules": {"en": "A secret of ours."}})
    act("PUT", "articles/story", {"state": "closed"})
    act("POST", "closures", {"older_than_days": 0})
    act("POST", "keys", {"name": "CMS", "scopes": ["read"]})
    key_id = api.ask("GET", f"{where}/keys", bearer=sam.token).json["items"][-1]["key_id"]
    act("POST", f"keys/{key_id}/rotate", {})

    def log() -> str:
        return look(api, sam, f"/moderate/log?site={site.slug}").told

    expected = (
        "Settings changed",
        "When comments are published: pre → post; House rules",
        "Article changed",
        "state: closed",
        "Key replaced",
        f"key: {key_id}",
    )
    api.eventually(lambda: all(said in log() for said in expected))
    assert "A secret of ours." not in log()


# The picture of the widget.


def test_only_the_page_of_settings_frames_something_and_only_itself_is_framed(
    api: Api, team: dict[Role, Insider]
) -> None:
    def policy(page: str) -> str:
        answer = look(api, team[Role.ADMIN], page.format(site=api.site.slug))
        return str(answer.headers["Content-Security-Policy"])

    articles, settings, preview, members = (policy(page) for page in PAGES)
    assert articles == members == POLICY
    assert settings == f"{POLICY}; frame-src 'self'"
    assert "frame-ancestors 'self'" in preview
    assert "connect-src 'none'" in preview
    assert "require-trusted-types-for 'script'; trusted-types 'none'" in preview


def test_the_picture_is_a_thread_as_the_widget_takes_one(api: Api) -> None:
    for lang in ("en", "fr", "ar"):
        written: dict[str, Any] = thread(api.site, lang, now=clock())
        ThreadOut.model_validate(written)


def test_the_picture_is_shown_to_no_foreign_frame(api: Api, team: dict[Role, Insider]) -> None:
    where = f"/moderate/sites/preview?site={api.site.slug}"
    headers = {"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Site": "cross-site"}
    assert look(api, team[Role.ADMIN], where, **headers).status == 403
    own = {**headers, "Sec-Fetch-Site": "same-origin"}
    assert look(api, team[Role.ADMIN], where, **own).status == 200


# The house rules.


def test_readers_find_the_house_rules_in_their_language(api: Api) -> None:
    site = api.new_site()
    key = api.new_key(site)

    def rules(lang: str = "") -> Answer:
        return api.ask("GET", f"/rules/{site.slug}{lang}")

    assert rules().status == 404
    written = {"fr": "Soyez aimables.\n\n<b>Pas de publicité.</b>", "ar": "كن لطيفًا."}
    api.ask("PUT", f"/v1/sites/{site.slug}/settings", json={"house_rules": written}, bearer=key)
    api.eventually(lambda: rules().status == 200)
    for lang, said in (
        ("", "Soyez"),
        ("?lang=fr-CA", "Soyez"),
        ("?lang=ar", "كن"),
        ("?lang=de", "Soyez"),
    ):
        answer = rules(lang)
        assert said in answer.told, lang
        JustHTML(answer.raw.decode(), strict=True)
    assert rules().told.count("<li ") == 2
    assert "&lt;b&gt;" in rules().told
    assert "private" not in rules().headers["Cache-Control"]
