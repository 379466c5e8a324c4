"""The page of the queue as it is answered: who sees it, in which language, how large, how soon."""

from __future__ import annotations

import gzip
import itertools
import re
import tomllib
from collections.abc import Iterator
from html import unescape
from http.client import HTTPConnection
from importlib import resources
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest

from service.embedded import EmbeddedStores
from service.features.wishes import Wish
from service.model import Role
from service.web.dashboard import files
from service.web.dashboard.keys import FACES, GROUPS, KEYS
from service.web.dashboard.queue import pieces
from service.web.dashboard.words import LANGUAGES
from service.web.wishes import wish_json
from tests.api.aside import Aside, aside
from tests.api.conftest import Api, opened
from tests.api.insiders import signed_in
from tests.conftest import FreshDatabase, emptied, redis_of

ROOT = Path(__file__).resolve().parents[2]
FIRST_SCREEN_BYTES = 40 * 1024
"""JavaScript of the first screen, gzipped (ux.md)."""
FORBIDDEN = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|"
    r"createContextualFragment|DOMParser|setHTML|javascript:"
)
IMPORT = re.compile(r"^import .*?from '([^']+)'", re.MULTILINE)


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Aside]:
    """Where the service runs."""
    with aside() as other:
        yield other


@pytest.fixture(scope="module")
async def queue_database(fresh_database: FreshDatabase, template_database: str) -> str:
    """One database for all of these tests."""
    return await fresh_database(template_database)


@pytest.fixture(scope="module")
def api(elsewhere: Aside, stores: EmbeddedStores, queue_database: str) -> Iterator[Api]:
    """The service."""
    redis_url = emptied(redis_of("dashboard", beside=stores.endpoints.redis_url))
    with opened(elsewhere, queue_database, redis_url, rate_limits=False, loops=True) as running:
        running.numbers = itertools.count(70_000)  # Redis is shared: no other test has these sites
        running.site = running.new_site()
        running.other = running.new_site()
        running.keys["all"] = running.new_key(running.site)
        yield running


def shown(
    api: Api, token: str | None, query: str = "", headers: dict[str, str] | None = None
) -> tuple[int, str, Any]:
    """Ask for the page as a browser does; return status, page and headers."""
    line = HTTPConnection("127.0.0.1", api.caller.port, timeout=10)
    said = {"Sec-Fetch-Site": "none", **(headers or {})}
    if token:
        said["Cookie"] = f"postbag={token}" + (
            f"; {said.pop('Cookie')}" if "Cookie" in said else ""
        )
    try:
        line.request("GET", f"/moderate/{query}", headers=said)
        answer = line.getresponse()
        return answer.status, answer.read().decode(), answer.headers
    finally:
        line.close()


def told(page: str) -> Any:
    """Return what a page tells its modules."""
    found = re.search(r'<meta name="postbag:page" content="([^"]*)"', page)
    assert found is not None
    return orjson.loads(unescape(found[1]))


def test_whoever_is_not_signed_in_is_led_to_where_they_can(api: Api) -> None:
    status, _, headers = shown(api, None)
    assert status == 303
    assert headers["Location"].startswith("/moderate/sign-in")


@pytest.mark.parametrize("role", Role)
def test_every_role_sees_the_queue_and_viewers_have_no_buttons(api: Api, role: Role) -> None:
    api.posted(api.article(), "Waiting.")
    status, page, _ = shown(api, signed_in(api, role).token)
    assert status == 200
    assert "Waiting." in page
    assert ('data-act="approve"' in page) is (role is not Role.VIEWER)
    assert told(page)["queue"]["decides"] is (role is not Role.VIEWER)
    assert told(page)["queue"]["senior"] is role.includes(Role.SENIOR)


def test_the_queue_of_a_site_where_one_has_no_role_does_not_exist(api: Api) -> None:
    token = signed_in(api, Role.ADMIN).token
    foreign = shown(api, token, f"?site={api.other.slug}")
    nowhere = shown(api, token, "?site=nowhere")
    assert (foreign[0], nowhere[0]) == (404, 404)


def test_an_address_that_means_nothing_shows_the_first_pile(api: Api) -> None:
    query = f"?site={api.site.slug}&lane=moon&sort=best&filter=%20%20&who=knows"
    status, page, _ = shown(api, signed_in(api, Role.MODERATOR).token, query)
    assert status == 200
    queue = told(page)["queue"]
    assert (queue["lane"], queue["sort"], queue["filter"]) == ("held", "priority", "")


