from __future__ import annotations

import asyncio
import itertools
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from service.errors import RateLimited
from service.features.access import Guest
from service.features.intake import AuthorBanned
from service.features.own import UnknownComment
from service.features.reader_tokens import SignedIn
from service.features.votes import Counted, OwnComment
from service.model import Action, PendingComment, best_order
from tests.features.conftest import OpenSite
from tests.newsroom import Newsroom

Voter = Guest | SignedIn
HOURS_24 = timedelta(days=1)
SUMS = """
    SELECT c.up, c.down,
           count(v.value) FILTER (WHERE v.value = 1 AND v.counts) AS ups,
           count(v.value) FILTER (WHERE v.value = -1 AND v.counts) AS downs
    FROM comments c LEFT JOIN votes v USING (site_id, article_id, comment_id)
    WHERE c.comment_id = $1 GROUP BY c.site_id, c.article_id, c.comment_id
"""
"""What is summed up beside what stands in the rows."""


def guest(author_id: UUID | None = None) -> Guest:
    return Guest(author_id=author_id or uuid4(), generation=0)


def reader(author_id: UUID | None = None) -> SignedIn:
    return SignedIn(
        author_id=author_id or uuid4(),
        issuer="https://daily.example",
        subject="leila",
        name="Leila",
        avatar=None,
        badge=None,
    )


async def vote(
    newsroom: Newsroom,
    comment: PendingComment,
    voter: Voter,
    value: int = 1,
    *,
    address: str = "here",
    after: timedelta = timedelta(),
) -> Counted:
    return await newsroom.votes.cast(
        newsroom.site,
        comment.comment_id,
        voter,
        value=value,
        address_hash=address,
        now=newsroom.now + after,
    )


async def public(newsroom: Newsroom, author: UUID | None = None) -> PendingComment:
    comment = await newsroom.post(author=author)
    await newsroom.approve(comment)
    return comment


async def counted(newsroom: Newsroom, comment: PendingComment) -> tuple[int, int]:
    """Return a comment's sums, which have to be those of its rows."""
    up, down, ups, downs = await newsroom.pool.fetchrow(SUMS, comment.comment_id)
    assert (up, down) == (ups, downs)
    return up, down


@pytest.fixture
async def bounded(new_site: OpenSite) -> Newsroom:
    """A site whose addresses are bounded."""
    return await new_site(limits_on=True)


@pytest.mark.parametrize("voter", [guest(), reader()], ids=["guest", "reader"])
async def test_a_vote_counts_once_however_often_it_is_sent_changed_and_taken_back(
    newsroom: Newsroom, voter: Voter
) -> None:
    comment = await public(newsroom)
    for value, sums in (
        (1, (1, 0)),
        (1, (1, 0)),
        (-1, (0, 1)),
        (-1, (0, 1)),
        (0, (0, 0)),
        (0, (0, 0)),
        (1, (1, 0)),
    ):
        told = await vote(newsroom, comment, voter, value)
        assert (told.up, told.down, told.mine) == (*sums, value)
        assert await counted(newsroom, comment) == sums


async def test_nobody_votes_for_their_own_comment(newsroom: Newsroom) -> None:
    author = uuid4()
    comment = await public(newsroom, author)
    for value in (1, -1, 0):
        with pytest.raises(OwnComment):
            await vote(newsroom, comment, guest(author), value)
    assert await counted(newsroom, comment) == (0, 0)


@pytest.mark.parametrize("state", ["pending", "rejected", "removed", "deleted", "elsewhere"])
async def test_only_what_readers_see_is_voted_for(
    newsroom: Newsroom, new_site: OpenSite, state: str
) -> None:
    comment = await newsroom.post()
    if state == "rejected":
        await newsroom.decide(Action.REJECT, comment)
    elif state != "pending":
        await newsroom.approve(comment)
    if state == "removed":
        reply = await newsroom.post(parent=comment.comment_id)
        await newsroom.approve(reply)
        await newsroom.decide(Action.REMOVE, comment)  # a tombstone stands there
    if state == "deleted":
        await newsroom.own.delete(
            newsroom.site, comment.comment_id, comment.author.author_id, now=newsroom.now
        )
    asked = await new_site() if state == "elsewhere" else newsroom
    with pytest.raises(UnknownComment):
        await vote(asked, comment, guest())
    assert await newsroom.pool.fetchval(
        "SELECT count(*) = 0 FROM votes WHERE comment_id = $1", comment.comment_id
    )


async def test_votes_outlive_a_removal_an_edit_and_a_restoration(newsroom: Newsroom) -> None:
    comment = await public(newsroom)
    await vote(newsroom, comment, guest())
    await newsroom.decide(Action.REMOVE, comment)
    await newsroom.decide(Action.RESTORE, comment)
    await newsroom.own.edit(
        newsroom.site,
        comment.comment_id,
        comment.author.author_id,
        body="New.",
        revision=1,
        now=comment.created_at,
    )
    await newsroom.decide(Action.APPROVE, comment, revision=2)
    assert await counted(newsroom, comment) == (1, 0)


