"""What a search finds is what other SQL, over the tables themselves, finds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from service.cursors import BadCursor
from service.features.search.language import Mistake
from service.model import Action
from service.storage import search as store
from tests.features.search.conftest import Archive
from tests.newsroom import SAM

TRUTH = """
    SELECT comment_id FROM (
        SELECT p.comment_id, a.key, d.status AS decided, d.reason, d.actor_kind, m.name AS member,
               j.payload AS waiting,
               coalesce(c.text, j.payload ->> 'text', k.payload ->> 'text') AS text,
               coalesce(c.author_name, j.payload -> 'author' ->> 'name',
                        k.payload -> 'author' ->> 'name') AS author,
               coalesce(c.author_email, j.payload -> 'author' ->> 'email',
                        k.payload -> 'author' ->> 'email') AS email,
               coalesce(c.lang, j.payload ->> 'lang', k.payload ->> 'lang') AS lang,
               coalesce(d.status, 'pending') AS state,
               to_timestamp(('x' || substr(replace(p.comment_id::text, '-', ''), 1, 12))
                            ::bit(48)::bigint / 1000.0) AS created,
               EXISTS (SELECT FROM reports r WHERE r.comment_id = p.comment_id
                       AND r.closed_at IS NULL) AS reported,
               (SELECT array_agg(w ->> 'rule')
                FROM jsonb_array_elements(coalesce(j.payload, k.payload) -> 'why') w) AS rules
        FROM comment_places p
        LEFT JOIN articles a USING (site_id, article_id)
        LEFT JOIN comments c USING (site_id, article_id, comment_id)
        LEFT JOIN intake_journal j ON j.comment_id = p.comment_id AND j.state = 'waiting'
        LEFT JOIN kept_texts k ON k.comment_id = p.comment_id
        LEFT JOIN LATERAL (SELECT * FROM decisions WHERE comment_id = p.comment_id
                           ORDER BY n DESC LIMIT 1) d ON true
        LEFT JOIN members m ON m.member_id::text = d.actor_id
        WHERE p.site_id = $1
    ) whole
    WHERE {condition}
    ORDER BY comment_id DESC
"""

EXAMPLES = {
    "": "true",
    "refund": "text ILIKE '%refund%'",
    "BUDGET vote": "text ILIKE '%budget%' AND text ILIKE '%vote%'",
    'text:"badsite"': "text ILIKE '%badsite%'",
    '"budget vote"': "text ILIKE '%budget vote%'",
    "مرحبا": "text LIKE '%مرحبا%'",
    "ПРИВЕТ": "text ILIKE '%привет%'",
    "100%": "strpos(text, '100%') > 0",
    "a_b": "strpos(text, 'a_b') > 0",
    r'"\\o/"': r"strpos(text, '\o/') > 0",
    "x": "text ILIKE '%x%'",
    "-refund": "text IS NULL OR text NOT ILIKE '%refund%'",
    'author:"omar k"': "author = 'Omar K'",
    "author:omar": "author ILIKE '%omar%'",
    "author:100%": "author = 'Dr. 100%'",
    "author:l_i": "author = 'Al_i'",
    "-author:omar": "author IS NULL OR author NOT ILIKE '%omar%'",
    "author:ليلى": "author = 'ليلى'",
    "email:omar@spam.example": "email = 'omar@spam.example'",
    "email:@spam.example": "email LIKE '%@spam.example'",
    "-email:@spam.example": "email IS NULL OR email NOT LIKE '%@spam.example'",
    "article:story-3": "key = 'story-3'",
    "-article:story-3": "key <> 'story-3'",
    "article:nowhere": "false",
    "lang:ar": "lang IN ('ar', 'ar-EG')",
    "lang:ar-eg": "lang = 'ar-EG'",
    "lang:en,fr": "lang IN ('en', 'fr')",
    "-lang:en": "lang IS DISTINCT FROM 'en'",
    "state:pending": "state = 'pending'",
    "state:approved": "state = 'approved'",
    "state:rejected": "state = 'rejected'",
    "state:removed": "state = 'removed'",
    "state:deleted": "state = 'deleted'",
    "state:any": "true",
    "state:rejected,removed": "state IN ('rejected', 'removed')",
    "-state:approved": "state <> 'approved'",
    "rule:links state:pending": "rules @> '{links}' AND state = 'pending'",
    "rule:links,flood state:rejected": "rules && '{links,flood}' AND state = 'rejected'",
    "-rule:links state:pending": "NOT coalesce(rules @> '{links}', false) AND state = 'pending'",
    "reason:spam": "reason = 'spam'",
    "reason:spam,abuse -reason:abuse": "reason = 'spam'",
    "-reason:spam": "reason IS DISTINCT FROM 'spam'",
    'by:"sam oak"': "member = 'Sam Oak'",
    "by:KIM": "member = 'Kim'",
    "-by:kim": "member IS DISTINCT FROM 'Kim'",
    "by:author": "actor_kind = 'author'",
    "by:member": "actor_kind = 'member'",
    "lane:held": "waiting IS NOT NULL",
    "lane:reported": "reported",
    "-lane:reported,held": "NOT reported AND waiting IS NULL",
    "lane:all": "true",
    "lane:check": "false",
    "date:2026-08-05": "created >= '2026-08-05Z' AND created < '2026-08-06Z'",
    "date:2026-08-20..": "created >= '2026-08-20Z'",
    "date:..2026-08-10": "created < '2026-08-11Z'",
    "date:2026-08-03..2026-08-20": "created >= '2026-08-03Z' AND created < '2026-08-21Z'",
    "-date:2026-08-03..2026-08-20": "created < '2026-08-03Z' OR created >= '2026-08-21Z'",
    'author:"omar k" state:any text:"badsite" date:2026-08-01..': (
        "author = 'Omar K' AND text ILIKE '%badsite%'"
    ),
    "state:rejected -lang:en,fr reason:spam,off_topic article:story-1 -refund": (
        "state = 'rejected' AND (lang IS NULL OR lang NOT IN ('en', 'fr'))"
        " AND reason IN ('spam', 'off_topic') AND key = 'story-1' AND text NOT ILIKE '%refund%'"
    ),
}


async def truth(archive: Archive, condition: str) -> list[UUID]:
    rows = await archive.room.pool.fetch(
        TRUTH.replace("{condition}", condition), archive.room.site.site_id
    )
    return [row["comment_id"] for row in rows]


@pytest.fixture(params=["near", "farther", "beyond"])
def however(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the windows be so small that the rest has to be asked, too."""
    if request.param != "near":
        monkeypatch.setattr(store, "NEAR", 7)
        monkeypatch.setattr(store, "FARTHER", 150)
        monkeypatch.setattr(store, "FEW", 2.0 if request.param == "farther" else 0.0)


