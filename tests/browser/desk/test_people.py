"""Log, search and authors in a real browser: decided together, undone together, bans lifted."""

from __future__ import annotations

import dataclasses
from typing import Any
from urllib.parse import urlencode

import asyncpg
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from service.model import Role
from tests.browser.desk.people import (
    ARABIC,
    SHIFT,
    Moderator,
    Waiting,
)

pytestmark = pytest.mark.browser


def open_page(who: Moderator, path: str, **asked: str) -> None:
    """Open a page and wait until it can be worked with."""
    query = urlencode({"site": who.newsroom.site.slug, **asked})
    who.chrome.get(f"{who.newsroom.api.caller.origin}{path}?{query}")
    who.until("document.documentElement.dataset.ready")


def press(who: Moderator, selector: str) -> None:
    """Press a button as people do."""
    who.until("document.querySelector(arguments[0])?.checkVisibility()", selector)
    who.chrome.find_element(By.CSS_SELECTOR, selector).click()


def fill(who: Moderator, selector: str, text: str) -> None:
    field = who.chrome.find_element(By.CSS_SELECTOR, selector)
    field.clear()
    field.send_keys(text)


def states(who: Moderator) -> list[str]:
    """What the rows say has become of their comments."""
    found: list[str] = who.ask(
        "return [...document.querySelectorAll('.p-row')].map((each) => each.dataset.status)"
    )
    return found


def found(who: Moderator, waiting: Waiting, line: str, many: int) -> None:
    """Search, when as many are there to be found."""
    room = waiting.newsroom

    def there() -> bool:
        asked = urlencode({"site": room.site.slug, "q": line, "limit": 100})
        answer = room.api.ask("GET", f"/v1/moderation/comments?{asked}", bearer=room.key)
        return len(answer.json["items"]) == many

    room.api.eventually(there)
    open_page(who, "/moderate/search", q=line)


def logged(waiting: Waiting, **asked: str) -> list[dict[str, Any]]:
    room = waiting.newsroom
    where = f"/v1/sites/{room.site.slug}/audit?{urlencode(asked)}"
    items: list[dict[str, Any]] = room.api.ask("GET", where, bearer=room.key).json["items"]
    return items


def author_of(waiting: Waiting, comment: dict[str, Any]) -> str:
    return str(waiting.whole(comment["id"])["author"]["ref"])


@pytest.mark.smoke
def test_comments_found_are_selected_with_shift_rejected_and_all_taken_back(
    moderator: Moderator, waiting: Waiting
) -> None:
    comments = waiting.numbered(5)
    waiting.newsroom.decide("approve", comments[4]["id"])
    found(moderator, waiting, "comment", 5)
    boxes = moderator.chrome.find_elements(By.CSS_SELECTOR, ".p-select")
    boxes[0].click()
    ActionChains(moderator.chrome).key_down(Keys.SHIFT).click(boxes[3]).key_up(Keys.SHIFT).perform()
    moderator.until("document.getElementById('selected').innerText === '4 selected'")
    press(moderator, "[data-act=reject_all]")
    moderator.until("document.querySelector('dialog[open] .p-told').innerText.length > 20")
    press(moderator, "dialog[open] button.primary")
    moderator.until("document.getElementById('outcome-words').innerText.includes(': 4.')")
    assert sorted(states(moderator)) == ["pending", *["rejected"] * 3, "removed"]
    assert waiting.status(comments[4]["id"]) == "removed"
    press(moderator, "#undo")
    moderator.until("document.getElementById('outcome-words').innerText === 'Taken back: 4.'")
    assert sorted(states(moderator)) == ["approved", *["pending"] * 4]
    assert [waiting.status(each["id"]) for each in comments] == [*["pending"] * 4, "approved"]


@pytest.mark.parametrize("layout", ["us", "arabic"])
def test_search_is_worked_by_keys_alone(
    moderator: Moderator, waiting: Waiting, layout: str
) -> None:
    if layout == "arabic":
        moderator.layout = ARABIC
    comments = waiting.numbered(3)
    found(moderator, waiting, "comment", 3)
    moderator.press("j")
    moderator.press("x")
    moderator.press("j", modifiers=SHIFT)
    moderator.until("document.getElementById('selected').innerText === '2 selected'")
    moderator.press("a", modifiers=SHIFT)
    moderator.until("document.getElementById('outcome-words').innerText.includes(': 2.')")
    assert [waiting.status(each["id"]) for each in reversed(comments)] == [
        "approved",
        "approved",
        "pending",
    ]
    moderator.press("u")
    moderator.until("document.getElementById('outcome-words').innerText === 'Taken back: 2.'")
    moderator.press("/")
    moderator.until("document.activeElement.id === 'filter'")


