"""A rule is tried on what was sent and decided before."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace

from service.errors import Unavailable
from service.features.articles import ArticleChanges
from service.features.dry_run import ATTEMPTS_MAX, WAITING_MAX, DryRunEnded, TooManyDryRuns
from service.features.dry_run_apart import Job, apart, walk_of
from service.features.dry_run_tally import Earlier
from service.features.rule_changes import NotTried
from service.features.rulebook import read_rule, rules_of
from service.features.screening import ArticleFacts
from service.features.screening.words import shipped_lists
from service.model import Action, Mode, SiteSettings, Status
from service.storage.rules import RuleStore
from tests.features.conftest import OpenSite
from tests.features.rule_desk import BADWORD, RuleDesk
from tests.newsroom import NOON, SAM, Newsroom, new_id, without_postgres

pytestmark = pytest.mark.long


@pytest.fixture
def desk(newsroom: Newsroom) -> RuleDesk:
    return RuleDesk.of(newsroom)


async def test_hits_are_held_against_what_people_decided(desk: RuleDesk) -> None:
    await desk.past("You grunzel.", "Grunzel again!", "G.r.u.n.z.e.l", action=Action.REJECT)
    await desk.past("A grunzel is a bird.", "The bread was good.", action=Action.APPROVE)
    await desk.past("Something else that was bad.", action=Action.REJECT)
    await desk.past("Another grunzel waits.")
    await desk.save()

    run = await desk.tried()

    report = run.report
    assert report is not None
    assert (run.state, run.total, run.looked_at) == ("done", 7, 7)
    assert report["hits"] == 5
    assert report["hits_decided"] == {"rejected": 3, "approved": 1}
    assert report["decided"] == {"rejected": 4, "approved": 2}
    assert report["precision"]["value"] == 0.75
    assert (report["precision"]["low"], report["precision"]["high"]) == (0.3006, 0.9544)
    assert report["recall"]["value"] == 0.75
    assert report["by_language"]["en"]["hits"] >= 3


async def test_false_alarms_are_named_with_their_places(desk: RuleDesk) -> None:
    await desk.past("A grunzel is a bird.", action=Action.APPROVE)
    await desk.save()

    run = await desk.tried()

    assert run.report is not None
    site, alarms = desk.newsroom.site, run.report["alarms"]
    (alarm,) = await desk.runs.shown(site, alarms, sees_escalated=False)
    assert alarm.text == "A grunzel is a bird."
    assert alarm.spans == ((2, 9),)


async def test_an_escalated_comment_is_shown_to_seniors_alone(desk: RuleDesk) -> None:
    await desk.save()
    await desk.go_live()
    await desk.past("You grunzel, and your family.", action=Action.ESCALATE)
    await desk.past("Grunzel!")
    await desk.save(when={"all": [{"text": {"words": ["knurzel"]}}]})
    report = (await desk.tried()).report
    assert report is not None
    site, lost = desk.newsroom.site, report["lost_ones"]

    seen = await desk.runs.shown(site, lost, sees_escalated=False)
    seen_by_seniors = await desk.runs.shown(site, lost, sees_escalated=True)

    assert [each.text for each in seen] == ["Grunzel!"]
    assert {each.text for each in seen_by_seniors} == {"Grunzel!", "You grunzel, and your family."}


async def test_a_rule_may_ask_for_the_section_of_an_article(desk: RuleDesk) -> None:
    room = desk.newsroom
    told: ArticleChanges = {"section": "Sport", "tags": ["cup"], "published_at": room.now}
    await room.articles.put(room.site, "match", told, room.now)
    await desk.past("Well played.", article="match")
    await desk.past("Well said.")
    under = {"sections": ["Sport"], "tags": ["cup", "league"], "age_hours_max": 2}
    await desk.save(when={"all": [{"article": under}]})

    report = (await desk.tried()).report

    assert report is not None
    assert (report["hits"], report["blind"]) == (1, [])


async def test_a_new_version_is_compared_with_the_live_one(desk: RuleDesk) -> None:
    await desk.past("You grunzel.", "You knurzel.", "You grunzel and knurzel.")
    await desk.save()
    await desk.go_live()
    await desk.save(when={"all": [{"text": {"words": ["knurzel"]}}]})

    report = (await desk.tried()).report

    assert report is not None
    assert (report["hits"], report["live_hits"]) == (2, 2)
    assert (report["newly"], report["no_longer"]) == (1, 1)


async def test_what_other_rules_say_of_the_hits_is_counted(desk: RuleDesk) -> None:
    await desk.past("You grunzel https://a.example https://b.example https://c.example")
    await desk.save()

    report = (await desk.tried()).report

    assert report is not None
    assert report["overlap"]["many-links"] == 1


async def test_the_load_is_what_would_wait_and_otherwise_would_not(new_site: OpenSite) -> None:
    desk = RuleDesk.of(await new_site(SiteSettings(mode=Mode.POST)))
    await desk.past("You grunzel.", "Grunzel https://a.example https://b.example https://c.example")
    await desk.save()

    report = (await desk.tried(days=2)).report

    assert report is not None
    assert (report["hits"], report["added"]) == (2, 1)
    assert report["added_per_hour"] == pytest.approx(1 / 48, abs=0.001)


async def test_an_authors_record_is_what_it_was_then(desk: RuleDesk) -> None:
    first = {"all": [{"author": {"approved_max": 0}}]}
    author = (await desk.newsroom.post("Before.")).author.author_id
    await desk.past("One.", "Two.", "Three.", action=Action.APPROVE, author=author)
    await desk.save(rule={**BADWORD, "when": first})

    report = (await desk.tried()).report

    assert report is not None
    assert report["hits"] == 2  # "Before.", which nobody decided, and "One."


async def test_what_history_does_not_tell_is_said(desk: RuleDesk) -> None:
    await desk.save(when={"any": [{"reports": {"min": 1}}, {"links": {"min": 9}}]})

    report = (await desk.tried()).report

    assert report is not None
    assert report["blind"] == ["reports"]


async def test_a_rule_is_tried_before_it_is_saved(desk: RuleDesk) -> None:
    await desk.past("You grunzel.")

    run = await desk.tried("not-yet", wish=BADWORD)

    assert run.version is None
    assert run.hits == 1


async def test_a_run_that_was_cut_short_begins_anew(desk: RuleDesk) -> None:
    await desk.past("You grunzel.", "You grunzel too.")
    await desk.save()
    site = desk.newsroom.site
    run = await desk.runs.begin(site, "bad-word", actor=SAM, now=desk.newsroom.now)
    taken = await desk.runs.store.take()
    assert taken is not None
    await desk.runs.store.note_progress(taken, total=2, looked_at=1)

    await RuleDesk.of(desk.newsroom).work_off()

    ended = await desk.runs.find(site, run.dry_run_id)
    assert (ended.state, ended.looked_at, ended.hits) == ("done", 2, 2)


async def test_a_run_that_brings_the_service_down_is_given_up(desk: RuleDesk) -> None:
    await desk.save()
    site, now = desk.newsroom.site, desk.newsroom.now
    run = await desk.runs.begin(site, "bad-word", actor=SAM, now=now)
    for _ in range(ATTEMPTS_MAX):  # each time the process that took it is gone
        assert await desk.runs.store.take() is not None

    await RuleDesk.of(desk.newsroom).work_off()

    ended = await desk.runs.find(site, run.dry_run_id)
    assert (ended.state, ended.trouble, ended.report) == ("failed", "given_up", None)
    with pytest.raises(NotTried):
        await desk.changes.live(site, "bad-word", 1, desk.change(1))


async def test_a_run_is_not_to_blame_when_postgres_is_away(desk: RuleDesk) -> None:
    await desk.past("You grunzel.")
    await desk.save()
    site, now = desk.newsroom.site, desk.newsroom.now
    run = await desk.runs.begin(site, "bad-word", actor=SAM, now=now)
    async with without_postgres(desk.newsroom) as nowhere:
        away = replace(desk.runs, rules=RuleStore(pool=nowhere.pool))
        for _ in range(ATTEMPTS_MAX + 1):
            with pytest.raises(Unavailable):
                await away.go_on()

    assert (await desk.runs.find(site, run.dry_run_id)).attempts == 1


async def test_a_stopped_run_gives_nothing(desk: RuleDesk) -> None:
    await desk.save()
    site, now = desk.newsroom.site, desk.newsroom.now
    run = await desk.runs.begin(site, "bad-word", actor=SAM, now=now)

    stopped = await desk.runs.stop(site, run.dry_run_id, actor=SAM, now=now)
    await desk.work_off()

    assert stopped.state == "stopped"
    assert (await desk.runs.find(site, run.dry_run_id)).report is None
    with pytest.raises(DryRunEnded):
        await desk.runs.stop(site, run.dry_run_id, actor=SAM, now=now)


async def test_a_few_runs_of_a_site_may_wait(desk: RuleDesk) -> None:
    await desk.save()
    site, now = desk.newsroom.site, desk.newsroom.now
    runs = [await desk.runs.begin(site, "bad-word", actor=SAM, now=now) for _ in range(WAITING_MAX)]

    with pytest.raises(TooManyDryRuns):
        await desk.runs.begin(site, "bad-word", actor=SAM, now=now)

    for run in runs:
        await desk.runs.stop(site, run.dry_run_id, actor=SAM, now=now)


async def test_several_processes_count_what_one_does() -> None:
    """Each author is one process's: repeats and records are the same."""
    comments = history()[:600]
    job = Job(
        rules=[read_rule("tried", 1, "live", TRIED), *rules_of([])],
        lists=shipped_lists(),
        tried="tried",
        version=1,
        live=None,
        site="daily",
        mode=Mode.POST,
    )
    alone = walk_of(job).go(comments)

    async with apart(job, processes=2) as go:
        shared = await go({}, comments[:300])
        shared.add(await go({}, comments[300:]))

    alone.langs, shared.langs = dict(alone.langs), dict(shared.langs)
    assert alone.hits > 0
    assert shared == alone


