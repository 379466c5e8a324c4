"""What a rule wants somebody told of: written down once, told once, seen by the whole team."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from msgspec.structs import replace

from service.features.alerts import RING_AFTER, Alerts
from service.features.screening import Facts, RuleDocument, Verdict, compile_rules, evaluate
from service.features.telling import Happening, Telling
from service.model import Actor, PendingComment, Role, Site
from service.payload import from_payload, to_payload
from service.storage.alerts import AlertStore
from tests.features.conftest import OpenSite
from tests.newsroom import NOON, Newsroom

THREAT = "I will kill you tomorrow."
SAM = Actor(kind="key", actor_id="samskey1", name="Sam")
LATER = NOON + timedelta(minutes=1)


class Desk:
    """A newsroom with alerts, and everything that was told."""

    def __init__(self, newsroom: Newsroom) -> None:
        self.newsroom = newsroom
        self.telling = Telling()
        self.alerts = Alerts(
            store=AlertStore(pool=newsroom.pool),
            sites=newsroom.sites,
            telling=self.telling,
            clock=lambda: NOON,
        )

    @property
    def site(self) -> Site:
        return self.newsroom.site

    async def post(self, text: str = THREAT) -> PendingComment:
        """Send a comment, and let it be written down."""
        accepted = await self.newsroom.submit(text, address_hash=uuid4().hex)
        await self.newsroom.journal_all()
        assert accepted.found.waiting is not None
        return accepted.found.waiting

    async def tell(self, now: datetime = LATER) -> list[Happening]:
        """Let what is new be told; other sites' alerts may be among it."""
        await self.alerts.tell(now=now)
        told = [each for each in self.telling._unsaid if each.site_id == self.site.site_id]  # noqa: SLF001
        self.telling._unsaid.clear()  # noqa: SLF001
        return told

    async def unseen(self, role: Role | None = Role.SENIOR) -> list[tuple[str, int]]:
        found = await self.alerts.unseen(self.site, role, now=LATER)
        return [(each.rule, each.comments) for each in found]

    async def rung(self) -> list[dict[str, Any]]:
        """Return what webhooks are to be told."""
        rows = await self.newsroom.pool.fetch(
            "SELECT comment_id, facts, at, ripe_at FROM webhook_events"
            " WHERE site_id = $1 AND kind = 'comment.alerted' ORDER BY seq",
            self.site.site_id,
        )
        return [dict(row) for row in rows]


@pytest.fixture
async def desk(new_site: OpenSite) -> Desk:
    return Desk(await new_site())


async def listening(desk: Desk) -> None:
    """Let somebody want to hear by webhook."""
    await desk.newsroom.pool.execute(
        "INSERT INTO webhooks (site_id, webhook_id, url, events, state, secret, created_at)"
        " VALUES ($1, $2, 'https://daily.example/', '{comment.alerted}', 'active', ''::bytea, $3)",
        desk.site.site_id,
        uuid4(),
        NOON,
    )


async def test_a_comment_that_a_rule_alerts_of_is_told_once(desk: Desk) -> None:
    comment = await desk.post()
    (told,) = await desk.tell()
    assert (told.kind, told.role) == ("alert", Role.SENIOR)
    assert told.payload == {
        "rule": "threats",
        "label": "Threats",
        "severity": 10,
        "comments": 1,
        "comment_id": str(comment.comment_id),
    }
    await desk.newsroom.journal_all()
    assert await desk.tell() == []
    assert await desk.unseen() == [("threats", 1)]


async def test_other_comments_alert_nobody(desk: Desk) -> None:
    await desk.post("Good morning.")
    await desk.post("What a complete idiot.")
    assert await desk.tell() == []
    assert await desk.unseen() == []


async def test_an_alert_is_for_the_role_that_the_rule_names_and_those_above(desk: Desk) -> None:
    await desk.post()
    await desk.tell()
    seen = {role: bool(await desk.unseen(role)) for role in (*Role, None)}
    assert seen == {
        Role.VIEWER: False,
        Role.MODERATOR: False,
        Role.SENIOR: True,
        Role.EDITOR: True,
        Role.ADMIN: True,
        None: True,
    }


