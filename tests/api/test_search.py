"""Moderators search over HTTP, page by page, and take what they find away as a table."""

from __future__ import annotations

import csv
import http.client
import io
from typing import Any
from urllib.parse import quote

import pytest

from service.model import Scope, Site
from tests.api.calls import Answer, query
from tests.api.conftest import Api

WIDE = ["\uff1d1", "\uff0b1"]
RISKY = [
    *WIDE,
    '=HYPERLINK("http://x")',
    "+1",
    "-1",
    "@SUM(A1)",
    " =1",
    "plain, with a comma",
    'a "b"\nc',
]
BEGIN = "=+-@\uff1d\uff0b"


def search(api: Api, site: Site, key: str, line: str = "", **asked: Any) -> Answer:
    where = f"/v1/moderation/comments{query(site=site.slug, q=line, **asked)}"
    return api.ask("GET", where, bearer=key)


def found(api: Api, site: Site, key: str, line: str = "", **asked: Any) -> list[dict[str, Any]]:
    answer = search(api, site, key, line, **asked)
    assert answer.status == 200, answer.raw
    items: list[dict[str, Any]] = answer.json["items"]
    return items


@pytest.fixture(scope="module")
def searched(api: Api) -> tuple[Site, str, dict[str, str]]:
    """A site with one comment of each state, by its state."""
    site = api.new_site()
    key = api.new_key(site, name="Sam")
    posted = {
        state: api.posted(
            "story",
            f"A comment, {state}.",
            site=site,
            lang="fr" if state == "removed" else "en",
            name=f"Omar {state}",
        )["id"]
        for state in ("pending", "approved", "rejected", "removed")
    }
    api.decide("approve", posted["approved"], posted["removed"], key=key)
    api.decide("reject", posted["rejected"], key=key, reason="spam")
    api.decide("remove", posted["removed"], key=key, reason="abuse")
    for state in posted:
        api.eventually(
            lambda state=state: len(found(api, site, key, f"state:{state}")) == 1  # type: ignore[misc]
        )
    return site, key, posted


def test_a_search_is_over_all_states(api: Api, searched: tuple[Site, str, dict[str, str]]) -> None:
    site, key, posted = searched
    for state, comment_id in posted.items():
        (item,) = found(api, site, key, f'author:"omar {state}" state:{state}')
        assert (item["comment"]["id"], item["comment"]["status"]) == (comment_id, state)
        assert item["comment"]["text"] == f"A comment, {state}."
        assert item["article"]["key"] == "story"
    (item,) = found(api, site, key, "lang:fr")
    assert item["decision"]["action"] == "remove"
    assert item["decision"]["by"] == {"kind": "key", "name": "Sam"}
    assert found(api, site, key, "by:sam reason:spam")[0]["comment"]["status"] == "rejected"
    ref = item["ref"]
    assert [each["ref"] for each in found(api, site, key, f"author:{ref}")] == [ref]


def test_pages_go_on_where_the_one_before_ended(
    api: Api, searched: tuple[Site, str, dict[str, str]]
) -> None:
    site, key, posted = searched
    for sort, expected in (("newest", [*posted.values()][::-1]), ("oldest", [*posted.values()])):
        ids, cursor = [], None
        while True:
            answer = search(api, site, key, "comment", sort=sort, limit=3, cursor=cursor)
            ids += [each["comment"]["id"] for each in answer.json["items"]]
            cursor = answer.json["next"]
            if cursor is None:
                break
        assert ids == expected
    cursor = search(api, site, key, "comment", limit=1).json["next"]
    answer = search(api, site, key, "other", limit=1, cursor=cursor)
    assert (answer.status, answer.code) == (400, "bad_cursor")


def test_a_mistake_is_told_with_its_position(
    api: Api, searched: tuple[Site, str, dict[str, str]]
) -> None:
    site, key, _ = searched
    for line, pointer, code in (
        ("omar colour:red", "/q/5", "unknown_filter"),
        ('omar "and so on', "/q/5", "unclosed_quote"),
        ("state:open", "/q/6", "unknown_value"),
        ("date:soon", "/q/5", "bad_format"),
        ("x" * 501, "/q", "too_long"),
    ):
        answer = search(api, site, key, line)
        assert (answer.status, answer.code) == (422, "validation_failed")
        assert answer.pointers == {pointer: code}
        table = f"/v1/moderation/comments.csv{query(site=site.slug, q=line)}"
        assert api.ask("GET", table, bearer=key).pointers == {pointer: code}


def taken_away(api: Api, site: Site, key: str, line: str = "") -> list[list[str]]:
    """Read a table as a spreadsheet does."""
    connection = http.client.HTTPConnection("127.0.0.1", api.caller.port, timeout=10)
    where = f"/v1/moderation/comments.csv?site={site.slug}&q={quote(line)}"
    connection.request("GET", where, headers={"Authorization": f"Bearer {key}"})
    answer = connection.getresponse()
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="comments.csv"'
    raw = answer.read()
    connection.close()
    assert raw.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))


def test_a_table_has_everything_and_no_cell_is_a_formula(api: Api) -> None:
    site = api.new_site()
    key = api.new_key(site)
    for number, text in enumerate(RISKY):
        api.posted("=story", text, site=site, name=f"=Omar {number}")
    api.eventually(lambda: len(found(api, site, key)) == len(RISKY))
    header, *rows = taken_away(api, site, key)
    assert len(rows) == len(RISKY)
    for row in rows:
        for cell in row:
            assert not cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r")), cell
    texts = {row[header.index("text")] for row in rows}
    assert texts == {f"'{text}" if text.lstrip(" ")[0] in BEGIN else text for text in RISKY}
    assert {row[header.index("article")] for row in rows} == {"'=story"}


def test_a_table_is_longer_than_a_page_and_who_took_it_is_logged(api: Api) -> None:
    site = api.new_site()
    key = api.new_key(site, name="Sam")
    for number in range(130):
        api.posted(f"story-{number % 3}", f"Number {number}.", site=site)
    api.eventually(lambda: len(taken_away(api, site, key, "number -lang:xx")) == 131)
    (*_, last) = taken_away(api, site, key, "number -lang:xx")
    assert last[2] == "pending"
    acts = api.aside.run(
        api.service.members.administration.of_site(site, cursor=None, limit=1)
    ).entries
    act = acts[0].act
    assert (act.act, acts[0].actor_name) == ("comments.exported", "Sam")
    assert act.details == {"filters": ["lang", "text"]}, "never what was searched for"


def test_only_who_moderates_searches_and_only_at_home(api: Api) -> None:
    for path in ("comments", "comments.csv"):
        where = f"/v1/moderation/{path}?site={api.site.slug}"
        for scope in set(Scope) - {Scope.MODERATE}:
            assert api.ask("GET", where, bearer=api.keys[scope]).status == 403
        assert api.ask("GET", where).status == 401
        assert api.ask("GET", where, bearer=api.keys["foreign"]).code == "unknown_site"


def test_what_was_said_a_moment_ago_is_found_within_a_second(api: Api) -> None:
    site = api.new_site()
    key = api.new_key(site)
    comment = api.posted("story", "Just now.", site=site)
    api.eventually(lambda: bool(found(api, site, key, "just")))
    assert found(api, site, key, "just")[0]["comment"] == {
        **found(api, site, key)[0]["comment"],
        "id": comment["id"],
    }
