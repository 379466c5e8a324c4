"""Editors and admins look after a site: articles, settings, the team and keys, in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from service.model import Role
from tests.browser.conftest import Newsroom
from tests.browser.desk.people import Moderator

pytestmark = pytest.mark.browser

PAGES = ("articles", "sites", "team")
VISIBLE = "[...document.querySelectorAll(arguments[0])].find((each) => each.checkVisibility())"


class Admin(Moderator):
    """An admin of a new site, with a browser."""

    __slots__ = ()

    def open(self, page: str) -> None:
        """Open a page and wait until its modules are at work."""
        origin, slug = self.newsroom.api.caller.origin, self.newsroom.site.slug
        self.chrome.get(f"{origin}/moderate/{page}?site={slug}")
        self.until("document.readyState === 'complete'")

    def find(self, css: str) -> WebElement:
        """Wait until something is visible, and return it."""
        found: WebElement = self.until(VISIBLE, css)
        return found

    def click(self, css: str) -> None:
        """Press something."""
        element = self.find(css)
        self.ask("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def write(self, css: str, text: str) -> None:
        """Write something else into a field."""
        field = self.find(css)
        field.clear()
        field.send_keys(text)

    def choose(self, css: str, value: str) -> None:
        """Choose something of a list, as a person with a mouse does."""
        self.ask(
            "arguments[0].value = arguments[1];"
            "arguments[0].dispatchEvent(new Event('change', { bubbles: true }))",
            self.find(css),
            value,
        )

    def says(self, css: str, words: str) -> None:
        """Wait until something visible holds these words."""
        self.until(f"{VISIBLE}?.innerText.includes(arguments[1])", css, words)

    def told(self, path: str) -> Any:
        """Ask the API about the site."""
        slug, key = self.newsroom.site.slug, self.newsroom.key
        return self.newsroom.api.ask("GET", f"/v1/sites/{slug}/{path}", bearer=key).json

    def elsewhere(self, method: str, path: str, **json: Any) -> None:
        """Let somebody else do something to the site meanwhile."""
        slug, key = self.newsroom.site.slug, self.newsroom.key
        answer = self.newsroom.api.ask(method, f"/v1/sites/{slug}/{path}", json=json, bearer=key)
        assert answer.status in {200, 201}, answer.raw


@pytest.fixture
def admin(chrome: webdriver.Chrome, newsroom: Newsroom) -> Iterator[Admin]:
    who = Admin(chrome, newsroom, role=Role.ADMIN)
    who.window(1280, 900)
    who.sign_in()
    who.prefer()
    who.complaints()
    yield who
    who.ask("window.onbeforeunload = null")
    who.send("Emulation.clearDeviceMetricsOverride")
    who.send("Network.clearBrowserCookies")


# Articles.


def test_an_editor_closes_an_article_by_keys_and_takes_it_back(admin: Admin) -> None:
    admin.elsewhere("PUT", "articles/story-1", title="Budget vote")
    admin.open("articles")
    admin.find("[data-state]").send_keys("Closed")
    admin.find("[data-set]").send_keys(Keys.ENTER)
    admin.says("#done", "“Budget vote” is closed.")
    assert admin.told("articles/story-1")["state"] == "closed"
    assert admin.ask("return document.activeElement.matches('[data-state]')")
    admin.find("#done button").send_keys(Keys.ENTER)
    admin.says("#done", "“Budget vote” is open.")
    assert admin.told("articles/story-1")["state"] == "open"
    acts = [each["act"] for each in admin.told("administration")["items"]]
    assert acts.count("article.changed") == 2


def test_an_article_gets_a_mode_of_its_own_and_a_day_on_which_it_closes(admin: Admin) -> None:
    admin.elsewhere("PUT", "articles/story-1", title="Budget vote")
    admin.open("articles")
    admin.click("[data-change]")
    admin.choose("dialog [name=mode]", "post")
    admin.choose("dialog [name=close_at]", "2090-05-04T10:30")
    admin.click("dialog .primary")
    admin.says("#done", "“Budget vote” was changed.")
    admin.says("tr[data-key] .more", "4 May 2090")
    told = admin.told("articles/story-1")
    assert told["mode"] == "post"
    assert told["close_at"].startswith("2090-05-0")


def test_old_articles_are_closed_once_somebody_has_said_yes(admin: Admin) -> None:
    for n in range(3):
        admin.elsewhere("PUT", f"articles/story-{n}", title=f"Story {n}")
    admin.open("articles")
    admin.write("#older-than", "30")
    admin.click("#old button")
    admin.says("#done", "There is no open article as old as that.")
    admin.write("#older-than", "0")
    admin.click("#old button")
    admin.says("dialog", "3 articles will be closed.")
    admin.click("dialog .danger")
    admin.says("#done", "3 articles were closed.")
    assert {each["state"] for each in admin.told("articles")["items"]} == {"closed"}


# Settings.


def test_settings_are_saved_and_what_is_wrong_is_said_where_it_is(admin: Admin) -> None:
    admin.open("sites")
    assert admin.ask("return document.querySelectorAll('[data-missing]').length") == 3
    admin.write("#due_minutes", "0")
    admin.click(".save button")
    admin.says("#problem", "from 1 to 43,200")
    assert admin.ask("return document.activeElement.id") == "due_minutes"
    admin.write("#due_minutes", "20")
    admin.click("[name=votes_allowed]")
    admin.write("[name=house_rules][data-lang=en]", "Be kind.\nNo advertising.")
    admin.write("#reasons", "shouting")
    admin.click("#add-origin")
    admin.write(".origins li:last-child input", "not one!")
    admin.says(".origins li:last-child .said", "This is no origin")
    admin.click(".save button")
    assert admin.ask("return document.activeElement.value") == "https://not one!"
    admin.write(".origins li:last-child input", "HTTPS://Evening.example/some/path")
    admin.says(".origins li:last-child .said", "https://evening.example")
    admin.says("#unsaved", "not saved yet")
    admin.click(".save button")
    admin.says("#done", "Saved.")
    told = admin.told("settings")
    assert (told["due_minutes"], told["votes_allowed"]) == (20, False)
    assert told["origins"][-1] == "https://evening.example"
    assert told["house_rules"] == {"en": "Be kind.\nNo advertising."}
    admin.write("[data-reason=shouting][data-lang=en]", "It shouts.")
    admin.click(".save button")
    texts = {"en": {"shouting": "It shouts."}}
    admin.wait(lambda: admin.told("settings")["reason_texts"] == texts, "the sentence")
    assert admin.complaints() == []


def test_two_who_save_at_once_are_told_of_each_other(admin: Admin) -> None:
    """Nothing is overwritten unasked, and nothing that was written is lost."""
    admin.open("sites")
    admin.write("#name", "The Morning Daily")
    admin.write("#due_minutes", "30")
    kim = admin.insider(Role.ADMIN, name="Kim")
    where = f"/v1/sites/{admin.newsroom.site.slug}/settings"
    change = {"name": "The Evening Daily", "mode": "post"}
    answer = admin.newsroom.api.ask("PUT", where, json=change, bearer=kim.token)
    assert answer.status == 200, answer.raw
    admin.click(".save button")
    admin.says("#problem", "Kim saved these settings while you were changing them.")
    admin.says("#problem", "When comments are published is now: At once.")
    admin.says("#problem", "Name is now: The Evening Daily. You changed this too.")
    assert admin.told("settings")["name"] == "The Evening Daily"
    assert admin.ask("return document.getElementById('name').value") == "The Morning Daily"
    admin.click("#problem .primary")
    admin.says("#done", "Saved.")
    told = admin.told("settings")
    assert (told["name"], told["due_minutes"], told["mode"]) == ("The Morning Daily", 30, "post")
    assert admin.ask("return document.querySelector('[name=mode]:checked').value") == "post"


def test_the_widget_is_shown_in_four_ways_and_tried_in_other_colours(admin: Admin) -> None:
    admin.elsewhere("PUT", "settings", house_rules={"en": "Be kind."}, votes_allowed=False)
    admin.open("sites")
    admin.until("document.querySelectorAll('.previews iframe').length === 4")

    def inside(script: str) -> list[Any]:
        found: list[Any] = admin.ask(
            "return [...document.querySelectorAll('.previews iframe')].map((frame) => {"
            " const el = frame.contentDocument?.querySelector('postbag-comments');"
            f" return {script} }})"
        )
        return found

    admin.wait(lambda: inside("el?.state") == ["ready"] * 4, "four widgets")
    assert inside("[frame.contentDocument.dir, el.getAttribute('theme')].join()") == [
        "ltr,light",
        "ltr,dark",
        "rtl,light",
        "rtl,dark",
    ]
    assert inside("el.shadowRoot.querySelectorAll('.body').length") == [3] * 4
    assert inside("el.shadowRoot.querySelectorAll('.vote').length") == [0] * 4
    assert inside("frame.contentDocument.body.inert") == [True] * 4
    admin.write("#tokens [name=accent]", "rgb(155, 44, 32)")
    button = "getComputedStyle(el.shadowRoot.querySelector('.submit')).backgroundColor"
    admin.wait(lambda: inside(button) == ["rgb(155, 44, 32)"] * 4, "other colours")
    admin.says("#embed-code", "--postbag-accent: rgb(155, 44, 32)")
    admin.write("#tokens [name=accent]", "red } </style><script>")
    admin.until("!document.getElementById('embed-code').innerText.includes('--postbag')")
    slug = admin.newsroom.site.slug
    admin.says("#embed-code", f'site="{slug}"')
    admin.says("#embed-code", f"/rules/{slug}?lang=en")
    admin.says("#embed-code", "no-votes")
    admin.says("#embed-csp", f"script-src {admin.newsroom.api.caller.origin}")
    names: list[str] = admin.ask(
        "return [...document.querySelectorAll('.previews iframe')]"
        ".flatMap((frame) => frame.contentWindow.performance.getEntriesByType('resource'))"
        ".map((each) => each.name)"
    )
    asked = [each for each in names if "/v1/" in each]
    assert asked == []
    assert admin.complaints() == []


# The team and keys.


def test_somebody_is_invited_gets_another_role_and_leaves(admin: Admin) -> None:
    admin.open("team")
    admin.write("#invite [name=email]", "kim@daily.example")
    admin.choose("#invite [name=role]", "editor")
    admin.click("#invite button")
    admin.says("#invited", "It works once, within three days")
    link = admin.find("#invited code").text
    token = link.partition("#invitation=")[2]
    look = admin.newsroom.api.ask("POST", "/v1/invitations/look", json={"token": token})
    assert look.json["roles"] == [{"site": admin.newsroom.site.slug, "role": "editor"}]
    admin.open("team")
    assert token not in admin.chrome.page_source
    row = f"tr[data-member='{member_id(admin, 'kim@daily.example')}']"
    admin.says(row, "invited")
    admin.choose(f"{row} [data-role]", "viewer")
    admin.click(f"{row} [data-set-role]")
    admin.says("#done", "kim@daily.example: Viewer from now on.")
    admin.click(f"{row} [data-remove]")
    admin.says("dialog", "they can do nothing on")
    admin.click("dialog .danger")
    admin.says("#done", "kim@daily.example is no longer on the team")
    acts = [each["act"] for each in admin.told("administration")["items"]]
    assert acts[:3] == ["member.removed", "role.changed", "member.invited"]


def member_id(admin: Admin, email: str) -> str:
    api, key = admin.newsroom.api, admin.newsroom.key
    items = api.ask("GET", "/v1/members", bearer=key).json["items"]
    return str(next(each["member_id"] for each in items if each["email"] == email))


def test_a_key_is_made_replaced_and_ended_and_its_secret_is_shown_once(admin: Admin) -> None:
    def is_good(key: str) -> bool:
        where = f"/v1/sites/{admin.newsroom.site.slug}/articles"
        return admin.newsroom.api.ask("GET", where, bearer=key).status == 200

    admin.open("team")
    admin.write("#key-name", "CMS")
    admin.click("#new-key > button")
    old = admin.find("dialog code").text
    assert is_good(old)
    admin.click("dialog button:not(.secret button)")
    admin.says("#done", "The key CMS is good from now on.")
    assert old[12:] not in admin.chrome.page_source
    row = f"tr[data-api-key='{old[4:12]}']"
    admin.click(f"{row} [data-rotate]")
    admin.choose("dialog [name=overlap]", "0")
    admin.click("dialog .primary")
    admin.says("dialog", "It is not shown again.")
    new = admin.find("dialog code").text
    assert is_good(new)
    admin.wait(lambda: not is_good(old), "the old key ends")
    admin.click("dialog button:not(.secret button)")
    admin.says("main summary", "1 key that has ended")
    row = f"tr[data-api-key='{new[4:12]}']"
    admin.click(f"{row} [data-revoke]")
    admin.click("dialog .danger")
    admin.says("#done", "The key CMS has ended.")
    admin.wait(lambda: not is_good(new), "the new key ends")


def test_a_proof_that_is_too_old_is_asked_for_again_before_a_key_is_made(admin: Admin) -> None:
    pool = admin.newsroom.api.service.ground.pool
    older = "UPDATE sessions SET proved_at = proved_at - interval '11 minutes' WHERE member_id = $1"
    admin.open("team")
    me = admin.ask("return document.querySelector('tr[data-member]:has(.badge)').dataset.member")
    admin.newsroom.api.aside.run(pool.execute(older, me))

    where = f"/v1/sites/{admin.newsroom.site.slug}/keys"

    def is_old() -> bool:
        """Tell whether the process has read the session again."""
        answer = admin.newsroom.api.ask("POST", where, json={}, bearer=admin.token)
        return bool(answer.code == "proof_needed")

    admin.wait(is_old, "an old proof")
    before = len(admin.told("keys")["items"])
    admin.click("#new-key > button")
    admin.says("#proof-title", "Please prove that it is you")
    assert len(admin.told("keys")["items"]) == before


def test_a_secret_for_the_sites_own_sign_in_is_made_here_and_added(admin: Admin) -> None:
    admin.open("team")
    admin.click("#new-token-key > button")
    admin.says("#problem", "Please enter the key’s name.")
    admin.write("#kid", "2026-11")
    admin.write("#issuer", "https://daily.example")
    admin.click("#make-secret")
    secret = admin.ask("return document.getElementById('token-key').value")
    assert len(secret) == 64
    admin.click("#new-token-key > button")
    admin.says("#done", "The key 2026-11 is good from now on.")
    assert secret not in admin.chrome.page_source
    admin.click("tr[data-kid] [data-revoke]")
    admin.click("dialog .danger")
    admin.says("#done", "The key 2026-11 has ended.")


# Looks.


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_for_everybody(admin: Admin, page: str) -> None:
    """No fault by axe-core, and no sideways scrolling where it is narrow, in every look."""
    admin.elsewhere("PUT", "articles/story-1", title="Budget vote", close_at="2090-01-01T00:00:00Z")
    admin.elsewhere("POST", "keys", name="CMS", scopes=["read", "manage"])
    admin.elsewhere("PUT", "settings", house_rules={"ar": "كن لطيفًا."}, reasons=["shouting"])
    for lang, theme, width in (
        ("en", "light", 1280),
        ("ar", "dark", 1280),
        ("fr", "contrast", 360),
        ("ar", "light", 360),
    ):
        admin.window(width, 900)
        admin.prefer(lang, theme)
        admin.open(page)
        admin.until("document.querySelector('h1')")
        assert admin.faults() == [], (lang, theme, width)
        wide = admin.ask("return document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, (lang, theme, width)
        if width == 1280 or lang == "ar":
            admin.shot(f"{page}-{lang}-{theme}-{width}")