@pytest.mark.usefixtures("however")
@pytest.mark.parametrize("line", EXAMPLES)
@pytest.mark.long
async def test_a_filter_finds_what_other_sql_finds(archive: Archive, line: str) -> None:
    expected = await truth(archive, EXAMPLES[line])
    assert await archive.ids(line, limit=97) == expected
    assert await archive.ids(line, limit=31, sort="oldest") == expected[::-1]


async def test_the_examples_find_something_but_not_everything(archive: Archive) -> None:
    sizes = {line: len(await truth(archive, EXAMPLES[line])) for line in EXAMPLES}
    whole = sizes.pop("")
    empty = {line for line, size in sizes.items() if size == 0}
    assert empty == {"article:nowhere", "lane:check"}
    assert {line for line, size in sizes.items() if size == whole} == {"state:any", "lane:all"}


async def test_a_ref_names_an_author_among_namesakes(archive: Archive) -> None:
    one = (await archive.found('author:"omar k"'))[0]
    found = await archive.found(f"author:{one.author_id}")
    assert {each.author_id for each in found} == {one.author_id}
    assert await archive.ids(f"author:{uuid4()}") == []


async def test_a_page_tells_who_decided_and_where_it_goes_on(archive: Archive) -> None:
    page = await archive.page("state:rejected", limit=5)
    assert len(page.hits) == 5
    assert page.next is not None
    decisions = [each.found.decision for each in page.hits]
    named = {page.names[each.actor_kind, each.actor_id] for each in decisions if each is not None}
    assert named <= {"Sam Oak", "Kim", "Nour"}
    assert named
    following = await archive.page("state:rejected", limit=5, cursor=page.next)
    first, then = ([hit.found.comment_id for hit in each.hits] for each in (page, following))
    assert first + then == (await archive.ids("state:rejected"))[:10]


async def test_a_cursor_is_good_for_its_own_search(archive: Archive) -> None:
    cursor = (await archive.page("refund", limit=1)).next
    for line, said in (("Refund", {}), ("refund", {"sort": "oldest"}), ("", {})):
        with pytest.raises(BadCursor):
            await archive.page(line, cursor=cursor, **said)  # type: ignore[arg-type]
    with pytest.raises(BadCursor):
        await archive.page("refund", cursor=cursor, sees_escalated=False)


async def test_what_was_escalated_is_found_by_whom_it_is_shown(archive: Archive) -> None:
    everything = set(await archive.ids(""))
    shown = set(await archive.ids("", sees_escalated=False))
    hidden = everything - shown
    assert hidden
    for comment_id in hidden:
        found = await archive.room.find(comment_id)
        assert found is not None
        assert found.waiting is not None
        assert found.waiting.escalated


async def test_a_search_names_its_own_site_or_is_a_mistake(archive: Archive) -> None:
    slug = archive.room.site.slug
    assert await archive.ids(f"site:{slug} refund") == await archive.ids("refund")
    for line in ("refund site:elsewhere", f"refund -site:{slug}"):
        with pytest.raises(Mistake) as mistaken:
            await archive.ids(line)
        assert mistaken.value.position == 7


async def test_no_site_finds_anothers_comments(small: Archive, archive: Archive) -> None:
    assert await small.ids("") == []
    assert await archive.ids("") != []


