"""Pages of log, search, authors and comments: for whom they are, and what they never show."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID

import pytest
from justhtml import JustHTML

from service.model import Role, Site
from service.web.dashboard.log import GROUPS, OF_ADMINS, act_name
from service.web.dashboard.words import LANGUAGES, tongue
from tests.api.calls import Answer
from tests.api.conftest import Api
from tests.api.insiders import signed_in
from tests.api.log_examples import kept, logged

HOSTILE = '"><img src=x onerror=alert(1)> </script><b>'
SERVICE = Path(__file__).resolve().parents[2] / "service"
NOBODY = "0199f1f0-0000-7000-8000-00000000000a"


def opened(api: Api, path: str, token: str, lang: str = "en", **asked: str) -> Answer:
    """Open a page as a person does."""
    headers = {
        "Sec-Fetch-Dest": "document",
        "Sec-Fetch-Site": "none",
        "Cookie": f"postbag={token}",
        "Accept-Language": lang,
    }
    query = f"?{urlencode(asked)}" if asked else ""
    return api.caller.exchange("GET", path + query, list(headers.items()), None)


@pytest.fixture(scope="module")
def comment(api: Api) -> dict[str, Any]:
    """A rejected comment by somebody with a hostile name, in log and search."""
    made = api.posted(api.article(), f"Look: {HOSTILE}", name=HOSTILE[:40])
    api.decide("reject", made["id"], reason="spam")
    whole = api.ask("GET", f"/v1/moderation/comments/{made['id']}", bearer=api.keys["moderate"])
    ref = whole.json["author"]["ref"]
    for what in ("notes", "warnings"):
        where = f"/v1/sites/{api.site.slug}/readers/{ref}/{what}"
        api.ask("POST", where, json={"text": HOSTILE}, bearer=api.keys["manage"])
    api.eventually(lambda: len(logged(api, author=ref).json["items"]) == 3)
    asked = urlencode({"site": api.site.slug, "q": f"author:{ref}"})
    key = api.keys["moderate"]
    api.eventually(
        lambda: bool(api.ask("GET", f"/v1/moderation/comments?{asked}", bearer=key).json["items"])
    )
    return {**made, "ref": ref}


def pages(comment: dict[str, Any]) -> list[tuple[str, dict[str, str]]]:
    """Return every page about the comment and its author."""
    author = f"/moderate/authors/{comment['ref']}"
    tabs = ("comments", "decisions", "reports", "notes", "alike", "log")
    return [
        ("/moderate/log", {"author": comment["ref"]}),
        ("/moderate/search", {"q": f"author:{comment['ref']}"}),
        (f"/moderate/comments/{comment['id']}", {}),
        *((author, {"tab": tab}) for tab in tabs),
    ]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_pages_are_valid_and_what_readers_wrote_is_text(
    api: Api, comment: dict[str, Any], lang: str
) -> None:
    sam = signed_in(api, Role.ADMIN)
    kept(api, sam, name=HOSTILE[:40], q="<img>")
    for path, asked in pages(comment):
        answer = opened(api, path, sam.token, lang, site=api.site.slug, **asked)
        page = answer.raw.decode()
        assert answer.status == 200, (path, asked)
        JustHTML(page, strict=True)
        assert "<img" not in page, (path, asked)
        assert "<b>" not in page
        assert page.count("<h1") == 1
        assert " style=" not in page


def test_what_is_on_another_site_is_not_there(api: Api, comment: dict[str, Any]) -> None:
    """Told the same as of what there is nowhere."""
    stranger = signed_in(api, Role.ADMIN, api.other).token
    for path, asked in pages(comment):
        assert opened(api, path, stranger, site=api.site.slug, **asked).status == 404, path
    author = f"/moderate/authors/{comment['ref']}"
    assert opened(api, author, stranger, site=api.other.slug).status == 404
    log = opened(api, "/moderate/log", stranger, author=comment["ref"]).raw.decode()
    assert comment["id"] not in log
    search = opened(api, "/moderate/search", stranger, q=f"author:{comment['ref']}").raw.decode()
    assert comment["id"] not in search


def test_what_nobody_has_is_not_found_and_nonsense_finds_nothing(api: Api) -> None:
    sam = signed_in(api, Role.VIEWER).token
    for path in (
        f"/moderate/authors/{NOBODY}",
        "/moderate/authors/x",
        f"/moderate/comments/{NOBODY}",
    ):
        assert opened(api, path, sam).status == 404, path
    for asked in ({"comment": "x"}, {"author": "x"}, {"by": "nobody at all"}, {"act": "x.y"}):
        page = opened(api, "/moderate/log", sam, site=api.site.slug, **asked)
        assert (page.status, b"<tr id=" in page.raw) == (200, False), asked
    for asked in ({"since": "soon"}, {"kind": "x"}, {"until": "9999-12-31"}):
        assert opened(api, "/moderate/log", sam, site=api.site.slug, **asked).status == 200
    assert opened(api, "/moderate/log", sam, cursor="forged").status == 400


def test_whoever_signs_in_comes_back_to_the_same_search(api: Api) -> None:
    asked = {"site": api.site.slug, "q": "author:omar state:any"}
    answer = opened(api, "/moderate/search", "", **asked)
    assert answer.status == 303
    following = quote(f"/moderate/search?{urlencode(asked)}", safe="/")
    assert answer.headers["Location"] == f"/moderate/sign-in?next={following}"


def test_each_role_is_offered_what_it_may_do(api: Api, comment: dict[str, Any]) -> None:
    offers = {
        "data-reverse": ("/moderate/log", {"author": comment["ref"]}, Role.MODERATOR),
        'id="verify"': ("/moderate/log", {}, Role.VIEWER),
        "audit.csv": ("/moderate/log", {}, Role.SENIOR),
        "comments.csv": ("/moderate/search", {"q": f"author:{comment['ref']}"}, Role.SENIOR),
        "p-select": ("/moderate/search", {"q": f"author:{comment['ref']}"}, Role.MODERATOR),
        'data-do="warn"': (f"/moderate/authors/{comment['ref']}", {}, Role.MODERATOR),
        'data-do="ban"': (f"/moderate/authors/{comment['ref']}", {}, Role.SENIOR),
    }
    for role in Role:
        token = signed_in(api, role).token
        for offer, (path, asked, least) in offers.items():
            page = opened(api, path, token, site=api.site.slug, **asked).raw.decode()
            assert (offer in page) is role.includes(least), (role, offer)


def test_escalated_comments_are_for_seniors_alone(api: Api) -> None:
    made = api.posted(api.article(), "Hard to say.")
    api.decide("escalate", made["id"])
    where = f"/moderate/comments/{made['id']}"
    for role, status in ((Role.MODERATOR, 404), (Role.SENIOR, 200)):
        assert opened(api, where, signed_in(api, role).token).status == status


def test_a_mistake_is_told_in_every_language(api: Api) -> None:
    sam = signed_in(api, Role.VIEWER).token
    lines = (
        "colour:red",
        "state:open",
        '"open',
        '"a"b',
        "lang:",
        "date:soon",
        " ".join(["x"] * 21),
        "site:elsewhere",
    )
    for lang in LANGUAGES:
        for line in lines:
            answer = opened(api, "/moderate/search", sam, lang, site=api.site.slug, q=line)
            assert answer.status == 200, line
            assert b'id="mistake"' in answer.raw, line


def test_accounts_alike_are_those_of_the_same_name_or_address(api: Api) -> None:
    site = api.new_site()
    key = api.new_key(site)
    names = ("Omar Karim", "omar karim", "Omar", "Leila")
    refs = [_ref(api, site, key, name, number) for number, name in enumerate(names)]
    where = urlencode({"site": site.slug})
    api.eventually(
        lambda: (
            len(api.ask("GET", f"/v1/moderation/comments?{where}", bearer=key).json["items"])
            == len(names)
        )
    )
    found = api.aside.run(api.service.log.dossiers.alike(site, UUID(refs[0])))
    same = {str(each.author_id): set(each.same) for each in found}
    assert "name" in same[refs[1]]
    assert all("name" not in same.get(each, set()) for each in refs[2:])
    token = signed_in(api, Role.VIEWER, site).token
    path = f"/moderate/authors/{refs[0]}"
    page = opened(api, path, token, site=site.slug, tab="alike").raw.decode()
    assert refs[1] in page


def test_reports_on_and_by_an_author_are_told_apart(api: Api) -> None:
    approved = api.approved(api.article(), "Reported.")
    where = f"/v1/sites/{api.site.slug}/comments/{approved['id']}/reports"
    json = {"reason": "spam", "text": "It sells pills."}
    assert api.ask("POST", where, json=json, bearer=api.receipt).status == 202
    whole = api.ask("GET", f"/v1/moderation/comments/{approved['id']}", bearer=api.keys["moderate"])
    ref = whole.json["author"]["ref"]
    (report,) = api.aside.run(api.service.log.dossiers.reports(api.site, UUID(ref)))
    assert (report.made, report.text, report.upheld) == (False, "It sells pills.", False)


def _ref(api: Api, site: Site, key: str, name: str, number: int) -> str:
    made = api.posted(f"story-{number}", f"Of {name}.", site=site, name=name)
    whole = api.ask("GET", f"/v1/moderation/comments/{made['id']}", bearer=key)
    return str(whole.json["author"]["ref"])


def test_every_act_of_the_service_has_words_in_the_log() -> None:
    """What has none is shown as it is written, which is nobody's language."""
    sources = [path.read_text("utf-8") for path in (SERVICE / "features").rglob("*.py")]
    sources += [path.read_text("utf-8") for path in (SERVICE / "web").glob("*.py")]
    written = "\n".join(sources)
    noted = r"""(?:\.by\(|_act\(|act=)\s*(?:[\w.]+,\s*)?"([a-z_]+\.[a-z_]+)"""
    acts = set(re.findall(noted, written))
    assert {"reader.warned", "settings.changed", "rule.saved", "rule.demoted"} <= acts
    chosen = set(chain(*GROUPS.values(), *OF_ADMINS.values())) | acts
    for lang in LANGUAGES:
        for act in chosen:
            assert act_name(act, tongue(lang)) != act, (lang, act)
