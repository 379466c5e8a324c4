"""Appeals, from their author to another moderator and back."""

from __future__ import annotations

from typing import Any

import pytest

from service.model import Site
from tests.api.calls import Answer
from tests.api.conftest import Api
from tests.api.people import Person, a_guest


@pytest.fixture
def site(api: Api) -> Site:
    return api.new_site()


@pytest.fixture
def sam(api: Api, site: Site) -> str:
    return api.new_key(site, name="Sam")


@pytest.fixture
def kim(api: Api, site: Site) -> str:
    return api.new_key(site, name="Kim")


def taken(api: Api, author: Person, key: str, *, removed: bool = False) -> dict[str, Any]:
    """Post a comment that a moderator rejects or removes."""
    comment = author.posts(api.article(), "Fine.")
    if removed:
        api.decide("approve", comment["id"], key=key)
    api.decide("remove" if removed else "reject", comment["id"], key=key, reason="abuse")
    return comment


def answer(api: Api, comment_id: str, key: str | None, **wish: Any) -> Answer:
    said = {"grant": True, **wish}
    return api.ask("POST", f"/v1/moderation/appeals/{comment_id}", json=said, bearer=key)


def pile(api: Api, site: Site, key: str) -> list[dict[str, Any]]:
    target = f"/v1/moderation/queue?site={site.slug}&lane=appeals"
    page = api.ask("GET", target, bearer=key).json
    assert page["total"] == len(page["items"])
    items: list[dict[str, Any]] = page["items"]
    return items


def state(author: Person, comment: dict[str, Any]) -> tuple[str, str | None]:
    (own,) = author.me(comment["article"])["comments"]
    return own["status"], own["appeal"] and own["appeal"]["state"]


@pytest.mark.parametrize("removed", [False, True], ids=["rejected", "removed"])
def test_a_granted_appeal_makes_the_comment_public_and_its_author_sees_so(
    api: Api, site: Site, sam: str, kim: str, *, removed: bool
) -> None:
    leila = a_guest(api, site)
    comment = taken(api, leila, sam, removed=removed)
    appealed = leila.appeals(comment["id"], "It was a quotation.")
    assert (appealed.status, appealed.json["appeal"]["state"]) == (201, "open")
    assert state(leila, comment) == ("removed" if removed else "rejected", "open")
    (item,) = pile(api, site, kim)
    assert item["appeal"]["text"] == "It was a quotation."
    assert item["comment"]["text"] == "Fine."
    assert answer(api, comment["id"], sam).code == "own_decision"
    granted = answer(api, comment["id"], kim, note="A quotation indeed.")
    assert granted.json["comment"]["status"] == "approved"
    assert state(leila, comment) == ("approved", "granted")
    assert "A quotation indeed." not in leila.sees(comment["id"]).told
    thread = api.ask("GET", api.thread_of(comment["article"], site=site)).json
    assert [each["id"] for each in thread["comments"]] == [comment["id"]]
    assert pile(api, site, kim) == []
    whole = api.ask("GET", f"/v1/moderation/comments/{comment['id']}", bearer=kim).json
    assert whole["decisions"][-1]["note"] == "A quotation indeed."


def test_a_denied_appeal_leaves_everything_and_is_final(
    api: Api, site: Site, sam: str, kim: str
) -> None:
    leila = a_guest(api, site)
    comment = taken(api, leila, sam)
    leila.appeals(comment["id"])
    assert answer(api, comment["id"], kim, grant=False).json["comment"]["status"] == "rejected"
    assert state(leila, comment) == ("rejected", "denied")
    assert leila.appeals(comment["id"]).code == "already_appealed"
    assert answer(api, comment["id"], kim).code == "appeal_answered"
    assert pile(api, site, sam) == []


def test_who_may_not_appeal_or_answer_is_told_why(api: Api, site: Site, sam: str, kim: str) -> None:
    leila, omar = a_guest(api, site), a_guest(api, site)
    waiting = leila.posts(api.article())
    assert leila.appeals(waiting["id"]).code == "not_appealable"
    comment = taken(api, leila, sam)
    assert omar.appeals(comment["id"]).code == "unknown_comment"
    where = f"/v1/sites/{site.slug}/comments/{comment['id']}/appeal"
    assert api.ask("POST", where, json={"text": "Please."}).status == 401
    assert Person(api, site, sam).appeals(comment["id"]).status == 403
    assert leila.appeals(comment["id"], "").pointers == {"/text": "blank"}
    assert answer(api, comment["id"], kim).code == "appeal_answered"
    assert leila.appeals(comment["id"]).status == 201
    assert leila.appeals(comment["id"]).code == "already_appealed"
    assert answer(api, comment["id"], None).status == 401
    assert answer(api, comment["id"], api.keys["read"]).status == 403
    assert answer(api, comment["id"], api.keys["moderate"]).code == "unknown_comment"
    assert state(leila, comment) == ("rejected", "open")
