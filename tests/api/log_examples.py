"""Examples of what is asked of the log, and of kept searches, for the tests of the contract."""

from __future__ import annotations

from typing import Any

from service.model import Role
from tests.api.calls import Answer, query
from tests.api.conftest import Api
from tests.api.insiders import Insider, signed_in


def logged(api: Api, *, bearer: str | None = None, what: str = "", **asked: Any) -> Answer:
    """Ask for the log of the site, or for something below it."""
    where = f"/v1/sites/{api.site.slug}/audit{what}{query(**asked)}"
    return api.ask("GET", where, bearer=bearer or api.keys["manage"])


def decided(api: Api) -> str:
    """Remove a comment; return its id, once the log has both decisions."""
    comment_id = api.approved(api.article())["id"]
    api.decide("remove", comment_id, reason="spam")
    api.eventually(lambda: len(logged(api, comment=comment_id).json["items"]) == 2)
    return str(comment_id)


def read_log(api: Api) -> Answer:
    return logged(api, comment=decided(api))


def export_log(api: Api) -> Answer:
    return logged(api, what=".csv", comment=decided(api))


def verify_log(api: Api) -> Answer:
    decided(api)
    return logged(api, what="/verification")


def kept(api: Api, who: Insider, **said: Any) -> Answer:
    """Keep a search."""
    json = {"name": "Links", "q": "rule:links", "sort": "oldest", **said}
    return api.ask("POST", f"/v1/sites/{api.site.slug}/searches", json=json, bearer=who.token)


def keep_search(api: Api) -> Answer:
    return kept(api, signed_in(api, Role.VIEWER))


def list_searches(api: Api) -> Answer:
    sam = signed_in(api, Role.VIEWER)
    kept(api, sam)
    return api.ask("GET", f"/v1/sites/{api.site.slug}/searches", bearer=sam.token)


def forget_search(api: Api) -> Answer:
    sam = signed_in(api, Role.VIEWER)
    search_id = kept(api, sam).json["search_id"]
    where = f"/v1/sites/{api.site.slug}/searches/{search_id}"
    return api.ask("DELETE", where, bearer=sam.token)


LOG_EXAMPLES = (
    read_log,
    export_log,
    verify_log,
    keep_search,
    list_searches,
    forget_search,
)
