from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from service.errors import Invalid, RateLimited
from service.features.intake import AuthorBanned
from service.features.lanes import Lane
from service.features.own import UnknownComment
from service.features.queue import QueueEntry
from service.features.reports import Notice
from service.model import Action, Actor, PendingComment, SiteSettings
from tests.features.conftest import OpenSite
from tests.newsroom import KIM, SAM, Newsroom

NOTICE = Notice(name="Omar", email="omar@example.org", good_faith=True, about_minors=False)


async def report(
    newsroom: Newsroom,
    comment: PendingComment | UUID,
    *,
    reporter: UUID | None = None,
    address: str = "here",
    reason: str = "spam",
    said: str = "",
    notice: Notice | None = None,
) -> UUID:
    return await newsroom.reports.report(
        newsroom.site,
        comment if isinstance(comment, UUID) else comment.comment_id,
        reporter_id=reporter,
        address_hash=address,
        reason=reason,
        said=said,
        notice=notice,
        now=newsroom.now,
    )


async def public(newsroom: Newsroom) -> PendingComment:
    comment = await newsroom.post()
    await newsroom.approve(comment)
    return comment


async def reported(newsroom: Newsroom) -> list[QueueEntry]:
    page = await newsroom.queue.look(
        newsroom.site,
        lane=Lane.REPORTED,
        sort="priority",
        phrase=None,
        limit=50,
        cursor=None,
        actor=SAM,
        now=newsroom.now,
    )
    assert page.total == len(page.entries)
    return list(page.entries)


async def crowd(newsroom: Newsroom, comment: PendingComment, size: int) -> None:
    for _ in range(size):
        await report(newsroom, comment, reporter=uuid4())


@pytest.fixture
async def hiding(new_site: OpenSite) -> Newsroom:
    """A site that hides what three have reported."""
    return await new_site(SiteSettings(reports_hide=True, reports_threshold=3))


async def test_a_reader_or_an_address_reports_a_comment_once(newsroom: Newsroom) -> None:
    comment, leila = await public(newsroom), uuid4()
    first = await report(newsroom, comment, reporter=leila)
    assert await report(newsroom, comment, reporter=leila, reason="hate", address="there") == first
    nameless = await report(newsroom, comment)
    assert nameless != first
    assert await report(newsroom, comment, reason="abuse", said="Again.") == nameless
    assert await report(newsroom, comment, address="there") not in {first, nameless}
    other = await public(newsroom)
    assert await report(newsroom, other, reporter=leila) != first
    (most, least) = await reported(newsroom)
    assert (most.reports, least.reports) == ({"spam": 3}, {"spam": 1})


async def test_of_one_report_sent_twenty_times_at_once_one_is_kept(newsroom: Newsroom) -> None:
    comment, leila = await public(newsroom), uuid4()
    ids = await asyncio.gather(*(report(newsroom, comment, reporter=leila) for _ in range(20)))
    assert len(set(ids)) == 1
    assert [each.reports for each in await reported(newsroom)] == [{"spam": 1}]


@pytest.mark.parametrize("state", ["pending", "rejected", "removed", "deleted", "unknown"])
async def test_only_what_readers_see_is_reported(newsroom: Newsroom, state: str) -> None:
    comment = await newsroom.post()
    if state == "rejected":
        await newsroom.decide(Action.REJECT, comment)
    if state in {"removed", "deleted"}:
        await newsroom.approve(comment)
        action = Action.REMOVE if state == "removed" else Action.DELETE
        await newsroom.decide(action, comment)
    with pytest.raises(UnknownComment):
        await report(newsroom, uuid4() if state == "unknown" else comment)
    assert await reported(newsroom) == []


async def test_a_reason_is_one_of_the_usual_or_of_the_sites_own(new_site: OpenSite) -> None:
    newsroom = await new_site(SiteSettings(reasons=("betting",)))
    comment = await public(newsroom)
    await report(newsroom, comment, reason="betting")
    with pytest.raises(Invalid) as refused:
        await report(newsroom, comment, reason="boring", address="there")
    assert [(each.pointer, each.code) for each in refused.value.errors] == [
        ("/reason", "unknown_reason")
    ]


