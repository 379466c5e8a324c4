"""Staff picks: who may make one, of what, and that readers see it at once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.calls import Answer
from tests.api.conftest import Api


def pick(api: Api, comment: dict[str, Any], *, featured: bool = True, key: str = "all") -> Answer:
    where = f"/v1/moderation/comments/{comment['id']}/featured"
    return api.ask("PUT", where, json={"featured": featured}, bearer=api.keys[key])


def test_readers_see_a_staff_pick_and_no_longer_once_it_is_none(api: Api) -> None:
    article = api.article()
    comment = api.approved(article)
    thread = api.thread_of(article)
    assert api.ask("GET", thread).json["comments"][0]["featured"] is False
    for featured in (True, True, False):
        assert pick(api, comment, featured=featured).status == 204
        shown = api.ask("GET", thread).json["comments"][0]
        assert shown["featured"] is featured


def test_a_pick_is_in_the_log_once(api: Api) -> None:
    comment = api.approved(api.article())
    for _ in range(2):
        assert pick(api, comment).status == 204
    log = f"/v1/sites/{api.site.slug}/audit?act=comment.featured&limit=100"

    def told() -> int:
        entries = api.ask("GET", log, bearer=api.keys["all"]).json["items"]
        return sum(comment["id"] in str(each) for each in entries)

    api.eventually(lambda: told() > 0)
    assert told() == 1


@pytest.mark.parametrize("decided", [None, "reject"])
def test_what_is_not_public_is_no_pick(api: Api, decided: str | None) -> None:
    comment = api.posted(api.article())
    if decided:
        api.decide(decided, comment["id"], reason="spam")
    answer = pick(api, comment)
    assert (answer.status, answer.code) == (409, "not_public")


def test_another_site_s_comment_does_not_exist(api: Api) -> None:
    answer = pick(api, api.approved(api.article()), key="foreign")
    assert (answer.status, answer.code) == (404, "unknown_comment")