def test_more_than_fifty_are_decided_after_their_number_was_typed(
    moderator: Moderator, waiting: Waiting
) -> None:
    moderator.sign_in(Role.SENIOR)
    waiting.numbered(60)
    found(moderator, waiting, "comment", 60)
    press(moderator, "#all")
    press(moderator, "[data-act=spam_all]")
    fill(moderator, "#p-number", "59")
    press(moderator, "dialog button.primary")
    moderator.until("document.querySelector('dialog .error').checkVisibility()")
    fill(moderator, "#p-number", "60")
    press(moderator, "dialog button.primary")
    moderator.until("document.getElementById('outcome-words').innerText.includes(': 60.')")
    press(moderator, "#undo")
    moderator.until("document.getElementById('outcome-words').innerText === 'Taken back: 60.'")


def test_what_may_hurt_is_masked_until_one_asks_for_it(
    moderator: Moderator, waiting: Waiting
) -> None:
    waiting.marked("You fool, go away.", "insults", (4, 8))
    found(moderator, waiting, "fool", 1)
    assert "f•••" in moderator.ask("return document.querySelector('.p-text').innerText")
    assert "fool, go" not in moderator.chrome.page_source
    press(moderator, ".p-text a")
    moderator.until("document.querySelector('.p-words')?.innerText.includes('f•••')")
    press(moderator, ".p-whole .hint a[href*=revealed]")
    moderator.until("document.querySelector('.p-words')?.innerText === 'You fool, go away.'")


def test_a_mistake_in_the_line_is_shown_where_it_is(moderator: Moderator, waiting: Waiting) -> None:
    open_page(moderator, "/moderate/search", q="refund state:open")
    assert moderator.ask("return document.querySelector('#mistake mark').innerText") == "open"
    assert "character 14" in moderator.ask("return document.getElementById('mistake').innerText")
    assert moderator.ask("return document.getElementById('filter').ariaInvalid") == "true"
    assert waiting


def test_a_search_is_kept_on_the_server_for_its_member(
    moderator: Moderator, waiting: Waiting
) -> None:
    waiting.post("Mine.")
    found(moderator, waiting, "mine", 1)
    press(moderator, ".p-keep summary")
    fill(moderator, "#keep-name", "My own")
    press(moderator, "#keep button")
    moderator.until("document.querySelector('#kept a')?.innerText === 'My own'")
    moderator.ask("localStorage.clear(); sessionStorage.clear()")
    open_page(moderator, "/moderate/search")
    press(moderator, "#kept a")
    moderator.until("document.getElementById('filter')?.value === 'mine'")
    moderator.until("document.documentElement.dataset.ready")
    press(moderator, "[data-forget]")
    moderator.until("document.querySelector('#kept a') === null")
    open_page(moderator, "/moderate/search")
    assert moderator.ask("return document.querySelector('#kept a')") is None


def test_a_decision_is_taken_back_from_the_log_and_the_chain_is_checked(
    moderator: Moderator, waiting: Waiting
) -> None:
    (comment,) = waiting.post("Fine.")
    waiting.newsroom.decide("reject", comment["id"], "spam")
    waiting.newsroom.api.eventually(lambda: bool(logged(waiting, act="reject")))
    open_page(moderator, "/moderate/log")
    press(moderator, "[data-reverse]")
    moderator.until("document.activeElement.innerText.includes('keeps both')")
    assert waiting.status(comment["id"]) == "pending"
    waiting.newsroom.api.eventually(lambda: bool(logged(waiting, act="reverse")))
    open_page(moderator, "/moderate/log", act="reverse")
    rows = moderator.ask("return document.querySelector('.p-log tbody').innerText")
    assert "Taken back" in rows
    assert "Nadia Haddad" in rows
    press(moderator, "#verify")
    moderator.until("document.getElementById('verified').innerText.includes('The chain holds')")


