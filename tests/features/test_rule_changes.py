"""Rules are changed by people: version by version, tried before they count."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from service.errors import Invalid
from service.features.dry_run import ListUnused
from service.features.rule_changes import NeverLive, NotTried, RuleChanged, UnknownRule
from service.features.rule_changes_lists import UnknownWordList
from service.features.screening import BadRules, Facts, RuleSet, evaluate
from service.storage.rules import UNTOUCHED
from service.storage.word_lists import StoredList
from tests.features.rule_desk import BADWORD, RuleDesk
from tests.newsroom import NOON, SAM, Newsroom

LINKS = "See https://a.example https://b.example https://c.example"


@pytest.fixture
def desk(newsroom: Newsroom) -> RuleDesk:
    return RuleDesk.of(newsroom)


def said(rules: RuleSet, text: str) -> dict[tuple[str, int], str]:
    """Return by rule and version in which state it spoke."""
    verdict = evaluate(Facts(text=text, now=NOON), rules)
    return {(one.rule, one.version): one.state for one in verdict.signals}


async def test_a_new_rule_is_a_draft_and_has_no_effect(desk: RuleDesk) -> None:
    site = desk.newsroom.site

    assert await desk.save() == 1

    file = await desk.changes.file(site, "bad-word")
    assert file.rule.live_version is None
    assert file.rule.shadow_version is None
    assert said(await desk.rulebook.of(site), "You grunzel.") == {}
    assert "rule.saved" in await desk.acts()


async def test_a_rule_goes_live_only_after_a_dry_run_of_that_version(desk: RuleDesk) -> None:
    site = desk.newsroom.site
    await desk.save()
    await desk.tried()
    await desk.save(title="Another title")

    with pytest.raises(NotTried):
        await desk.changes.live(site, "bad-word", 2, desk.change(2))

    await desk.changes.live(site, "bad-word", 1, desk.change(2))
    assert said(await desk.rulebook.of(site), "You grunzel.") == {("bad-word", 1): "live"}


async def test_a_dry_run_of_yesterday_is_too_old(desk: RuleDesk) -> None:
    await desk.save()
    await desk.tried()
    desk.newsroom.now += timedelta(hours=24, seconds=1)

    with pytest.raises(NotTried):
        await desk.changes.live(desk.newsroom.site, "bad-word", 1, desk.change(1))


async def test_going_live_needs_a_comment(desk: RuleDesk) -> None:
    await desk.save()
    await desk.tried()

    with pytest.raises(Invalid) as refused:
        await desk.changes.live(desk.newsroom.site, "bad-word", 1, desk.change(1, comment=" "))

    assert [error.pointer for error in refused.value.errors] == ["/comment"]


async def test_a_later_version_is_in_shadow_beside_the_live_one(desk: RuleDesk) -> None:
    site = desk.newsroom.site
    await desk.save()
    await desk.go_live()
    await desk.save(title="Another title")

    await desk.changes.shadow(site, "bad-word", 2, desk.change(None))

    rules = await desk.rulebook.of(site)
    assert said(rules, "You grunzel.") == {("bad-word", 1): "live", ("bad-word", 2): "shadow"}


async def test_a_rule_is_rolled_back_to_the_version_before(desk: RuleDesk) -> None:
    site = desk.newsroom.site
    await desk.save()
    await desk.go_live()
    await desk.save(title="Another title")
    await desk.go_live(version=2)

    rule = await desk.changes.roll_back(site, "bad-word", None, desk.change(None))

    assert rule.live_version == 1
    states = (await desk.changes.file(site, "bad-word")).states
    assert [(each.state, each.version) for each in states] == [
        ("live", 1),
        ("live", 2),
        ("live", 1),
    ]


async def test_only_what_was_live_is_rolled_back_to(desk: RuleDesk) -> None:
    await desk.save()

    with pytest.raises(NeverLive):
        await desk.changes.roll_back(desk.newsroom.site, "bad-word", 1, desk.change(None))


async def test_of_two_editors_the_second_is_told(desk: RuleDesk) -> None:
    site = desk.newsroom.site
    await desk.save()
    await desk.changes.save(site, "bad-word", {**BADWORD, "title": "One"}, desk.change(1))

    with pytest.raises(RuleChanged):
        await desk.changes.save(site, "bad-word", {**BADWORD, "title": "Two"}, desk.change(1))


async def test_of_two_who_make_one_rule_the_second_is_told(desk: RuleDesk) -> None:
    await desk.save()

    with pytest.raises(RuleChanged):
        await desk.changes.save(desk.newsroom.site, "bad-word", BADWORD, desk.change(None))


async def test_a_shipped_rule_is_switched_off_and_on_again(desk: RuleDesk) -> None:
    site = desk.newsroom.site
    assert ("many-links", 1) in said(await desk.rulebook.of(site), LINKS)

    await desk.changes.draft(site, "many-links", desk.change(UNTOUCHED))
    assert ("many-links", 1) not in said(await desk.rulebook.of(site), LINKS)

    await desk.changes.roll_back(site, "many-links", None, desk.change(None))
    assert ("many-links", 1) in said(await desk.rulebook.of(site), LINKS)


async def test_a_changed_shipped_rule_keeps_its_first_version(desk: RuleDesk) -> None:
    site = desk.newsroom.site
    when = {"all": [{"links": {"min": 5}}]}

    assert await desk.save("many-links", {**BADWORD, "when": when}) == 2

    file = await desk.changes.file(site, "many-links")
    assert [each.version for each in file.versions] == [2, 1]
    assert file.versions[1].actor_kind == "service"
    assert said(await desk.rulebook.of(site), LINKS)["many-links", 1] == "live"


async def test_another_process_sees_a_change_by_itself(desk: RuleDesk) -> None:
    site, other = desk.newsroom.site, RuleDesk.of(desk.newsroom)
    assert ("many-links", 1) in said(await other.rulebook.of(site), LINKS)

    await desk.changes.draft(site, "many-links", desk.change(UNTOUCHED))
    async with asyncio.timeout(10):
        while ("many-links", 1) in said(await other.rulebook.of(site), LINKS):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("idiot(?=s)", "Character 6, `(?=`: Look-ahead and look-behind are not known"),
        (r"(a)\1", r"Character 4, `\1`: References to an earlier group are not known"),
        ("you (fool", "Character 5, `(fool`: This parenthesis is never closed"),
        ("*fool", "Character 1, `*`: There is nothing to repeat"),
        ("(?:a{1,50}){1,50}", "Repetitions may be at most 1,000 together"),
    ],
)
async def test_a_pattern_that_is_refused_is_explained(
    desk: RuleDesk, pattern: str, told: str
) -> None:
    with pytest.raises(BadRules) as refused:
        await desk.save(when={"any": [{"text": {"regex": pattern}}]})

    (error,) = refused.value.errors
    assert error.pointer == "/rule/when/any/0/text/regex"
    assert told in error.detail


async def test_what_is_no_rule_is_refused_with_the_places(desk: RuleDesk) -> None:
    with pytest.raises(Invalid) as refused:
        await desk.save(when={"links": {"mim": 2}}, then={"action": "shout"})

    pointers = {error.pointer for error in refused.value.errors}
    assert {"/rule/when/links/mim", "/rule/then/action"} <= pointers


async def test_a_rule_that_is_not_there_cannot_be_switched(desk: RuleDesk) -> None:
    with pytest.raises(UnknownRule):
        await desk.changes.draft(desk.newsroom.site, "no-such-rule", desk.change(None))


SENTENCE = "You are such a grunzel, and always were."


async def kept_list(desk: RuleDesk, name: str, *more: str) -> StoredList:
    """Keep the next version of a list, with more words."""
    site = desk.newsroom.site
    own = await desk.lists.lists.find(site.site_id, name)
    words = list((await desk.lists.find(site, name)).words) if own or name == "insults-en" else []
    return await desk.lists.save(
        site,
        name,
        version=own.version if own else 0,
        title="",
        langs=["en"],
        words=[*words, *more],
        comment="",
        actor=None,
        now=desk.newsroom.now,
    )


async def test_a_list_that_no_live_rule_names_is_in_effect_at_once(desk: RuleDesk) -> None:
    site = desk.newsroom.site

    kept = await kept_list(desk, "own", "grunzel", "", " grunzel ")

    assert (kept.version, kept.words, kept.waits) == (1, ["grunzel"], False)
    assert (await desk.rulebook.word_lists(site))["own"].words == ("grunzel",)
    assert (await desk.acts())[0] == "word_list.saved"


async def test_a_list_that_live_rules_name_goes_the_way_of_a_rule(desk: RuleDesk) -> None:
    site, now = desk.newsroom.site, desk.newsroom.now
    await desk.past(SENTENCE, "The bread was good.")

    kept = await kept_list(desk, "insults-en", "grunzel")
    assert (kept.version, kept.waits) == (1, True)
    assert said(await desk.rulebook.of(site), SENTENCE) == {}
    with pytest.raises(NotTried):
        await desk.lists.live(site, "insults-en", read=1, comment="It hurts.", actor=SAM, now=now)

    (run,) = await desk.runs.begin_list(site, "insults-en", actor=SAM, now=now)
    await desk.work_off()
    report = (await desk.runs.find(site, run.dry_run_id)).report
    assert report is not None
    assert (report["hits"], report["newly"], report["live_hits"]) == (1, 1, 0)
    assert said(await desk.rulebook.of(site), SENTENCE) == {}

    live = await desk.lists.live(
        site, "insults-en", read=1, comment="It hurts.", actor=SAM, now=desk.newsroom.now
    )
    assert not live.waits
    assert said(await desk.rulebook.of(site), SENTENCE) == {("insults", 1): "live"}

    back = await desk.lists.roll_back(
        site, "insults-en", comment="Too much.", actor=SAM, now=desk.newsroom.now
    )
    assert (back.live_version, back.previous_version, back.waits) == (None, 1, True)
    assert said(await desk.rulebook.of(site), SENTENCE) == {}
    assert {"word_list.rolled_back", "word_list.went_live"} <= set(await desk.acts())


async def test_each_rule_that_names_a_list_is_tried_with_exactly_its_version(
    desk: RuleDesk,
) -> None:
    site, now = desk.newsroom.site, desk.newsroom.now
    await kept_list(desk, "insults-en", "grunzel")
    await desk.runs.begin_list(site, "insults-en", actor=SAM, now=now)
    await desk.work_off()
    await kept_list(desk, "insults-en", "knurzel")

    with pytest.raises(NotTried):
        await desk.lists.live(site, "insults-en", read=2, comment="Both.", actor=SAM, now=now)
    with pytest.raises(RuleChanged):
        await desk.lists.live(
            site, "insults-en", version=1, read=1, comment="One.", actor=SAM, now=now
        )


async def test_a_rule_that_was_tried_with_other_words_goes_live_with_none(desk: RuleDesk) -> None:
    site = desk.newsroom.site
    await kept_list(desk, "own", "grunzel")
    await desk.save(when={"all": [{"text": {"list": "own"}}]})
    await desk.tried()
    desk.newsroom.now += timedelta(minutes=1)
    await kept_list(desk, "own", "knurzel")

    with pytest.raises(NotTried):
        await desk.changes.live(site, "bad-word", 1, desk.change(1))


async def test_a_list_that_no_live_rule_names_is_not_tried(desk: RuleDesk) -> None:
    site, now = desk.newsroom.site, desk.newsroom.now
    await kept_list(desk, "own", "grunzel")
    with pytest.raises(ListUnused):
        await desk.runs.begin_list(site, "own", actor=SAM, now=now)
    with pytest.raises(UnknownWordList):
        await desk.runs.begin_list(site, "no-such-list", actor=SAM, now=now)
    with pytest.raises(NeverLive):
        await desk.lists.roll_back(site, "own", comment="Back.", actor=SAM, now=now)


async def test_of_two_who_change_one_list_the_second_is_told(desk: RuleDesk) -> None:
    site, now = desk.newsroom.site, desk.newsroom.now
    said_of: dict[str, Any] = {
        "title": "",
        "langs": [],
        "words": ["one"],
        "comment": "",
        "actor": None,
        "now": now,
    }
    await desk.lists.save(site, "own", version=0, **said_of)

    with pytest.raises(RuleChanged):
        await desk.lists.save(site, "own", version=0, **said_of)


@pytest.mark.parametrize("entry", ["{a,b}" * 20, "{a,b,c,d,e,f,g}" * 4], ids=["one", "all"])
async def test_a_list_that_nobody_could_spell_out_is_not_kept(desk: RuleDesk, entry: str) -> None:
    site = desk.newsroom.site
    words = [entry.replace("a", f"a{at}") for at in range(20)]
    with pytest.raises(Invalid) as refused:
        await desk.lists.save(
            site, "own", version=0, title="", langs=(), words=words, comment="", actor=SAM, now=NOON
        )
    assert refused.value.errors[0].pointer.startswith("/words")


async def test_what_is_kept_and_cannot_be_read_refuses_no_comment(desk: RuleDesk) -> None:
    site = desk.newsroom.site
    act = desk.lists.acts.by(SAM, "word_list.saved", site=site, now=NOON)
    words = ["{a,b}" * 20, "grunzel"]
    await desk.lists.lists.save(
        site.site_id,
        "own",
        version=0,
        title="Own",
        langs=[],
        words=words,
        comment=None,
        at_once=True,
        act=act,
    )
    assert (await desk.rulebook.word_lists(site))["own"].words == ("grunzel",)
    assert (await desk.rulebook.of(site)).rules
