"""Reports, from the widget's dialog to the moderators' pile."""

from __future__ import annotations

from typing import Any

import pytest

from service.model import Site
from tests.api.conftest import Api
from tests.api.people import Person, a_guest, a_reader, trust_tokens

NOTICE = {"name": "Omar", "email": "omar@example.org", "good_faith": True}


@pytest.fixture
def site(api: Api) -> Site:
    """A site with empty piles that mints tokens."""
    made = api.new_site()
    trust_tokens(api, made)
    return made


@pytest.fixture
def key(api: Api, site: Site) -> str:
    return api.new_key(site, name="Sam")


def public(api: Api, site: Site, key: str) -> dict[str, Any]:
    comment = a_guest(api, site).posts(api.article())
    api.decide("approve", comment["id"], key=key)
    return comment


def reported(api: Api, site: Site, key: str) -> list[dict[str, Any]]:
    target = f"/v1/moderation/queue?site={site.slug}&lane=reported"
    page = api.ask("GET", target, bearer=key).json
    assert page["total"] == len(page["items"])
    items: list[dict[str, Any]] = page["items"]
    return items


def test_everybody_reports_once_and_is_told_the_same_number_again(
    api: Api, site: Site, key: str
) -> None:
    comment = public(api, site, key)
    guest, reader = a_guest(api, site), a_reader(api, site)
    where = f"/v1/sites/{site.slug}/comments/{comment['id']}/reports"

    def nameless() -> Any:
        return api.ask("POST", where, json={"reason": "hate"})

    first = [guest.reports(comment["id"]), reader.reports(comment["id"]), nameless()]
    assert [each.status for each in first] == [202, 202, 202]
    again = [guest.reports(comment["id"], "hate"), reader.reports(comment["id"]), nameless()]
    assert [each.json for each in again] == [each.json for each in first]
    assert len({each.json["id"] for each in first}) == 3
    (item,) = reported(api, site, key)
    assert item["reports"] == [{"reason": "spam", "count": 2}, {"reason": "hate", "count": 1}]
    assert item["suggested_reason"] == "spam"
    assert (item["comment"]["id"], item["comment"]["status"]) == (comment["id"], "approved")
    assert (item["comment"]["text"], item["lease"]) == ("A comment.", None)


def test_who_may_not_report_is_told_why(api: Api, site: Site, key: str) -> None:
    guest = a_guest(api, site)
    waiting = a_guest(api, site).posts(api.article())
    assert guest.reports(waiting["id"]).code == "unknown_comment"
    comment = public(api, site, key)
    assert guest.reports(comment["id"], "boring").pointers == {"/reason": "unknown_reason"}
    assert guest.reports(comment["id"], text="x" * 2_001).pointers == {"/text": "too_long"}
    assert a_guest(api).reports(comment["id"]).code == "unknown_comment"
    assert Person(api, site, "pbr_wrong").reports(comment["id"]).status == 401
    assert Person(api, site, key).reports(comment["id"]).status == 403
    assert reported(api, site, key) == []


def test_a_notice_of_illegal_content_says_who_gives_it_and_in_good_faith(
    api: Api, site: Site, key: str
) -> None:
    comment, guest = public(api, site, key), a_guest(api, site)
    bare = guest.reports(comment["id"], "illegal")
    assert set(bare.pointers) == {"/text", "/notice/good_faith"}
    nameless = guest.reports(comment["id"], "illegal", text="It is.", notice={"good_faith": True})
    assert set(nameless.pointers) == {"/notice/name", "/notice/email"}
    whole = guest.reports(comment["id"], "illegal", text="It is.", notice=NOTICE)
    assert whole.status == 202
    (item,) = reported(api, site, key)
    assert item["reports"] == [{"reason": "illegal", "count": 1}]


def test_the_threshold_hides_where_the_site_wants_it_and_restoring_answers_all(
    api: Api,
) -> None:
    site = api.new_site(reports_hide=True, reports_threshold=2)
    key = api.new_key(site, name="Sam")
    comment = public(api, site, key)
    thread = api.thread_of(comment["article"], site=site)
    crowd = [a_guest(api, site) for _ in range(2)]
    assert crowd[0].reports(comment["id"]).status == 202
    assert api.ask("GET", thread).json["article"]["count"] == 1
    assert crowd[1].reports(comment["id"]).status == 202
    page = api.ask("GET", thread).json
    assert (page["article"]["count"], page["comments"]) == (0, [])
    (item,) = reported(api, site, key)
    assert (item["comment"]["status"], item["comment"]["text"]) == ("removed", "A comment.")
    whole = api.ask("GET", f"/v1/moderation/comments/{comment['id']}", bearer=key).json
    assert whole["decisions"][-1]["by"] == {"kind": "rule", "name": "reports"}
    api.decide("restore", comment["id"], key=key)
    assert reported(api, site, key) == []
    assert crowd[0].reports(comment["id"]).status == 202
    assert api.ask("GET", thread).json["article"]["count"] == 1


def test_moderators_dismiss_reports_of_their_own_sites_alone(
    api: Api, site: Site, key: str
) -> None:
    comment = public(api, site, key)
    assert a_guest(api, site).reports(comment["id"]).status == 202
    where = f"/v1/moderation/comments/{comment['id']}/reports"
    assert api.ask("DELETE", where).status == 401
    assert api.ask("DELETE", where, bearer=api.keys["read"]).status == 403
    assert api.ask("DELETE", where, bearer=api.keys["moderate"]).code == "unknown_comment"
    assert len(reported(api, site, key)) == 1
    for _ in range(2):
        assert api.ask("DELETE", where, bearer=key).status == 204
    assert reported(api, site, key) == []


def test_the_pile_is_claimed_page_by_page_each_comment_by_one_moderator(
    api: Api, site: Site, key: str
) -> None:
    comments = [public(api, site, key) for _ in range(4)]
    for place, comment in enumerate(comments):
        for _ in range(4 - place):
            assert a_guest(api, site).reports(comment["id"]).status == 202
    target = f"/v1/moderation/queue?site={site.slug}&lane=reported&limit=3"
    first = api.ask("GET", target, bearer=key).json
    second = api.ask("GET", f"{target}&cursor={first['next']}", bearer=key).json
    told = [each["comment"]["id"] for each in first["items"] + second["items"]]
    assert (told, second["next"]) == ([each["id"] for each in comments], None)
    other = api.new_key(site, name="Kim")
    claim = {"site": site.slug, "lane": "reported", "limit": 2}
    handed = []
    for bearer, name in ((key, "Sam"), (other, "Kim"), (key, "Sam")):
        items = api.ask("POST", "/v1/moderation/claims", json=claim, bearer=bearer).json["items"]
        handed += [each["comment"]["id"] for each in items]
        assert {each["lease"]["by"] for each in items} <= {name}
    assert handed == told
    forged = api.ask("GET", f"{target}&cursor=x{first['next']}", bearer=key)
    assert (forged.status, forged.code) == (400, "bad_cursor")
