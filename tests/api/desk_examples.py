"""Examples of what the newsroom asks about authors, for the tests of the contract."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from service.model import Site
from tests.api.calls import Answer
from tests.api.conftest import Api


def met(api: Api) -> tuple[str, str]:
    """Let a guest post; return their ref and their receipt."""
    answer = api.post(api.article(), "Mine.")
    whole = f"/v1/moderation/comments/{answer.json['comment']['id']}"
    ref = api.ask("GET", whole, bearer=api.keys["moderate"]).json["author"]["ref"]
    return ref, answer.json["receipt"]


def about(api: Api, ref: str, method: str = "GET", what: str = "", **said: Any) -> Answer:
    """Ask about an author."""
    where = f"/v1/sites/{api.site.slug}/readers/{ref}{what}"
    return api.ask(method, where, bearer=api.keys["manage"], **said)


def read_reader(api: Api) -> Answer:
    ref, _ = met(api)
    about(api, ref, "POST", "/notes", json={"text": "Known."})
    about(api, ref, "POST", "/warnings", json={"text": "Be kind."})
    return about(api, ref)


def rule_on_reader(api: Api) -> Answer:
    ban = {"until": "2090-01-01T00:00:00.000Z", "reason": "Please calm down."}
    json = {"ban": ban, "trusted": True, "always_hold": True}
    return about(api, met(api)[0], "PUT", json=json)


def add_note(api: Api) -> Answer:
    return about(api, met(api)[0], "POST", "/notes", json={"text": "Known."})


def warn_reader(api: Api) -> Answer:
    return about(api, met(api)[0], "POST", "/warnings", json={"text": "Be kind."})


def acknowledge_warning(api: Api) -> Answer:
    ref, receipt = met(api)
    warning = about(api, ref, "POST", "/warnings", json={"text": "Be kind."}).json["id"]
    where = f"/v1/sites/{api.site.slug}/warnings/{warning}/acknowledge"
    return api.ask("POST", where, bearer=receipt)


def export_reader(api: Api) -> Answer:
    return about(api, met(api)[0], what="/export")


def erase_reader(api: Api) -> Answer:
    return about(api, met(api)[0], "DELETE")


def reject_all_waiting(api: Api) -> Answer:
    json = {"reason": "spam", "note": "A flood.", "operation_id": str(uuid4())}
    return about(api, met(api)[0], "POST", "/rejections", json=json)


def read_rejection(api: Api) -> Answer:
    return _rejection(api, "GET", "")


def undo_rejection(api: Api) -> Answer:
    return _rejection(api, "POST", "/undo")


def _rejection(api: Api, method: str, what: str) -> Answer:
    operation_id = reject_all_waiting(api).json["id"]
    where = f"/v1/sites/{api.site.slug}/rejections/{operation_id}{what}"
    return api.ask(method, where, bearer=api.keys["manage"])


def listen_at_desk(api: Api) -> Answer:
    where = f"/v1/moderation/events?site={api.site.slug}"
    return api.ask("GET", where, bearer=api.keys["moderate"])


def search_comments(api: Api) -> Answer:
    """One of each kind: waiting, public, rejected."""
    site, key = _searched(api)
    return api.ask("GET", f"/v1/moderation/comments?site={site.slug}&limit=2", bearer=key)


def export_comments(api: Api) -> Answer:
    site, key = _searched(api)
    return api.ask("GET", f"/v1/moderation/comments.csv?site={site.slug}&q=word", bearer=key)


def _searched(api: Api) -> tuple[Site, str]:
    site = api.new_site()
    key = api.new_key(site)
    ids = [api.posted("story", f"A word, {n}.", site=site)["id"] for n in range(3)]
    api.decide("approve", ids[0], key=key)
    api.decide("reject", ids[1], key=key, reason="spam")
    where = f"/v1/moderation/comments?site={site.slug}&q=-state:pending"
    api.eventually(lambda: len(api.ask("GET", where, bearer=key).json["items"]) == 2)
    return site, key


DESK_EXAMPLES = (
    search_comments,
    export_comments,
    listen_at_desk,
    read_reader,
    rule_on_reader,
    add_note,
    export_reader,
    erase_reader,
    warn_reader,
    acknowledge_warning,
    reject_all_waiting,
    read_rejection,
    undo_rejection,
)
