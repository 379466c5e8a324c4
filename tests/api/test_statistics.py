"""The statistics over HTTP: as JSON, as a table, and as a page whose plots are its tables."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from justhtml import JustHTML

from service.model import Role, Scope, Site
from service.web.dashboard import words
from service.web.wire.statistics import StatsOut
from service.wiring.ground import clock
from tests.api.calls import Answer, query
from tests.api.conftest import Api
from tests.api.insiders import OWN_PAGE, Insider, signed_in
from tests.api.test_dashboard import ask
from tests.pages.parsed import Parsed

STATS = "/v1/moderation/stats"
RISKY = "=1+1"
"""What a key is called: a spreadsheet would reckon it out."""


@pytest.fixture(scope="module")
def counted(api: Api) -> tuple[Site, str]:
    """A site where a key approved 21 comments and rejected 3, and one waits."""
    site = api.new_site()
    key = api.new_key(site, name=RISKY)
    ids = [
        api.posted("story", f"Comment {number}.", site=site, lang=["en", "ar"][number % 2])["id"]
        for number in range(25)
    ]
    api.decide("approve", *ids[:21], key=key)
    api.decide("reject", *ids[21:24], key=key, reason="spam")
    # What waits is counted in the journal, which follows within half a second.
    api.eventually(lambda: stats(api, key).json["queue"]["waiting"] == 1)
    return site, key


def stats(api: Api, key: str, **asked: Any) -> Answer:
    return api.ask("GET", f"{STATS}{query(**asked)}", bearer=key)


def as_member(api: Api, member: Insider, target: str) -> Answer:
    said = {"Cookie": f"postbag={member.token}", **OWN_PAGE}
    return api.caller.exchange("GET", target, list(said.items()), None)


def shown_page(api: Api, member: Insider, lang: str = "en", asked: str = "") -> str:
    answer = ask(
        api,
        f"/moderate/statistics{asked}",
        Cookie=f"postbag={member.token}",
        Accept_Language=lang,
    )
    assert answer.status == 200, answer.raw
    return answer.raw.decode()


def parsed(page: str) -> Parsed:
    return Parsed(JustHTML(page, sanitize=False, strict=True))


def test_what_was_decided_is_counted(api: Api, counted: tuple[Site, str]) -> None:
    site, key = counted
    told = stats(api, key, site=site.slug).json
    StatsOut.model_validate(told)
    assert told["sites"] == [site.slug]
    assert told["tiles"]["decided"] == 24
    assert (told["tiles"]["rejected"]["part"], told["tiles"]["auto"]["part"]) == (3, 0)
    assert told["tiles"]["in_time"]["part"] == 24
    assert told["queue"]["waiting"] == 1
    assert sum(each["human_approved"] for each in told["volume"]) == 21
    assert [(each["lang"], each["approved"]["whole"]) for each in told["languages"]] == [
        ("ar", 12),
        ("en", 12),
    ]
    assert [(each["name"], each["own"], each["decided"]) for each in told["loads"]] == [
        (RISKY, True, 24)
    ]
    assert stats(api, key, lang="ar").json["tiles"]["decided"] == 12
    assert stats(api, key, lang="fr").json["tiles"]["decided"] == 0


def test_days_are_asked_for_by_their_dates(api: Api, counted: tuple[Site, str]) -> None:
    _, key = counted
    today = clock().date()
    yesterday = today - timedelta(days=1)
    told = stats(api, key, **{"from": str(today), "to": str(today)}).json
    assert told["range"] == {"from": str(today), "to": str(today)}
    assert told["previous"] == {"from": str(yesterday), "to": str(yesterday)}
    assert told["step_seconds"] == 3_600
    # Midnight may have come since the comments were decided.
    before = stats(api, key, **{"from": str(yesterday), "to": str(yesterday)}).json
    assert told["tiles"]["decided"] + before["tiles"]["decided"] == 24


@pytest.mark.parametrize(
    "asked",
    [
        {"from": "yesterday"},
        {"from": "2026-11-02", "to": "2026-11-01"},
        {"from": "2020-01-01", "to": "2026-01-01"},
        {"to": "9999-12-31"},
        {"lang": "english"},
        {"step": "hour"},
    ],
)
def test_what_cannot_be_counted_is_refused(
    api: Api, counted: tuple[Site, str], asked: dict[str, str]
) -> None:
    assert stats(api, counted[1], **asked).status == 422


def test_only_moderators_of_the_site_are_told(api: Api, counted: tuple[Site, str]) -> None:
    site, key = counted
    assert stats(api, api.new_key(site, frozenset({Scope.READ, Scope.MANAGE}))).status == 403
    assert stats(api, api.keys["foreign"], site=site.slug).status == 404
    assert stats(api, key, site=api.site.slug).status == 404
    stranger = signed_in(api, Role.VIEWER, api.new_site())
    assert as_member(api, stranger, f"{STATS}?site={site.slug}").status == 404
    assert as_member(api, stranger, STATS).json["tiles"]["decided"] == 0


def test_of_colleagues_only_seniors_are_told(api: Api, counted: tuple[Site, str]) -> None:
    site, _ = counted
    for role, seen in ((Role.MODERATOR, []), (Role.SENIOR, [RISKY])):
        member = signed_in(api, role, site)
        told = as_member(api, member, STATS).json
        assert [each["name"] for each in told["loads"]] == seen
        assert told["people"] == 1
        page = shown_page(api, member)
        assert (RISKY in page) == bool(seen)
        table = as_member(api, member, f"{STATS}.csv").raw.decode()
        assert (RISKY in table) == bool(seen)


def test_every_figure_is_in_the_table_that_is_taken_away(
    api: Api, counted: tuple[Site, str]
) -> None:
    _, key = counted
    answer = api.ask("GET", f"{STATS}.csv", bearer=key)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="statistics-20')
    assert answer.raw.startswith(b"\xef\xbb\xbf")
    lines = list(csv.DictReader(io.StringIO(answer.raw.decode("utf-8-sig"))))
    assert list(lines[0]) == ["table", "about", "from", "to", "measure", "value"]
    approved = [
        int(each["value"])
        for each in lines
        if (each["table"], each["measure"]) == ("volume", "human_approved")
    ]
    assert (len(approved), sum(approved)) == (7, 21)
    assert {each["about"] for each in lines if each["table"] == "loads"} == {f"'{RISKY}"}
    assert {each["table"] for each in lines} >= {"waits", "ages", "hours", "languages", "reports"}


@pytest.mark.parametrize("lang", words.LANGUAGES)
def test_every_mark_of_a_plot_stands_for_a_row_of_its_table(
    api: Api, counted: tuple[Site, str], lang: str
) -> None:
    site, _ = counted
    page = parsed(shown_page(api, signed_in(api, Role.SENIOR, site), lang))
    figures = page.all("figure")
    assert len(figures) == 11
    seen = 0
    for figure in map(Parsed, figures):
        assert figure.texts("figcaption")[0]
        tables = {each.attrs["data-table"]: Parsed(each) for each in figure.all("table")}
        assert tables
        for plot in map(Parsed, figure.all("svg")):
            assert plot.root.attrs["role"] == "img"
            assert all(plot.texts(said)[0] for said in ("title", "desc"))
        for pictures in map(Parsed, figure.all("[data-of]")):
            rows = tables[pictures.root.attrs["data-of"]].all("tbody tr")
            for mark in pictures.all("[data-row]"):
                cells = Parsed(rows[int(mark.attrs["data-row"])]).all("td")
                values = "|".join(each.attrs["data-value"] for each in cells)
                assert mark.attrs["data-values"] == values
                seen += 1
    assert seen > 170


def test_the_page_shows_what_its_address_asks_for(api: Api, counted: tuple[Site, str]) -> None:
    site, _ = counted
    member = signed_in(api, Role.VIEWER, site)
    dates = "?days=dates&since=2026-01-01&until=2026-01-09"
    for asked in ("?days=1", "?days=30", "?days=90", dates):
        page = shown_page(api, member, asked=asked)
        chosen = parsed(page).one('select[name="days"] option[selected]')
        assert chosen.attrs["value"] == asked[6:].partition("&")[0]
        assert 'role="alert"' not in page
    assert "No decisions in this range." in shown_page(api, member, asked=dates)
    for nonsense in ("?days=dates&since=soon", "?days=dates&since=2026-02-01&until=2026-01-01"):
        assert 'role="alert"' in shown_page(api, member, asked=nonsense)
    assert shown_page(api, member, asked="?days=100000&lang=<b>")
    assert (
        ask(api, "/moderate/statistics?site=nowhere", Cookie=f"postbag={member.token}").status
        == 404
    )


def test_figures_that_are_too_few_say_so(api: Api, counted: tuple[Site, str]) -> None:
    page = shown_page(api, signed_in(api, Role.SENIOR, counted[0]))
    assert "Arabic: too few (n=12)" in page
    assert "24 decisions, 0% of them by rules" in page
    assert "100% of 24 held comments were decided within 1 hr." in page


@pytest.mark.parametrize("days", ["to=9999-12-31", "to=0001-01-01", "from=9999-12-31"])
def test_second_looks_are_counted_also_for_days_at_the_end_of_time(api: Api, days: str) -> None:
    where = f"/v1/moderation/checks?site={api.site.slug}&{days}"
    assert api.ask("GET", where, bearer=api.keys["moderate"]).status == 200


def test_second_looks_of_more_than_a_year_are_not_counted_at_once(api: Api) -> None:
    where = f"/v1/moderation/checks?site={api.site.slug}"
    year = api.ask("GET", f"{where}&from=2026-01-01&to=2027-01-01", bearer=api.keys["moderate"])
    more = api.ask("GET", f"{where}&from=2026-01-01&to=2027-01-02", bearer=api.keys["moderate"])
    assert (year.status, more.pointers) == (200, {"/from": "too_many"})
