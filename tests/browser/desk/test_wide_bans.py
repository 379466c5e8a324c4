"""A senior of two sites bans a reader from both, on the page of the author."""

from __future__ import annotations

import pytest

from service.model import Role
from service.wiring.ground import clock
from tests.browser.desk.people import Moderator, Waiting
from tests.browser.desk.test_people import author_of, open_page, press

pytestmark = pytest.mark.browser


def test_a_ban_is_offered_on_the_other_sites_and_said_on_the_page(
    moderator: Moderator, waiting: Waiting
) -> None:
    newsroom = waiting.newsroom
    api, team = newsroom.api, newsroom.api.service.members.team
    moderator.sign_in(Role.SENIOR)
    sam = next(
        each for each in api.aside.run(team.of_site(newsroom.site)) if each.role is Role.SENIOR
    )
    for _ in range(2):
        api.aside.run(team.invite(sam.email, Role.SENIOR, api.new_site(), clock()))
    token = newsroom.token_for("Omar K")
    sent = api.posted(newsroom.article, "Buy now.", site=newsroom.site, bearer=token)
    guest = api.posted(newsroom.article, "A guest's.", site=newsroom.site)

    open_page(moderator, f"/moderate/authors/{author_of(waiting, sent)}")
    press(moderator, "[data-do=ban]")
    moderator.until(
        "document.querySelector('dialog').innerText"
        ".includes('Also on the 2 other sites where you may ban')"
    )
    moderator.shot("author-ban-everywhere")
    press(moderator, "#p-everywhere")
    press(moderator, "dialog button.primary")
    moderator.until("document.getElementById('done-words').innerText.includes('Banned.')")
    ref = author_of(waiting, sent)
    record = api.ask(
        "GET", f"/v1/sites/{newsroom.site.slug}/readers/{ref}", bearer=newsroom.key
    ).json
    assert record["ban"]["everywhere"] is True
    open_page(moderator, f"/moderate/authors/{ref}")
    moderator.until("document.querySelector('.p-title').innerText.includes('Also on other sites')")

    open_page(moderator, f"/moderate/authors/{author_of(waiting, guest)}")
    press(moderator, "[data-do=ban]")
    moderator.until("document.querySelector('dialog .p-lengths')?.checkVisibility()")
    assert moderator.ask("return document.getElementById('p-everywhere')") is None
