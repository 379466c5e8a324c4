"""What editors and admins do with a site over HTTP: lists of articles, settings, keys, the team."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from service.model import Role, Site
from service.wiring.ground import clock
from tests.api.calls import Answer, segment
from tests.api.conftest import Api
from tests.api.insiders import added_passkey, arrived, cookie_of, signed_in


class Office:
    """Where one site is looked after."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.site: Site = api.new_site()
        self.key: str = api.new_key(self.site)

    def ask(self, method: str, rest: str, json: Any = None, *, bearer: str | None = None) -> Answer:
        where = f"/v1/sites/{self.site.slug}/{rest}"
        return self.api.ask(method, where, json=json, bearer=bearer or self.key)

    def described(self, key: str, **changes: Any) -> None:
        answer = self.ask("PUT", f"articles/{segment(key)}", changes)
        assert answer.status == 200, answer.raw

    def listed(self, query: str = "") -> list[dict[str, Any]]:
        answer = self.ask("GET", f"articles{query}")
        assert answer.status == 200, answer.raw
        items: list[dict[str, Any]] = answer.json["items"]
        return items

    def keys_of(self, query: str = "") -> list[str]:
        return [each["key"] for each in self.listed(query)]

    def acts(self, act: str) -> list[dict[str, Any]]:
        items = self.ask("GET", "administration").json["items"]
        return [each for each in items if each["act"] == act]

    def grown_old(self, key: str, days: int) -> None:
        """Let an article have been met so many days ago."""
        pool = self.api.service.ground.pool
        sql = (
            "UPDATE articles SET created_at = created_at - make_interval(days => $3)"
            " WHERE site_id = $1 AND key = $2"
        )
        self.api.aside.run(pool.execute(sql, self.site.site_id, key, days))

    def state(self, key: str) -> str:
        return str(self.ask("GET", f"articles/{segment(key)}").json["state"])


@pytest.fixture
def office(api: Api) -> Office:
    return Office(api)


# Articles.


def test_articles_are_listed_newest_first_page_by_page(office: Office) -> None:
    for n in range(5):
        office.described(f"story-{n}")
        office.grown_old(f"story-{n}", 10 - n)
    seen, cursor = [], ""
    for _ in range(3):
        page = office.ask("GET", f"articles?limit=2{cursor}").json
        seen += [each["key"] for each in page["items"]]
        cursor = f"&cursor={page['next']}"
    assert seen == [f"story-{n}" for n in (4, 3, 2, 1, 0)]
    assert page["next"] is None
    foreign = office.ask("GET", f"articles?view=hot{office_cursor(office)}")
    assert (foreign.status, foreign.code) == (400, "bad_cursor")


def office_cursor(office: Office) -> str:
    return f"&cursor={office.ask('GET', 'articles?limit=1').json['next']}"


def test_an_article_tells_what_is_public_what_waits_and_what_came_lately(office: Office) -> None:
    first, second = (office.api.posted("busy", f"Of {n}.", site=office.site) for n in (1, 2))
    office.api.posted("unseen", site=office.site)
    office.api.decide("approve", first["id"], key=office.key)
    office.api.decide("reject", second["id"], key=office.key, reason="spam")
    office.api.posted("busy", "A third.", site=office.site)
    office.described("quiet", title="Nobody's")
    expected = {"busy": (1, 1, 3), "unseen": (0, 1, 1)}

    def told(view: str) -> dict[str, tuple[int, int, int]]:
        return {
            each["key"]: (each["count"], each["waiting"], each["last_hour"])
            for each in office.listed(f"?view={view}")
        }

    office.api.eventually(lambda: told("hot") == expected)
    assert told("waiting") == expected
    assert office.keys_of("?view=hot") == ["busy", "unseen"]
    assert told("newest") == {"quiet": (0, 0, 0), "busy": (1, 1, 3)}