@pytest.mark.parametrize(
    ("said", "notice", "missing"),
    [
        ("", None, {"/text", "/notice/good_faith"}),
        ("It is.", None, {"/notice/good_faith"}),
        ("It is.", {"good_faith": False}, {"/notice/good_faith"}),
        ("It is.", {"name": None}, {"/notice/name"}),
        ("It is.", {"email": ""}, {"/notice/email"}),
        ("It is.", {"name": " \n"}, {"/notice/name"}),
        ("It is.", {"email": "omar\0@example.org"}, {"/notice/email"}),
        (" ", {}, {"/text"}),
        ("It is.", {}, set()),
        ("It is.", {"name": None, "email": None, "about_minors": True}, set()),
    ],
)
async def test_a_notice_of_illegal_content_has_everything_article_16_asks_for(
    newsroom: Newsroom, said: str, notice: dict[str, Any] | None, missing: set[str]
) -> None:
    comment = await public(newsroom)
    usual = {"name": "Omar", "email": "omar@example.org", "good_faith": True, "about_minors": False}
    given = Notice(**{**usual, **notice}) if notice is not None else None
    if missing:
        with pytest.raises(Invalid) as refused:
            await report(newsroom, comment, reason="illegal", said=said, notice=given)
        assert {each.pointer for each in refused.value.errors} == missing
        assert await reported(newsroom) == []
    else:
        await report(newsroom, comment, reason="illegal", said=said, notice=given)
        kept = await newsroom.pool.fetchrow(
            "SELECT text, notice FROM reports WHERE comment_id = $1", comment.comment_id
        )
        assert kept["text"] == "It is."
        assert kept["notice"] == {**usual, **(notice or {})}


async def test_who_reports_something_else_leaves_no_name(newsroom: Newsroom) -> None:
    comment = await public(newsroom)
    await report(newsroom, comment, reason="spam", notice=NOTICE)
    kept = await newsroom.pool.fetchval(
        "SELECT notice FROM reports WHERE comment_id = $1", comment.comment_id
    )
    assert kept is None


async def test_the_text_of_a_report_goes_through_the_text_policy(newsroom: Newsroom) -> None:
    comment = await public(newsroom)
    for said in ("a\0b", "x" * 2_001):
        with pytest.raises(Invalid):
            await report(newsroom, comment, said=said)
    assert await reported(newsroom) == []


async def test_a_banned_reader_is_refused(newsroom: Newsroom) -> None:
    comment, leila = await public(newsroom), uuid4()
    await newsroom.pool.execute(
        "INSERT INTO readers (site_id, author_id, kind, banned_until)"
        " VALUES ($1, $2, 'guest', 'infinity')",
        newsroom.site.site_id,
        leila,
    )
    with pytest.raises(AuthorBanned):
        await report(newsroom, comment, reporter=leila)


async def test_one_place_reports_thirty_times_a_minute(new_site: OpenSite) -> None:
    newsroom = await new_site(limits_on=True)
    comment = await public(newsroom)
    for _ in range(30):
        await report(newsroom, comment)
    with pytest.raises(RateLimited):
        await report(newsroom, comment)
    await report(newsroom, comment, address="there")


async def test_many_reports_only_raise_a_comment_where_the_site_does_not_hide(
    newsroom: Newsroom,
) -> None:
    few, many = await public(newsroom), await public(newsroom)
    await crowd(newsroom, few, 1)
    await crowd(newsroom, many, 4)
    assert await newsroom.status(many) == "approved"
    entries = await reported(newsroom)
    assert [each.found.comment_id for each in entries] == [many.comment_id, few.comment_id]


async def test_a_site_that_hides_does_so_at_its_threshold_and_moderators_see_why(
    hiding: Newsroom,
) -> None:
    comment = await public(hiding)
    await crowd(hiding, comment, 2)
    assert (await hiding.status(comment), await hiding.count()) == ("approved", 1)
    await crowd(hiding, comment, 1)
    assert (await hiding.status(comment), await hiding.count()) == ("removed", 0)
    (entry,) = await reported(hiding)
    assert entry.reports == {"spam": 3}
    decision = entry.found.decision
    assert decision is not None
    assert (decision.actor_kind, decision.actor_id) == ("rule", "reports")
    assert entry.found.kept is not None
    assert entry.found.kept.text == "A comment."