def test_a_chain_that_was_tampered_with_says_where_it_breaks(
    moderator: Moderator, waiting: Waiting, reader_database: str
) -> None:
    for each in waiting.numbered(3):
        waiting.newsroom.decide("approve", each["id"])
    site_id = waiting.newsroom.site.site_id
    api = waiting.newsroom.api
    api.eventually(lambda: len(logged(waiting, act="approve")) == 3)
    second = logged(waiting, act="approve")[1]

    async def tamper() -> None:
        root = await asyncpg.connect(reader_database)
        change = "UPDATE decisions SET note = 'No.' WHERE site_id = $1 AND decision_id = $2::uuid"
        await root.execute(change, site_id, second["id"])
        await root.close()

    api.aside.run(tamper())
    open_page(moderator, "/moderate/log")
    press(moderator, "#verify")
    said = f"The chain breaks at entry {second['position']}."
    moderator.until("document.getElementById('verified').innerText.includes(arguments[0])", said)
    assert second["id"] in moderator.ask("return document.getElementById('verified').innerText")


def test_an_author_is_banned_for_good_with_what_waits_and_is_public_and_all_is_undone(
    moderator: Moderator, waiting: Waiting
) -> None:
    moderator.sign_in(Role.SENIOR)
    newsroom = waiting.newsroom
    token = newsroom.token_for("Omar K")
    sent = [
        newsroom.api.posted(newsroom.article, f"Of Omar, {n}.", site=newsroom.site, bearer=token)
        for n in range(4)
    ]
    newsroom.decide("approve", sent[0]["id"])
    ref = author_of(waiting, sent[0])
    found(moderator, waiting, f"author:{ref} state:approved", 1)
    open_page(moderator, f"/moderate/authors/{ref}")
    press(moderator, "[data-do=ban]")
    press(moderator, "dialog [value=good]")
    fill(moderator, "#p-told", "You sell things.")
    press(moderator, "#p-also-waiting")
    press(moderator, "#p-also-public")
    fill(moderator, "#p-typed", "omar")
    press(moderator, "dialog button.primary")
    moderator.until("document.querySelector('dialog .error').innerText.includes('not the name')")
    fill(moderator, "#p-typed", "Omar K")
    press(moderator, "dialog button.primary")
    moderator.until("document.getElementById('done-words').innerText.includes('Rejected: 3 of 3')")
    assert [waiting.status(each["id"]) for each in sent] == ["removed", *["rejected"] * 3]
    refused = newsroom.api.post(newsroom.article, "More.", site=newsroom.site, bearer=token)
    assert refused.code == "author_banned"
    press(moderator, "#done-undo")
    moderator.until("document.getElementById('done-words')?.innerText.includes('is undone')")
    assert [waiting.status(each["id"]) for each in sent] == ["approved", *["pending"] * 3]
    assert newsroom.api.post(
        newsroom.article, "More.", site=newsroom.site, bearer=token
    ).status in {
        201,
        202,
    }


def test_a_ban_until_a_day_ends_on_it_and_holds_on_one_site_alone(
    moderator: Moderator, waiting: Waiting
) -> None:
    moderator.sign_in(Role.SENIOR)
    newsroom = waiting.newsroom
    api, other = newsroom.api, newsroom.api.new_site()
    elsewhere = dataclasses.replace(newsroom, site=other, key=api.new_key(other))
    token, there = newsroom.token_for("Omar K"), elsewhere.token_for("Omar K")
    comment = api.posted(newsroom.article, "Of Omar.", site=newsroom.site, bearer=token)
    open_page(moderator, f"/moderate/authors/{author_of(waiting, comment)}")
    press(moderator, "[data-do=ban]")
    press(moderator, "dialog [value=day]")
    moderator.ask("document.getElementById('p-day').value = '2090-01-15'")
    press(moderator, "dialog button.primary")
    moderator.until("document.getElementById('done-words').innerText === 'Banned.'")
    assert str(waiting.whole(comment["id"])["author"]["banned_until"]).startswith("2090-01-15")
    refused = api.post(newsroom.article, "More.", site=newsroom.site, bearer=token)
    assert refused.code == "author_banned"
    assert api.post("story-1", "More.", site=other, bearer=there).status == 202