def test_what_lies_under_merged_keys_is_told_of_the_article(office: Office) -> None:
    for key in ("old", "new"):
        comment = office.api.posted(key, f"Under {key}.", site=office.site)
        office.api.decide("approve", comment["id"], key=office.key)
    waits = office.api.posted("old", "It waits.", site=office.site)
    office.ask("POST", "articles/old/merge", {"into": "new"})

    def told() -> list[tuple[str, int, int, int]]:
        return [
            (each["key"], each["count"], each["waiting"], each["last_hour"])
            for each in office.listed("?view=hot")
        ]

    office.api.eventually(lambda: told() == [("new", 2, 1, 3)])
    office.api.decide("reject", waits["id"], key=office.key, reason="spam")
    office.api.eventually(lambda: told() == [("new", 2, 0, 3)])


def test_articles_are_found_by_state_and_by_a_part_of_their_title_or_key(office: Office) -> None:
    past = (clock() - timedelta(minutes=1)).isoformat()
    office.described("vote", title="Budget 100% voted", state="premoderated")
    office.described("gone", title="Over", close_at=past)
    office.described("shut_it", state="closed")
    assert office.keys_of("?state=premoderated") == ["vote"]
    assert set(office.keys_of("?state=closed")) == {"gone", "shut_it"}
    assert office.listed("?q=over")[0]["state"] == "closed"
    assert set(office.keys_of("?state=closed&state=premoderated")) == {"vote", "gone", "shut_it"}
    assert office.keys_of("?q=BUDGET") == ["vote"]
    assert office.keys_of("?q=0%25") == ["vote"]
    assert office.keys_of("?q=%25") == ["vote"], "a wildcard is a letter"
    assert office.keys_of("?q=_") == ["shut_it"]
    assert office.keys_of("?q=nothing") == []


def test_a_state_that_is_set_leaves_readers_hints_their_place(office: Office) -> None:
    """Else an article that somebody closes and opens again would have no title for good."""
    office.described("story", state="premoderated")
    hint = {"title": "Budget vote", "url": "https://daily.example/1"}
    comment = office.api.posted("story", site=office.site, article=hint)
    office.api.decide("approve", comment["id"], key=office.key)
    (told,) = office.listed()
    assert (told["title"], told["state"]) == ("Budget vote", "premoderated")


def test_what_a_member_changes_of_an_article_is_noted(office: Office) -> None:
    editor = signed_in(office.api, Role.EDITOR, office.site)
    change = {"state": "closed", "title": "Budget vote"}
    assert office.ask("PUT", "articles/story", change, bearer=editor.token).status == 200
    office.described("story", views_per_hour=7)
    (act,) = office.acts("article.changed")
    assert act["by"]["kind"] == "member"
    assert act["details"] == {"article": "story", "changed": ["state", "title"], "state": "closed"}


def test_old_articles_are_closed_at_once_and_others_stay(office: Office) -> None:
    for key, days in (("old", 31), ("older", 400), ("new", 29)):
        office.described(key)
        office.grown_old(key, days)
    office.described("off", state="off")
    office.grown_old("off", 100)
    assert office.state("old") == "open"
    dry = office.ask("POST", "closures", {"older_than_days": 30, "dry_run": True})
    assert dry.json == {"closed": 0, "remaining": 2}
    assert office.state("old") == "open"
    done = office.ask("POST", "closures", {"older_than_days": 30})
    assert done.json == {"closed": 2, "remaining": 0}
    states = {key: office.state(key) for key in ("old", "older", "new", "off")}
    assert states == {"old": "closed", "older": "closed", "new": "open", "off": "off"}
    assert office.api.post("old", site=office.site).code == "comments_closed"
    again = office.ask("POST", "closures", {"older_than_days": 30})
    assert again.json == {"closed": 0, "remaining": 0}
    (act,) = office.acts("articles.closed")
    assert act["details"] == {"older_than_days": 30, "closed": 2}
    for wrong in ({}, {"older_than_days": -1}, {"older_than_days": 36_501}):
        assert office.ask("POST", "closures", wrong).status == 422