async def test_a_banned_voter_is_refused(newsroom: Newsroom) -> None:
    comment, voter = await public(newsroom), guest()
    await newsroom.pool.execute(
        "INSERT INTO readers (site_id, author_id, kind, banned_until)"
        " VALUES ($1, $2, 'guest', 'infinity')",
        newsroom.site.site_id,
        voter.author_id,
    )
    with pytest.raises(AuthorBanned):
        await vote(newsroom, comment, voter)
    assert await counted(newsroom, comment) == (0, 0)


async def test_of_guests_of_one_address_three_a_day_count_and_signed_in_readers_all_do(
    bounded: Newsroom,
) -> None:
    comment = await public(bounded)
    crowd = [guest() for _ in range(5)]
    for number, each in enumerate(crowd, start=1):
        told = await vote(bounded, comment, each)
        assert (told.up, told.mine) == (min(number, 3), 1)
    elsewhere = await vote(bounded, comment, guest(), address="there")
    assert elsewhere.up == 4
    for number in range(5, 10):
        assert (await vote(bounded, comment, reader())).up == number
    next_day = await vote(bounded, comment, guest(), after=HOURS_24 + timedelta(seconds=1))
    assert next_day.up == 10
    other = await public(bounded)
    assert (await vote(bounded, other, crowd[4])).up == 1, "the bound is a comment's own"
    assert await counted(bounded, comment) == (10, 0)


async def test_a_vote_that_does_not_count_is_changed_and_taken_back_without_being_counted(
    bounded: Newsroom,
) -> None:
    comment = await public(bounded)
    crowd = [guest() for _ in range(4)]
    for each in crowd:
        await vote(bounded, comment, each)
    for value in (-1, 1, 0):
        told = await vote(bounded, comment, crowd[3], value)
        assert (told.up, told.down, told.mine) == (3, 0, value)
    await vote(bounded, comment, crowd[0], 0)
    assert (await vote(bounded, comment, crowd[3], -1)).down == 1, "there is room again"
    assert await counted(bounded, comment) == (2, 1)


async def test_fifty_readers_at_once_are_counted_exactly(newsroom: Newsroom) -> None:
    comment = await public(newsroom)
    values = [1, 1, -1, 1, 0] * 10
    await asyncio.gather(*(vote(newsroom, comment, guest(), value) for value in values))
    assert await counted(newsroom, comment) == (30, 10)
    best = await newsroom.pool.fetchval(
        "SELECT best FROM comments WHERE comment_id = $1", comment.comment_id
    )
    assert best == pytest.approx(best_order(30, 10, comment.created_at), abs=1e-9)


async def test_fifty_votes_of_one_reader_at_once_count_as_one(newsroom: Newsroom) -> None:
    comment, voter = await public(newsroom), reader()
    values = list(itertools.islice(itertools.cycle((1, -1, 0)), 49))
    await asyncio.gather(*(vote(newsroom, comment, voter, value) for value in values))
    assert sum(await counted(newsroom, comment)) <= 1
    await vote(newsroom, comment, voter, -1)
    assert await counted(newsroom, comment) == (0, 1)


async def test_thirty_guests_of_one_address_at_once_count_as_three(bounded: Newsroom) -> None:
    comment = await public(bounded)
    await asyncio.gather(*(vote(bounded, comment, guest()) for _ in range(30)))
    assert await counted(bounded, comment) == (3, 0)


async def test_voting_and_deciding_at_once_disturb_each_other_in_nothing(
    newsroom: Newsroom,
) -> None:
    comment = await public(newsroom)

    async def swing() -> None:
        for _ in range(4):
            await newsroom.decide(Action.REMOVE, comment)
            await newsroom.decide(Action.RESTORE, comment)

    votes = [vote(newsroom, comment, guest()) for _ in range(30)]
    *outcomes, _ = await asyncio.gather(*votes, swing(), return_exceptions=True)
    cast = [each for each in outcomes if isinstance(each, Counted)]
    assert {type(each) for each in outcomes} <= {Counted, UnknownComment}
    assert await newsroom.status(comment) == "approved"
    assert await counted(newsroom, comment) == (len(cast), 0)


async def test_one_reader_votes_thirty_times_a_minute(bounded: Newsroom) -> None:
    comment, voter = await public(bounded), reader()
    for _ in range(30):
        await vote(bounded, comment, voter)
    with pytest.raises(RateLimited):
        await vote(bounded, comment, voter, -1)
    assert (await vote(bounded, comment, reader())).up == 2


async def test_readers_are_told_their_own_votes_and_nobody_elses(newsroom: Newsroom) -> None:
    comments = [await public(newsroom) for _ in range(3)]
    elsewhere = await newsroom.post(article="story-2")
    await newsroom.approve(elsewhere)
    mine, other = guest(), guest()
    await vote(newsroom, comments[0], mine)
    await vote(newsroom, comments[1], mine, -1)
    await vote(newsroom, comments[2], mine)
    await vote(newsroom, comments[2], mine, 0)
    await vote(newsroom, elsewhere, mine)
    await vote(newsroom, comments[2], other)
    votes = await newsroom.votes.of(newsroom.site, "story-1", mine.author_id)
    assert votes == {comments[0].comment_id: 1, comments[1].comment_id: -1}
    assert await newsroom.votes.of(newsroom.site, "story-1", uuid4()) == {}