def test_the_words_of_the_filter_search_the_texts_on_the_server(api: Api) -> None:
    api.posted(api.article(), "A lighthouse keeper.")
    api.posted(api.article(), "Somebody else.")
    token = signed_in(api, Role.MODERATOR).token

    def found() -> list[str]:
        page = shown(api, token, "?filter=lighthouse+author:new")[1]
        return [each["comment"]["text"] for each in told(page)["queue"]["page"]["items"]]

    api.eventually(lambda: found() == ["A lighthouse keeper."])


@pytest.mark.parametrize(("lang", "direction"), [("en", "ltr"), ("fr", "ltr"), ("ar", "rtl")])
def test_the_page_speaks_the_language_that_was_chosen(api: Api, lang: str, direction: str) -> None:
    token = signed_in(api, Role.MODERATOR).token
    _, page, _ = shown(api, token, headers={"Cookie": f"postbag-view={lang}.dark"})
    assert f'<html lang="{lang}" dir="{direction}" data-theme="dark">' in page
    assert catalogue(lang)["queue_approve"] in page


def test_a_filter_that_names_a_lane_and_a_site_leads_there(api: Api) -> None:
    token = signed_in(api, Role.MODERATOR).token
    query = f"?filter=lane:new+site:{api.site.slug}+-lang:fr+%22two+words%22"
    queue = told(shown(api, token, query)[1])["queue"]
    assert (queue["lane"], queue["filter"]) == ("new", '-lang:fr "two words"')
    assert shown(api, token, f"?filter=site:{api.other.slug}")[0] == 404


def test_what_is_likely_turned_down_is_masked_whole_for_whoever_wants(api: Api) -> None:
    insider = signed_in(api, Role.MODERATOR)
    wishes = {**wish_json(Wish()), "mask_all": True}
    kept = api.ask("PUT", "/v1/session/wishes", json=wishes, bearer=insider.token)
    assert kept.json == wishes
    assert told(shown(api, insider.token)[1])["queue"]["wishes"] == wishes


def test_texts_of_readers_stay_text(api: Api) -> None:
    hostile = '<script>alert(1)</script><img src=x onerror="alert(1)">'
    api.posted(api.article(), hostile, name='"><b>x')
    _, page, _ = shown(api, signed_in(api, Role.MODERATOR).token)
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "<b>x" not in page


def test_the_page_runs_nothing_inline_under_a_strict_policy(api: Api) -> None:
    _, page, headers = shown(api, signed_in(api, Role.MODERATOR).token)
    policy = headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<[^>]+\s(on\w+|style)=", re.sub(r"<meta[^>]*>", "", page))
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", page))
    assert headers["Cache-Control"] == "private, no-store"


def modules() -> dict[str, str]:
    """Return the queue's own modules, by name."""
    return {
        each.relative_to(files.FOLDER).as_posix(): each.read_text()
        for each in sorted((files.FOLDER / "queue").glob("*.js"))
    }


def test_no_module_makes_markup_of_text() -> None:
    for name, source in modules().items():
        assert not FORBIDDEN.search(source), name


def first_screen(*starts: str) -> set[str]:
    """Return modules with all that they import at once."""
    seen: set[str] = set()
    left = [*starts]
    while left:
        name = left.pop()
        if name in seen:
            continue
        seen.add(name)
        path = files.FOLDER / name
        left += [
            (path.parent / each).resolve().relative_to(files.FOLDER).as_posix()
            for each in IMPORT.findall(path.read_text())
        ]
    return seen


def test_the_first_screen_is_small_and_leaves_out_what_is_needed_now_and_then() -> None:
    names = first_screen("queue/main.js", "queue/alerts.js", "frame.js")
    assert "queue/decide.js" in names
    assert "queue/dialogs.js" not in names
    size = sum(len(gzip.compress((files.FOLDER / each).read_bytes(), 9)) for each in names)
    assert size < FIRST_SCREEN_BYTES


def test_what_the_modules_import_is_fetched_with_the_page(api: Api) -> None:
    _, page, _ = shown(api, signed_in(api, Role.MODERATOR).token)
    linked = set(re.findall(r"/moderate/static/[0-9a-f]+/(queue/\w+\.js)", page))
    asked = first_screen("queue/main.js", "queue/alerts.js")
    assert linked == {each for each in asked if each.startswith("queue/")}