def test_everything_that_waits_is_rejected_and_put_back_also_after_a_reload(
    moderator: Moderator, waiting: Waiting
) -> None:
    newsroom = waiting.newsroom
    token = newsroom.token_for("Omar K")
    sent = [
        newsroom.api.posted(newsroom.article, f"Of Omar, {n}.", site=newsroom.site, bearer=token)
        for n in range(3)
    ]
    ref = author_of(waiting, sent[0])
    open_page(moderator, f"/moderate/authors/{ref}")
    press(moderator, "[data-do=sweep]")
    press(moderator, "dialog button.primary")
    moderator.until("document.getElementById('done-words').innerText.includes('Rejected: 3 of 3')")
    open_page(moderator, f"/moderate/authors/{ref}", tab="decisions")
    moderator.until("document.getElementById('done-words').innerText.includes('Rejected: 3 of 3')")
    press(moderator, "#done-undo")
    moderator.until("document.getElementById('done-words').innerText.includes('again: 3 of 3')")
    assert {waiting.status(each["id"]) for each in sent} == {"pending"}


def test_an_author_is_muted_warned_noted_and_readmitted(
    moderator: Moderator, waiting: Waiting
) -> None:
    (comment,) = waiting.post("Mine.")
    ref = author_of(waiting, comment)
    open_page(moderator, f"/moderate/authors/{ref}")
    for action, said in (("note", "Known from the spring."), ("warn", "Keep to the subject.")):
        press(moderator, f"[data-do={action}]")
        fill(moderator, "#p-words", said)
        press(moderator, "dialog button.primary")
        moderator.until("document.querySelector('.p-list')?.innerText.includes(arguments[0])", said)
        moderator.until("document.documentElement.dataset.ready")
    press(moderator, "[data-do=mute]")
    press(moderator, "dialog button.primary")
    moderator.until("document.getElementById('done-words').innerText === 'Muted.'")
    open_page(moderator, f"/moderate/authors/{ref}")
    assert "Banned until" in moderator.ask("return document.querySelector('.p-bad').innerText")
    press(moderator, "[data-do=lift]")
    moderator.until("document.querySelector('.p-bad') === null")
    room = waiting.newsroom
    room.api.eventually(lambda: len(logged(waiting, author=ref)) == 4)
    open_page(moderator, f"/moderate/authors/{ref}", tab="log")
    told = moderator.ask("return document.querySelector('.p-log tbody').innerText")
    for act in ("Ban lifted", "Muted", "Warned", "Note added"):
        assert act in told


def test_what_a_role_may_not_do_is_not_offered(moderator: Moderator, waiting: Waiting) -> None:
    (comment,) = waiting.post("Mine.")
    ref = author_of(waiting, comment)
    offered = {}
    for role in (Role.VIEWER, Role.MODERATOR, Role.SENIOR):
        moderator.sign_in(role)
        open_page(moderator, f"/moderate/authors/{ref}")
        offered[role] = set(
            moderator.ask(
                "return [...document.querySelectorAll('[data-do]')].map((each) => each.dataset.do)"
            )
        )
    assert offered[Role.VIEWER] == set()
    assert offered[Role.MODERATOR] == {"note", "warn", "mute", "sweep"}
    assert offered[Role.SENIOR] == offered[Role.MODERATOR] | {"ban", "trusted", "always_hold"}


@pytest.mark.parametrize(
    ("lang", "theme"),
    [("en", "light"), ("en", "contrast"), ("fr", "light"), ("ar", "dark")],
)
def test_every_page_can_be_used_by_everybody(
    moderator: Moderator, waiting: Waiting, lang: str, theme: str
) -> None:
    comments = waiting.post("A word, and another.", "هذا رأي بالعربية")
    waiting.newsroom.decide("reject", comments[0]["id"], "spam")
    moderator.sign_in(Role.ADMIN)
    moderator.prefer(lang, theme)
    ref = author_of(waiting, comments[1])
    waiting.newsroom.api.eventually(lambda: bool(logged(waiting, act="reject")))
    places = {
        "log": "/moderate/log",
        "search": "/moderate/search",
        "author": f"/moderate/authors/{ref}",
        "comment": f"/moderate/comments/{comments[0]['id']}",
    }
    for name, path in places.items():
        for width in (1280, 360):
            moderator.window(width)
            open_page(moderator, path)
            assert moderator.faults() == [], (name, width)
            assert moderator.ask("return document.documentElement.scrollWidth") <= width, name
        moderator.shot(f"people-{name}-{lang}-{theme}")
    assert moderator.complaints() == []
