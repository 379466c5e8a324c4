"""What the news site's back end changes, and how soon that holds."""

from __future__ import annotations

from datetime import timedelta

import pytest

from service.model import Scope
from tests.journeys.api import Answer, Paper, within
from tests.journeys.house import House, now

SOON_SECONDS = 1.0
"""When a changed setting or a revoked key holds in every process."""


async def test_a_changed_setting_holds_within_a_second(daily: Paper) -> None:
    before = (await daily.manage("GET", "/settings")).expect(200)
    assert (before["mode"], before["guests_allowed"]) == ("pre", True)
    assert (await daily.send("Before.")).status == 202

    changed = (await daily.manage("PUT", "/settings", {"mode": "post"})).expect(200)

    assert changed == {**before, "mode": "post", "version": before["version"] + 1}
    texts = iter(range(1_000))

    async def publishes() -> bool:
        return (await daily.send(f"After {next(texts)}.")).status == 201

    assert await within(SOON_SECONDS, publishes) < SOON_SECONDS
    (await daily.manage("PUT", "/settings", {"guests_allowed": False})).expect(200)

    async def asks_for_sign_in() -> bool:
        answer = await daily.send(f"As a guest {next(texts)}.")
        return answer.status == 403 and answer.json["code"] == "guests_not_allowed"

    assert await within(SOON_SECONDS, asks_for_sign_in) < SOON_SECONDS


async def test_of_two_who_change_the_same_version_of_the_settings_the_second_is_told(
    daily: Paper,
) -> None:
    version = (await daily.manage("GET", "/settings")).expect(200)["version"]
    first = {"version": version, "body_max_chars": 100}
    second = {"version": version, "body_max_chars": 200}

    (await daily.manage("PUT", "/settings", first)).expect(200)

    answer = await daily.manage("PUT", "/settings", second)
    assert answer.refused(409) == "stale_settings"
    kept = (await daily.manage("GET", "/settings")).expect(200)
    assert kept["body_max_chars"] == 100


async def test_a_revoked_key_is_refused_within_a_second(daily: Paper) -> None:
    wish = {"name": "short-lived", "scopes": ["moderate"]}
    made = (await daily.manage("POST", "/keys", wish)).expect(201)

    async def look() -> Answer:
        path = f"/v1/moderation/queue?site={daily.slug}"
        return await daily.api("GET", path, token=made["key"])

    (await look()).expect(200)
    assert (await daily.manage("DELETE", f"/keys/{made['key_id']}")).status == 204

    async def is_refused() -> bool:
        return (await look()).status == 401

    assert await within(SOON_SECONDS, is_refused) < SOON_SECONDS
    assert (await look()).refused(401) == "unauthenticated"
    listed = (await daily.manage("GET", "/keys")).expect(200)["items"]
    ended = [key["name"] for key in listed if key["revoked_at"] is not None]
    assert ended == ["short-lived"]
    assert "key" not in listed[0]


async def test_a_key_works_until_it_expires(house: House, daily: Paper) -> None:
    site = await house.service.core.sites.get(daily.slug)
    _, token = await house.service.members.keyring.create(
        site,
        name="",
        scopes={Scope.READ},
        expires_at=now() + timedelta(seconds=0.3),
        now=now(),
    )

    async def is_refused() -> bool:
        answer = await daily.api("GET", daily.article("story-1"), token=token)
        return answer.status == 401

    assert not await is_refused()
    await within(SOON_SECONDS, is_refused)


@pytest.mark.parametrize("state", ["closed", "off"])
async def test_a_closed_article_is_read_but_takes_nothing(daily: Paper, state: str) -> None:
    posted = await daily.post("While it was open.")
    await daily.approve(posted)

    await daily.describe("story-1", state=state)

    async def is_closed() -> bool:
        answer = await daily.send("Too late.")
        return answer.status == 403 and answer.json["code"] == "comments_closed"

    assert await within(SOON_SECONDS, is_closed) < SOON_SECONDS

    async def says_so() -> bool:
        return bool((await daily.thread())["article"]["state"] == state)

    assert await within(SOON_SECONDS, says_so) < SOON_SECONDS
    assert await daily.count() == 1


