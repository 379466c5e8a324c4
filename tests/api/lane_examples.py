"""Examples of what moderators say in the lanes `new` and `check`, for the tests of the contract."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from service.model import Mode, article_id
from service.storage.checks import CheckStore, Sampled
from service.wiring.ground import clock
from tests.api.calls import Answer
from tests.api.conftest import Api
from tests.api.insiders import signed_in


def mark_seen(api: Api) -> Answer:
    site = api.new_site(mode=Mode.POST)
    comment = api.post("story", site=site).json["comment"]
    json = {"comment_ids": [comment["id"]]}
    return api.ask("POST", "/v1/moderation/seen", json=json, bearer=api.new_key(site))


def check_decision(api: Api) -> Answer:
    article = api.article()
    comment = api.approved(article)
    sampled = Sampled(
        article_id=article_id(api.site.site_id, article),
        comment_id=UUID(comment["id"]),
        n=1,
        decided_by="rule",
        decider_id="screening",
        verdict="approve",
        at=clock(),
    )
    store = CheckStore(pool=api.service.ground.pool)
    api.aside.run(store.add(api.site.site_id, [sampled]))
    where = f"/v1/moderation/checks/{comment['id']}"
    return api.ask("POST", where, json={"verdict": "approve"}, bearer=api.keys["moderate"])


def withdraw_check(api: Api) -> Answer:
    return api.ask("DELETE", check_decision(api).target, bearer=api.keys["moderate"])


def read_agreement(api: Api) -> Answer:
    check_decision(api)
    where = (
        f"/v1/moderation/checks?site={api.site.slug}&from={clock().date() - timedelta(days=365)}"
    )
    return api.ask("GET", where, bearer=api.keys["moderate"])


def read_pace(api: Api) -> Answer:
    comment = api.posted(api.article())
    api.decide("approve", comment["id"])
    where = f"/v1/moderation/pace?site={api.site.slug}"
    answer = api.ask("GET", where, bearer=api.keys["moderate"])
    assert (answer.json["decided"] >= 1, answer.json["median_minutes"] >= 1) == (True, True)
    return answer


def feature_comment(api: Api) -> Answer:
    comment = api.approved(api.article())
    where = f"/v1/moderation/comments/{comment['id']}/featured"
    return api.ask("PUT", where, json={"featured": True}, bearer=api.keys["moderate"])


def read_wishes(api: Api) -> Answer:
    return api.ask("GET", "/v1/session/wishes", bearer=signed_in(api).token)


def keep_wishes(api: Api) -> Answer:
    token = signed_in(api).token
    usual = api.ask("GET", "/v1/session/wishes", bearer=token).json
    wishes = {**usual, "size": "large", "keys": {"approve": "y"}}
    answer = api.ask("PUT", "/v1/session/wishes", json=wishes, bearer=token)
    assert api.ask("GET", "/v1/session/wishes", bearer=token).json == wishes
    return answer


LANE_EXAMPLES = (
    mark_seen,
    check_decision,
    withdraw_check,
    read_agreement,
    read_pace,
    feature_comment,
    read_wishes,
    keep_wishes,
)