def catalogue(lang: str, part: str = "queue") -> dict[str, Any]:
    """Return the phrases of the queue, or of another part."""
    folder = resources.files("service") / "templates" / "dashboard" / "words" / lang
    return tomllib.loads((folder / f"{part}.toml").read_text())


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_key_reason_and_phrase_has_words(lang: str) -> None:
    script = catalogue(lang)["script"]
    assert {f"key_{each.action}" for each in KEYS} <= script.keys()
    assert {f"group_{each}" for each in GROUPS} <= script.keys()
    said = set(re.findall(r"\bsay\('(\w+)'", "\n".join(modules().values())))
    others = (catalogue(lang, part)["script"].keys() for part in ("frame", "alerts"))
    assert said <= set(script).union(*others)


def test_no_key_means_two_things() -> None:
    keys = [key for each in KEYS for key in each.keys]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize(
    ("why", "expected"),
    [
        ([], [("", "You fool, see x")]),
        ([("links", 14, 15)], [("", "You fool, see "), ("mark", "x")]),
        ([("insults", 4, 8)], [("", "You "), ("mask", "f•••"), ("", ", see x")]),
        ([("insults", 4, 8), ("links", 4, 8)], [("", "You "), ("mask", "f•••"), ("", ", see x")]),
        ([("links", 14, 99)], [("", "You fool, see "), ("mark", "x")]),
    ],
)
def test_texts_are_cut_where_rules_marked_them(
    why: list[tuple[str, int, int]], expected: list[tuple[str, str]]
) -> None:
    signals = [{"rule": rule, "spans": [[start, end]]} for rule, start, end in why]
    assert pieces("You fool, see x", signals, masks=True) == expected
    unmasked = pieces("You fool, see x", signals, masks=False)
    assert "".join(said for _, said in unmasked) == "You fool, see x"


def test_of_nothing_there_are_no_pieces() -> None:
    assert pieces("", [{"rule": "links", "spans": [[0, 3]]}], masks=True) == []


def manual_keys() -> str:
    """Write the table of the manual."""
    script = catalogue("en")["script"]
    lines = []
    for group in GROUPS:
        lines += [f"### {script[f'group_{group}']}", "", "| Key | What it does |", "|---|---|"]
        for each in KEYS:
            if each.group == group:
                faces = [
                    " ".join(f"`{FACES.get(part, part)}`" for part in key.split(" "))
                    for key in each.keys
                ]
                lines.append(f"| {' or '.join(faces)} | {script[f'key_{each.action}']} |")
        lines.append("")
    return "\n".join(lines)


def test_the_manual_has_the_table_of_keys() -> None:
    manual = (ROOT / "docs" / "moderating.md").read_text()
    block = manual.partition("<!-- keys -->\n")[2].partition("<!-- end of keys -->")[0]
    assert block.strip() == manual_keys().strip()


def test_only_these_comments_are_claimed_and_only_while_nobody_holds_them(api: Api) -> None:
    site = api.new_site()
    wanted, other = (api.posted(api.article(), text, site=site) for text in ("One.", "Two."))
    first, second = (signed_in(api, Role.MODERATOR, site).token for _ in range(2))

    def claimed(token: str, *ids: str) -> list[str]:
        json = {"site": site.slug, "limit": 5, "comment_ids": list(ids)}
        answer = api.ask("POST", "/v1/moderation/claims", json=json, bearer=token)
        assert answer.status == 200, answer.raw
        return [each["comment"]["id"] for each in answer.json["items"]]

    assert claimed(first, wanted["id"], str(uuid4())) == [wanted["id"]]
    assert claimed(second, wanted["id"], other["id"]) == [other["id"]]


def test_what_was_escalated_is_claimed_by_seniors_alone(api: Api) -> None:
    site = api.new_site()
    comment = api.posted(api.article(), "Hard.", site=site)
    api.decide("escalate", comment["id"], key=api.new_key(site))
    for role, expected in ((Role.MODERATOR, []), (Role.SENIOR, [comment["id"]])):
        json = {"site": site.slug, "comment_ids": [comment["id"]]}
        token = signed_in(api, role, site).token
        answer = api.ask("POST", "/v1/moderation/claims", json=json, bearer=token)
        assert [each["comment"]["id"] for each in answer.json["items"]] == expected
