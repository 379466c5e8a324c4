"""Who is shown and let do what: each role on each page, and rules that may only be watched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from selenium import webdriver

from service.model import Role
from tests.browser.conftest import Newsroom
from tests.browser.desk.people import Waiting
from tests.browser.test_dashboard_admin import Admin

pytestmark = pytest.mark.browser

ROLES = (Role.VIEWER, Role.MODERATOR, Role.SENIOR, Role.EDITOR, Role.ADMIN)

PAGES: Mapping[str, Role] = {
    "": Role.VIEWER,
    "search": Role.VIEWER,
    "articles": Role.VIEWER,
    "rules": Role.MODERATOR,
    "learning": Role.MODERATOR,
    "sites": Role.EDITOR,
    "team": Role.ADMIN,
    "statistics": Role.VIEWER,
    "log": Role.VIEWER,
}
"""Each page of the navigation, and the least that somebody has to be (ux.md 4.1)."""

CHANGES: tuple[tuple[str, str, Role], ...] = (
    ("", ".q-current .q-approve", Role.MODERATOR),
    ("", "#selection [data-act=approve_all]", Role.MODERATOR),
    ("search?q=waits", "#all", Role.MODERATOR),
    ("search?q=waits", "a[href*='comments.csv']", Role.SENIOR),
    ("log", "a[href*='audit.csv']", Role.SENIOR),
    ("articles", "[data-change]", Role.EDITOR),
    ("rules", "a[href*='/rules/new']", Role.EDITOR),
    ("rules/insults", "#editor button.primary", Role.EDITOR),
    ("word-lists/insults-en", "#words-form button.primary", Role.EDITOR),
    ("sites", "main form button", Role.EDITOR),
    ("team", "main form button", Role.ADMIN),
)
"""On which page what changes something, or takes something away, and who finds it there."""

OFFERED = (
    "return [...document.querySelectorAll('.sections a')].map((each) => new URL(each.href)"
    ".pathname.replace('/moderate/', ''))"
)


@pytest.fixture
def someone(chrome: webdriver.Chrome, newsroom: Newsroom) -> Iterator[Admin]:
    who = Admin(chrome, newsroom, role=Role.EDITOR)
    who.window(1280, 900)
    who.prefer()
    yield who
    who.ask("window.onbeforeunload = null")
    who.send("Emulation.clearDeviceMetricsOverride")
    who.send("Network.clearBrowserCookies")


def opened(who: Admin, page: str) -> None:
    """Open a page of the site."""
    newsroom = who.newsroom
    path, _, query = page.partition("?")
    asked = f"site={newsroom.site.slug}" + (f"&{query}" if query else "")
    who.chrome.get(f"{newsroom.api.caller.origin}/moderate/{path}?{asked}")
    who.until("document.readyState === 'complete' && document.querySelector('h1')")


@pytest.mark.parametrize("role", ROLES)
def test_each_role_finds_its_pages_and_no_others(
    someone: Admin, waiting: Waiting, role: Role
) -> None:
    waiting.post("It waits.")
    found = f"/v1/moderation/comments?site={someone.newsroom.site.slug}&q=waits"
    api, key = someone.newsroom.api, someone.newsroom.key
    api.eventually(lambda: bool(api.ask("GET", found, bearer=key).json["items"]))
    someone.sign_in(role)
    opened(someone, "")
    assert someone.ask(OFFERED) == [each for each, least in PAGES.items() if role.includes(least)]
    for page, least in PAGES.items():
        opened(someone, page)
        refused = (
            someone.ask("return document.querySelector('h1').innerText") == "You may not see this"
        )
        status = someone.ask("return performance.getEntriesByType('navigation')[0].responseStatus")
        assert status == (200 if role.includes(least) else 403), page
        assert refused is not role.includes(least), page
    for page, css, least in CHANGES:
        opened(someone, page)
        there = someone.ask("return document.querySelector(arguments[0]) !== null", css)
        assert there is role.includes(least), (page, css)


# Rules that are tried, and rules that only watch.

RULE = """title: Grunzel
when:
  any:
    - text: {words: [grunzel]}
then: {action: hold, severity: 1}
"""
COUNTED = """
SELECT count(*) AS comments,
       count(*) FILTER (WHERE text ~* '\\mgrunzel\\M') AS matching,
       count(*) FILTER (WHERE text ~* '\\mgrunzel\\M' AND action = 'reject') AS rejected
FROM (SELECT coalesce(c.text, k.payload->>'text') AS text, d.action
      FROM decisions d
      LEFT JOIN comments c USING (site_id, article_id, comment_id)
      LEFT JOIN kept_texts k USING (site_id, article_id, comment_id)
      WHERE d.site_id = $1 AND d.action IN ('approve', 'reject')) decided
"""


def ruled(someone: Admin) -> None:
    """Write a rule and save it: it does nothing yet."""
    someone.sign_in(Role.EDITOR)
    someone.open("rules/new")
    someone.write("#rule-id", "grunzel-rule")
    someone.ask("arguments[0].value = arguments[1]", someone.find("#rule-text"), RULE)
    someone.click("#editor button.primary")
    someone.says("h1", "Grunzel")


def test_what_a_dry_run_counts_is_what_the_database_counts(someone: Admin) -> None:
    """D12: of 24 decided comments every third speaks of it, and half of those were rejected."""
    api, site, key = someone.newsroom.api, someone.newsroom.site, someone.newsroom.key
    texts = [f"Number {n}{' is a grunzel' if n % 3 == 0 else ''}." for n in range(24)]
    ids = [api.posted("story", each, site=site)["id"] for each in texts]
    api.decide("approve", *(each for n, each in enumerate(ids) if n % 6), key=key)
    api.decide("reject", *ids[::6], key=key, reason="abuse")
    row: Any = api.aside.run(api.service.ground.pool.fetchrow(COUNTED, site.site_id))
    assert (row["comments"], row["matching"], row["rejected"]) == (24, 8, 4)

    ruled(someone)
    someone.click("#dry-run button")
    someone.says("#report .big", f"{row['matching']} of {row['comments']} comments would match")
    someone.says(
        "#report", f"{row['matching']} were decided by people: {row['rejected']} turned down"
    )
    someone.shot("dry-run")


def test_a_rule_in_shadow_changes_nothing_that_anybody_sees(someone: Admin) -> None:
    """D13: a comment goes the same way as without it, and moderators are not told of it."""
    api, site, key = someone.newsroom.api, someone.newsroom.site, someone.newsroom.key

    def entry(comment_id: str) -> dict[str, Any]:
        page = api.ask("GET", f"/v1/moderation/queue?site={site.slug}", bearer=key).json
        item = next(each for each in page["items"] if each["comment"]["id"] == comment_id)
        return {
            "status": item["comment"]["status"],
            "why": item["why"],
            "risk": item["priority"]["risk"],
            "severity": item["priority"]["severity"],
            "reason": item["suggested_reason"],
        }

    before = entry(api.posted("story", "A grunzel, really.", site=site)["id"])
    ruled(someone)
    someone.write("#effect-comment", "To watch.")
    someone.click("[data-act=shadow]")
    someone.says("#done", "without effect")
    api.eventually(lambda: someone.told("rules/grunzel-rule")["shadow_version"] == 1)
    after = entry(api.posted("story", "A grunzel, truly.", site=site)["id"])
    assert after == before

    def counts() -> bool:
        someone.open("rules/grunzel-rule")
        said = str(someone.ask("return document.querySelector('main').innerText"))
        return "In shadow: 1 match in the last seven days." in said

    someone.wait(counts, "it is counted all the same")