async def test_an_article_closes_by_itself(daily: Paper) -> None:
    at = now() + timedelta(seconds=0.3)
    await daily.describe("story-1", close_at=at.isoformat())
    texts = iter(range(1_000))
    assert (await daily.send("In time.")).status == 202

    async def is_closed() -> bool:
        return (await daily.send(f"Late {next(texts)}.")).status == 403

    await within(0.3 + SOON_SECONDS, is_closed)
    assert now() >= at


async def test_a_premoderated_article_waits_where_others_publish_at_once(daily: Paper) -> None:
    await daily.describe("calm", mode="post")
    await daily.describe("heated", mode="post", state="premoderated")

    assert (await daily.send("At once.", article="calm")).status == 201
    assert (await daily.send("Later.", article="heated")).status == 202
    assert (await daily.thread("heated"))["article"]["state"] == "premoderated"
    assert await daily.count("heated") == 0


async def test_what_the_back_end_says_of_an_article_wins_over_what_its_page_says(
    daily: Paper,
) -> None:
    path = f"{daily.article('story-1')}/comments"
    said = {"url": "https://daily.example/1", "title": "As the page says"}
    sent = {"body": "Hi.", "author": {"name": "Leila"}, "article": said}
    first = (await daily.api("POST", path, sent)).expect(202)["comment"]
    await daily.approve(first["id"])
    page = (await daily.thread())["article"]
    assert (page["title"], page["url"]) == (said["title"], said["url"])

    await daily.describe("story-1", title="As we say")
    later = {**sent, "body": "Again.", "article": {**said, "title": "As the page insists"}}
    second = (await daily.api("POST", path, later)).expect(202)["comment"]
    await daily.approve(second["id"])

    async def is_ours() -> bool:
        return bool((await daily.thread())["article"]["title"] == "As we say")

    await within(SOON_SECONDS, is_ours)

    async def is_counted() -> bool:
        read = await daily.api("GET", daily.article("story-1"), token=daily.keys["read"])
        assert read.expect(200)["title"] == "As we say"
        return bool(read.json["count"] == 2)

    await within(SOON_SECONDS, is_counted)


async def test_a_key_with_a_slash_and_other_scripts_is_one_article(daily: Paper) -> None:
    key = "2026/11/25 ميناء?#%"
    posted = await daily.post("Found.", article=key)
    await daily.approve(posted)

    assert (await daily.thread(key))["article"]["key"] == key
    assert await daily.count(key) == 1
    assert await daily.count("2026") == 0


async def test_a_merged_article_reads_as_one_with_the_other(daily: Paper) -> None:
    old, new = await daily.post("Old.", article="old"), await daily.post("New.", article="new")
    await daily.approve(old, new)

    merged = await daily.api(
        "POST", f"{daily.article('old')}/merge", {"into": "new"}, token=daily.keys["manage"]
    )

    assert merged.expect(200)["aliases"] == ["old"]

    async def reads_both() -> bool:
        return await daily.ids_in_thread("new") == {old.id, new.id}

    await within(SOON_SECONDS, reads_both)

    async def leads_on() -> bool:
        return await daily.ids_in_thread("old") == {old.id, new.id}

    await within(SOON_SECONDS, leads_on)
    assert await daily.count("new") == 2
    assert await daily.count("old") == 2
    counts = await daily.api("GET", f"{daily.path}/counts?article=old&article=new")
    assert counts.expect(200) == {"counts": {"new": 2, "old": 2}}
    reply = await daily.post("To the old one.", article="new", parent=old.id)
    late = await daily.post("Under the old key.", article="old")
    await daily.approve(reply, late)
    assert await daily.count("new") == 4
    one = (await daily.comment(reply.id)).expect(200)
    assert [each["id"] for each in one["ancestors"]] == [old.id]
    page = await daily.thread("new")
    (root,) = [each for each in page["comments"] if each["id"] == old.id]
    assert [each["id"] for each in root["replies"]] == [reply.id]
    assert page["article"]["count"] == 4