def history() -> list[Earlier]:
    """A few authors who repeat themselves, and links now and then."""
    return [
        Earlier(
            comment_id=new_id(NOON - timedelta(minutes=1_000 - number)),
            author_id=UUID(int=number % 7 + 1),
            author_kind="guest",
            article=ArticleFacts(key="story-1"),
            text="Buy this at https://a.example" if number % 5 == 0 else f"Good bread, {number}.",
            depth=0,
            verdict=number % 3 == 0,
            status=Status.APPROVED,
        )
        for number in range(600)
    ]


TRIED = {
    "title": "Twice the same",
    "when": {"all": [{"repeat": {"within_minutes": 60}}]},
    "then": {"action": "hold", "severity": 1},
}


async def test_a_run_that_cannot_be_worked_off_fails_alone(desk: RuleDesk) -> None:
    """A stored rule that this release cannot read must not stop what else the leader does."""
    await desk.save()
    site = desk.newsroom.site
    run = await desk.runs.begin(site, "bad-word", actor=SAM, now=desk.newsroom.now)
    await desk.newsroom.pool.execute(
        "UPDATE dry_runs SET tried = '{}' WHERE dry_run_id = $1", run.dry_run_id
    )

    await desk.work_off()

    failed = await desk.runs.find(site, run.dry_run_id)
    assert (failed.state, failed.trouble) == ("failed", "ValidationError")
