"""Examples of what the newsroom asks about its models, for the tests of the contract."""

from __future__ import annotations

import random
from datetime import timedelta
from functools import cache

from service.features.learning.lesson import lesson_of
from service.features.learning.report import Learnt, study
from service.model import Site
from service.storage.learning import LearningStore, Version
from service.wiring.ground import clock
from tests.api.calls import Answer
from tests.api.conftest import Api
from tests.features.learning.test_model import lesson_rows


@cache
def learnt() -> Learnt:
    """What one lesson made."""
    return study(lesson_of("abuse", lesson_rows(320)), before=None, current=None)


def with_models(api: Api) -> tuple[Site, str]:
    """Return a site of its own with two versions of a model, and a key."""
    site = api.new_site()
    learn(api, site)
    return site, api.new_key(site)


def learn(api: Api, site: Site) -> None:
    """Give a site two versions of a model, the newer one in use."""
    store = LearningStore(pool=api.service.ground.pool)
    for days in (2, 1):
        at = clock() - timedelta(days=days)
        version = Version(
            kind="abuse",
            version=0,
            state="current",
            trained_at=at,
            decisions=320,
            violations=107,
            moderators=3,
            figures={**learnt().figures, "refused": []},
            stated_at=at,
        )
        api.aside.run(
            store.keep(
                site.site_id,
                version,
                weights=learnt().weights,
                sha256=learnt().sha256,
                kept=10,
            )
        )


def read_models(api: Api) -> Answer:
    site, key = with_models(api)
    return api.ask("GET", f"/v1/sites/{site.slug}/models", bearer=key)


def promote_model(api: Api) -> Answer:
    site, key = with_models(api)
    where = f"/v1/sites/{site.slug}/models/abuse/promote"
    return api.ask("POST", where, bearer=key, json={"version": 1})


def allow_model_approval(api: Api) -> Answer:
    site, key = with_models(api)
    where = f"/v1/sites/{site.slug}/models/abuse/approval"
    return api.ask("PUT", where, bearer=key, json={"approves": False})


def refit_model(api: Api) -> Answer:
    site, key = with_models(api)
    return api.ask("POST", f"/v1/sites/{site.slug}/models/abuse/refit", bearer=key)


def explain_comment(api: Api) -> Answer:
    site, key = with_models(api)
    text = f"You stupid liar, go away, {random.Random(1).random()}"  # noqa: S311 - no secret
    comment_id = api.posted("story", text, site=site)["id"]
    where = f"/v1/moderation/comments/{comment_id}/explanation"
    api.eventually(lambda: bool(api.ask("GET", where, bearer=key).json["items"]))
    return api.ask("GET", where, bearer=key)


LEARNING_EXAMPLES = (
    read_models,
    promote_model,
    allow_model_approval,
    refit_model,
    explain_comment,
)