# Settings.


def test_texts_of_the_settings_are_kept_by_language(office: Office) -> None:
    wish = {
        "name": " The  Daily ",
        "reasons": ["shouting"],
        "house_rules": {"en": "Be kind.\nNo ads.", "fr": " ", "ar": "كن لطيفًا."},
        "reason_texts": {
            "en": {"shouting": "It shouts.", "unheard_of": "?"},
            "fr": {"shouting": "", "spam": "C’est du spam."},
        },
        "due_minutes": 15,
        "votes_allowed": False,
    }
    told = office.ask("PUT", "settings", wish).json
    assert told["name"] == "The Daily"
    assert told["house_rules"] == {"en": "Be kind.\nNo ads.", "ar": "كن لطيفًا."}
    assert told["reason_texts"] == {
        "en": {"shouting": "It shouts."},
        "fr": {"spam": "C’est du spam."},
    }
    assert office.ask("GET", "settings").json == told
    assert office.ask("PUT", "settings", {"reasons": []}).json["reason_texts"] == {
        "fr": {"spam": "C’est du spam."}
    }
    for wrong, pointer, code in (
        ({"name": ""}, "/name", "too_short"),
        ({"name": "\u200b"}, "/name", "blank"),
        ({"due_minutes": 0}, "/due_minutes", "out_of_range"),
        ({"due_minutes": 43_201}, "/due_minutes", "out_of_range"),
        ({"house_rules": {"en": "x" * 10_001}}, "/house_rules/en", "too_long"),
        ({"house_rules": {"en": "a\x1b"}}, "/house_rules/en", "forbidden_character"),
        (
            {"reason_texts": {"en": {"spam": "a\x1b"}}},
            "/reason_texts/en/spam",
            "forbidden_character",
        ),
        ({"votes_allowed": "no"}, "/votes_allowed", "wrong_type"),
    ):
        answer = office.ask("PUT", "settings", wrong)
        assert (answer.status, answer.pointers) == (422, {pointer: code}), wrong


def test_an_author_reads_the_sites_own_sentence(office: Office) -> None:
    texts = {"fr": {"spam": "C’est du spam.", "shouting": "Vous criez."}, "en": {"spam": "Spam!"}}
    office.ask("PUT", "settings", {"reasons": ["shouting"], "reason_texts": texts})
    for lang, reason, sentence in (
        ("fr", "spam", "C’est du spam."),
        ("fr-CA", "shouting", "Vous criez."),
        ("fr", "abuse", "Il insulte quelqu’un."),
        ("de", "spam", "Spam!"),
        ("ar", "spam", "يبدو رسالة مزعجة."),
        ("en", "shouting", "shouting"),
    ):
        answer = office.api.post("story", f"{lang} {reason}.", site=office.site, lang=lang)
        office.api.decide("reject", answer.json["comment"]["id"], key=office.key, reason=reason)
        where, receipt = answer.headers["Location"], answer.json["receipt"]
        told = office.api.ask("GET", where, bearer=receipt).json["comment"]["reason"]
        assert told == {"code": reason, "text": sentence}


def test_what_was_changed_of_the_settings_is_noted(office: Office) -> None:
    wish = {"mode": "post", "name": "The Evening Daily", "house_rules": {"en": "Be kind."}}
    office.ask("PUT", "settings", wish)
    (act,) = office.acts("settings.changed")
    changes = act["details"]["changes"]
    assert changes.keys() == {"mode", "name", "house_rules"}
    assert changes["mode"] == {"from": "pre", "to": "post"}
    assert changes["house_rules"] == {}, "texts are no business of the log"