# Kept up to date


async def state_of(small: Archive, comment_id: UUID) -> str | None:
    await small.index.catch_up()
    found = [
        state
        for state in ("pending", "approved", "rejected", "removed", "deleted")
        if comment_id in await small.ids(f"state:{state}")
    ]
    assert len(found) <= 1
    return found[0] if found else None


async def test_search_follows_a_comment_through_its_life(small: Archive) -> None:
    room = small.room
    comment = await room.post("Budget vote.")
    await room.journal_all()
    comment_id = comment.comment_id
    assert await state_of(small, comment_id) == "pending"
    (approval,) = await room.approve(comment)
    assert await state_of(small, comment_id) == "approved"
    assert approval.decision is not None
    await room.decisions.reverse(
        [room.site], approval.decision.decision_id, actor=SAM, now=room.now
    )
    assert await state_of(small, comment_id) == "pending"
    await room.approve(comment)
    await room.decide(Action.REMOVE, comment)
    assert await state_of(small, comment_id) == "removed"
    assert await small.ids("budget reason:spam") == [comment_id]
    await room.decide(Action.RESTORE, comment)
    assert await state_of(small, comment_id) == "approved"
    assert await small.ids("reason:spam") == []
    await room.own.delete(room.site, comment_id, comment.author.author_id, now=room.now)
    assert await state_of(small, comment_id) == "deleted"
    assert await small.ids("budget") == []
    kept = await room.pool.fetchval(
        "SELECT text FROM search_texts WHERE comment_id = $1", comment_id
    )
    assert kept == ""


async def test_a_comment_published_at_once_is_found_though_it_never_waited(
    small: Archive,
) -> None:
    comment = await small.room.post("Straight through.", auto=True)
    await small.room.approve(comment)
    await small.index.catch_up()
    assert await small.ids("straight state:approved") == [comment.comment_id]


async def test_an_edit_is_found_by_what_is_shown_of_it(small: Archive) -> None:
    room = small.room
    accepted = await room.submit("First words.")
    comment_id, author = accepted.found.comment_id, accepted.author_id

    async def edit(body: str, revision: int) -> None:
        await room.own.edit(
            room.site, comment_id, author, body=body, revision=revision, now=room.now
        )
        await room.journal_all()
        await small.index.catch_up()

    await room.journal_all()
    await edit("Second words.", 1)
    assert await small.ids("first") == []
    assert await small.ids("second state:pending lane:held") == [comment_id]
    await room.decide(Action.APPROVE, comment_id, revision=2)
    await edit("Third words.", 2)
    assert await small.ids("second state:approved lane:held") == [comment_id]
    await room.decide(Action.APPROVE, comment_id, revision=3)
    await small.index.catch_up()
    assert await small.ids("third state:approved -lane:held") == [comment_id]
    assert await small.ids("second") == []


async def test_a_rejected_text_is_found_until_its_time_is_over(small: Archive) -> None:
    room = small.room
    comment = await room.post("Not to be kept.")
    await room.decide(Action.REJECT, comment)
    await small.index.catch_up()
    assert await small.ids("kept") == [comment.comment_id]
    await room.pool.execute("DELETE FROM kept_texts WHERE comment_id = $1", comment.comment_id)
    await small.index.catch_up()
    assert await small.ids("kept") == []
    assert await state_of(small, comment.comment_id) == "rejected"


async def test_rules_that_spoke_while_a_comment_waited_are_remembered(archive: Archive) -> None:
    approved = await archive.ids("rule:links state:approved")
    assert approved
    assert set(approved) < set(await archive.ids("state:approved"))


async def test_comments_search_never_heard_of_are_found_by_a_new_leader(small: Archive) -> None:
    comments = [await small.room.post(f"Old {n}.") for n in range(3)]
    await small.room.approve(*comments)
    site_id = small.room.site.site_id
    await small.room.pool.execute("DELETE FROM search_changes WHERE site_id = $1", site_id)
    await small.index.catch_up()
    assert await small.ids("") == []
    place: tuple[int, UUID] | None = (site_id - 1, UUID(int=2**128 - 1))
    while place is not None:
        place = await small.index.store.enlist_missing(place, limit=2)
    await small.index.catch_up()
    assert set(await small.ids("old")) == {each.comment_id for each in comments}


async def test_a_day_begins_at_midnight_utc(small: Archive) -> None:
    room = small.room
    day = date(2026, 9, 1)
    midnight = datetime(2026, 9, 1, tzinfo=UTC)
    found: dict[str, Any] = {}
    for name, at in (
        ("last of august", midnight - timedelta(milliseconds=1)),
        ("first", midnight),
        ("last", midnight + timedelta(days=1, milliseconds=-1)),
        ("next day", midnight + timedelta(days=1)),
    ):
        room.now = at
        found[name] = (await room.submit(name)).found.comment_id
    await room.journal_all()
    await small.index.catch_up()
    assert await small.ids(f"date:{day}", sort="oldest") == [found["first"], found["last"]]