async def test_reports_at_once_hide_a_comment_once(hiding: Newsroom) -> None:
    comment = await public(hiding)
    reports = [report(hiding, comment, reporter=uuid4()) for _ in range(12)]
    outcomes = await asyncio.gather(*reports, return_exceptions=True)
    assert all(isinstance(each, (UUID, UnknownComment)) for each in outcomes), outcomes
    assert await hiding.status(comment) == "removed"
    removals = await hiding.pool.fetchval(
        "SELECT count(*) FROM decisions WHERE comment_id = $1 AND action = 'remove'",
        comment.comment_id,
    )
    assert removals == 1


async def test_a_report_whose_hiding_failed_hides_when_it_is_repeated(
    newsroom: Newsroom, new_site: OpenSite
) -> None:
    leila = uuid4()
    site = await new_site(SiteSettings(reports_threshold=2))
    comment = await public(site)
    await crowd(site, comment, 1)
    await report(site, comment, reporter=leila)
    settings = SiteSettings(reports_threshold=2, reports_hide=True)
    site.site = await site.sites.change_settings(site.site, settings, site.site.settings_version)
    await report(site, comment, reporter=leila)
    assert await site.status(comment) == "removed"
    assert newsroom.site != site.site


@pytest.mark.parametrize("by_undoing", [False, True], ids=["restored", "undone"])
async def test_restoring_what_readers_had_hidden_answers_them_for_good(
    hiding: Newsroom, *, by_undoing: bool
) -> None:
    comment, reporters = await public(hiding), [uuid4() for _ in range(3)]
    for each in reporters:
        await report(hiding, comment, reporter=each)
    found = await hiding.find(comment)
    assert found is not None
    assert found.decision is not None
    if by_undoing:
        await hiding.decisions.reverse(
            [hiding.site], found.decision.decision_id, actor=SAM, now=hiding.now
        )
    else:
        await hiding.decide(Action.RESTORE, comment)
    assert (await hiding.status(comment), await hiding.count()) == ("approved", 1)
    assert await reported(hiding) == []
    for each in reporters:
        await report(hiding, comment, reporter=each)
    assert await hiding.status(comment) == "approved", "they were answered"
    await crowd(hiding, comment, 3)
    assert await hiding.status(comment) == "removed", "others have not been"


@pytest.mark.parametrize("ending", ["removed", "deleted", "hidden and deleted", "withdrawn"])
async def test_a_comment_that_is_gone_is_in_no_pile(hiding: Newsroom, ending: str) -> None:
    comment = await newsroom_comment(hiding, ending)
    if ending == "removed":
        await hiding.decide(Action.REMOVE, comment)
    else:
        await hiding.own.delete(
            hiding.site, comment.comment_id, comment.author.author_id, now=hiding.now
        )
    assert await reported(hiding) == []


async def newsroom_comment(hiding: Newsroom, ending: str) -> PendingComment:
    """A reported comment: public, hidden, or waiting again."""
    comment = await hiding.post()
    approval = (await hiding.approve(comment))[0].decision
    await crowd(hiding, comment, 3 if ending.startswith("hidden") else 2)
    if ending == "withdrawn":
        assert approval is not None
        await hiding.decisions.reverse(
            [hiding.site], approval.decision_id, actor=KIM, now=hiding.now
        )
    assert len(await reported(hiding)) == 1
    return comment


async def dismiss(newsroom: Newsroom, comment_id: UUID, by: Actor = KIM) -> None:
    await newsroom.reports.dismiss(newsroom.site, comment_id, actor=by, now=newsroom.now)


async def test_dismissing_answers_every_report_and_changes_nothing_else(
    newsroom: Newsroom,
) -> None:
    comment, other = await public(newsroom), await public(newsroom)
    await crowd(newsroom, comment, 2)
    await crowd(newsroom, other, 1)
    for _ in range(2):
        await dismiss(newsroom, comment.comment_id)
    assert await newsroom.status(comment) == "approved"
    assert [each.found.comment_id for each in await reported(newsroom)] == [other.comment_id]
    with pytest.raises(UnknownComment):
        await dismiss(newsroom, uuid4())
    await crowd(newsroom, comment, 1)
    assert len(await reported(newsroom)) == 2, "a new one is a new question"
