"""What was lost with Redis, over HTTP: who is told, and who takes note."""

from __future__ import annotations

import pytest

from service.model import Role, Site
from tests.api.conftest import Api
from tests.api.insiders import Insider, signed_in
from tests.api.loss_examples import lost


def told(api: Api, who: Insider) -> list[tuple[str, str, int]]:
    answer = api.ask("GET", "/v1/moderation/losses", bearer=who.token)
    assert answer.status == 200
    return [(each["site"], each["loss"], each["lost_at_most"]) for each in answer.json["items"]]


def take_note(api: Api, who: Insider, site: Site, loss: str = "7") -> int:
    where = f"/v1/sites/{site.slug}/losses/{loss}/acknowledgement"
    return api.ask("POST", where, bearer=who.token).status


def test_editors_are_told_of_their_own_sites_until_one_has_taken_note(api: Api) -> None:
    site, other = api.new_site(), api.new_site()
    for each in (site, other):
        lost(api, each)
    sam, kim = signed_in(api, Role.EDITOR, site), signed_in(api, Role.ADMIN, site)
    senior = signed_in(api, Role.SENIOR, site)
    assert told(api, sam) == told(api, kim) == [(site.slug, "7", 2)]
    assert told(api, senior) == []
    assert take_note(api, senior, site) == 403
    assert take_note(api, sam, other) == 404
    assert take_note(api, sam, site) == 204
    assert take_note(api, kim, site) == 204, "it may be repeated"
    assert told(api, sam) == told(api, kim) == []


@pytest.mark.parametrize("loss", ["8", "x", "-1", "9" * 30, "%D9%A7"])
def test_what_was_no_loss_cannot_be_taken_note_of(api: Api, loss: str) -> None:
    site = api.new_site()
    lost(api, site)
    assert take_note(api, signed_in(api, Role.EDITOR, site), site, loss) == 404