async def test_a_wave_is_a_line_and_webhooks_hear_of_it_once_in_a_while(desk: Desk) -> None:
    await listening(desk)
    for number in range(3):
        await desk.post(f"{THREAT} {number}")
    (told,) = await desk.tell()
    assert told.payload["comments"] == 3
    await desk.post(f"{THREAT} again")
    (told,) = await desk.tell(LATER + timedelta(minutes=1))
    assert told.payload["comments"] == 1
    assert await desk.unseen() == [("threats", 4)]
    (rung,) = await desk.rung()
    assert rung["facts"] == {"rule": "threats", "severity": 10, "alerted": 3}
    assert rung["ripe_at"] == LATER, "nobody waits for half a minute"
    await desk.post(f"{THREAT} later")
    await desk.tell(LATER + RING_AFTER)
    assert len(await desk.rung()) == 2


async def test_without_a_webhook_nothing_is_kept_for_one(desk: Desk) -> None:
    await desk.post()
    await desk.tell()
    assert await desk.rung() == []


async def test_what_one_has_seen_nobody_is_shown_again(desk: Desk) -> None:
    await desk.post()
    await desk.tell()
    (shown,) = await desk.alerts.unseen(desk.site, Role.SENIOR, now=LATER)
    see = _seeing(desk, upto=shown.latest_at.replace(microsecond=0))
    assert await see(Role.MODERATOR) == 0, "it is not theirs"
    assert await see(Role.SENIOR) == 1
    assert await desk.unseen(Role.ADMIN) == []
    assert [each.kind for each in await desk.tell()] == ["alerts_seen"]
    assert await see(Role.SENIOR) == 0


async def test_what_came_after_what_was_shown_stays(desk: Desk) -> None:
    await desk.post()
    desk.newsroom.now = NOON + timedelta(seconds=5)
    await desk.post(f"{THREAT} again")
    await desk.tell()
    assert await _seeing(desk, upto=NOON)(Role.SENIOR) == 1
    assert await desk.unseen() == [("threats", 1)]


def _seeing(desk: Desk, *, upto: datetime) -> Callable[[Role], Awaitable[int]]:
    async def see(role: Role) -> int:
        return await desk.alerts.see(desk.site, "threats", role, upto=upto, actor=SAM, now=LATER)

    return see


async def test_what_a_person_has_decided_needs_no_alert(desk: Desk) -> None:
    comment = await desk.post()
    await desk.tell()
    await desk.newsroom.approve(comment)
    assert await desk.unseen() == []


async def test_an_alert_that_nobody_was_told_of_in_a_week_is_not_shown(desk: Desk) -> None:
    await desk.post()
    await desk.tell()
    later = LATER + timedelta(days=8)
    assert await desk.alerts.unseen(desk.site, Role.SENIOR, now=later) == []
    await desk.alerts.store.purge(before=LATER)
    assert await desk.unseen() == []


async def test_an_alert_travels_with_its_comment(desk: Desk) -> None:
    """Redis and the journal keep a comment as the same JSON; the release before had none in it."""
    comment = await desk.post()
    assert comment.screened is not None
    assert comment.screened.alert is not None
    written = to_payload(comment)
    assert from_payload(written) == comment
    del written["screened"]["alert"]
    older = from_payload(written)
    assert older.screened == replace(comment.screened, alert=None)


def _judged(*thens: dict[str, Any]) -> Verdict:
    rules = [
        {
            "id": f"rule-{number}",
            "title": f"Rule {number}",
            "state": "live",
            "when": {"text": {"words": ["herring"]}},
            "then": {"action": "flag", **then},
        }
        for number, then in enumerate(thens)
    ]
    document = RuleDocument.model_validate({"version": 1, "rules": rules})
    return evaluate(Facts(text="A herring.", now=NOON), compile_rules(document))


def test_the_most_severe_rule_that_asks_for_it_is_told_of() -> None:
    assert _judged({"severity": 5}).alert is None
    alert = _judged({"severity": 5, "notify": True}, {"severity": 9}).alert
    assert alert is not None
    assert (alert.rule, alert.role) == ("rule-0", Role.SENIOR)
    alert = _judged(
        {"severity": 5, "notify": "admin"}, {"severity": 5, "notify": "moderator"}
    ).alert
    assert alert is not None
    assert (alert.rule, alert.role) == ("rule-1", Role.MODERATOR)


def test_a_rule_can_name_only_roles_that_moderate() -> None:
    with pytest.raises(ValueError, match="notify"):
        _judged({"notify": "viewer"})