def test_a_comment_is_due_when_the_site_says(office: Office) -> None:
    office.ask("PUT", "settings", {"due_minutes": 15})
    comment = office.api.posted("story", site=office.site)
    where = f"/v1/moderation/queue?site={office.site.slug}"

    def waits() -> float:
        (item,) = office.api.ask("GET", where, bearer=office.key).json["items"]
        due, came = item["due_at"], comment["created_at"]
        return (_time(due) - _time(came)).total_seconds()

    office.api.eventually(lambda: waits() == 900)


def test_without_votes_nobody_votes(office: Office) -> None:
    answer = office.api.post("story", "Mine.", site=office.site)
    comment = answer.json["comment"]["id"]
    office.api.decide("approve", comment, key=office.key)
    guest = office.api.post("story", "Another.", site=office.site).json["receipt"]
    office.ask("PUT", "settings", {"votes_allowed": False})

    def vote() -> Answer:
        return office.ask("PUT", f"comments/{comment}/vote", {"value": 1}, bearer=guest)

    assert (vote().status, vote().code) == (403, "votes_off")
    office.ask("PUT", "settings", {"votes_allowed": True})
    assert vote().json["votes"] == {"up": 1, "down": 0}


# Keys and the team.


def test_a_key_and_its_successor_are_good_together_until_the_overlap_is_over(
    office: Office,
) -> None:
    wish = {"name": "CMS", "scopes": ["read"], "expires_at": "2090-01-01T00:00:00.000Z"}
    old = office.ask("POST", "keys", wish).json
    new = office.ask("POST", f"keys/{old['key_id']}/rotate", {"overlap_hours": 2})
    assert new.status == 201
    assert (new.json["name"], new.json["scopes"]) == ("CMS", ["read"])
    for key in (old["key"], new.json["key"]):
        assert office.ask("GET", "articles", bearer=key).status == 200
    listed = {each["key_id"]: each for each in office.ask("GET", "keys").json["items"]}
    ends = _time(listed[old["key_id"]]["expires_at"]) - clock()
    assert timedelta(minutes=119) < ends <= timedelta(hours=2)
    lasts = _time(new.json["expires_at"]) - _time(new.json["created_at"])
    lasted = _time(old["expires_at"]) - _time(old["created_at"])
    assert abs(lasts - lasted) < timedelta(seconds=1)
    assert new.json["key"][12:] not in office.ask("GET", "keys").told


def test_without_an_overlap_the_old_key_ends_at_once(office: Office) -> None:
    old = office.ask("POST", "keys", {"scopes": ["read"]}).json
    new = office.ask("POST", f"keys/{old['key_id']}/rotate", {"overlap_hours": 0}).json
    assert new["expires_at"] is None
    office.api.eventually(lambda: office.ask("GET", "articles", bearer=old["key"]).status == 401)
    again = office.ask("POST", f"keys/{old['key_id']}/rotate", {})
    assert again.status == 404
    assert len(office.acts("key.rotated")) == 1
    foreign = Office(office.api)
    assert foreign.ask("POST", f"keys/{new['key_id']}/rotate", {}).status == 404


def test_the_team_says_who_was_here_and_with_what_they_come_in(office: Office) -> None:
    def team() -> dict[str, dict[str, Any]]:
        answer = office.api.ask("GET", "/v1/members", bearer=office.key)
        return {each["email"]: each for each in answer.json["items"]}

    office.api.ask(
        "POST",
        "/v1/members",
        json={"email": "new@daily.example", "role": "viewer"},
        bearer=office.key,
    )
    email, answer = arrived(office.api, Role.MODERATOR, office.site)
    told = team()
    assert told["new@daily.example"]["seen_at"] is None
    assert not told["new@daily.example"]["arrived"]
    assert not told[email]["passkey"]
    assert clock() - _time(told[email]["seen_at"]) < timedelta(minutes=1)
    sam = signed_in(office.api, Role.MODERATOR, office.site, email=email)
    added_passkey(office.api, sam)
    assert team()[email]["passkey"]
    assert cookie_of(answer)


def _time(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp)
