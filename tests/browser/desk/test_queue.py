"""Moderators decide in a real browser, by keys alone, as they do all day."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from service.model import Role
from service.web.dashboard.frame import SECTIONS
from service.web.dashboard.keys import KEYS
from tests.api.calls import Answer
from tests.browser.desk.people import ALT, LAYOUTS, SHIFT, Moderator, Waiting, settled

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    "layout", [pytest.param("us", marks=pytest.mark.smoke), "french", "arabic"]
)
def test_twenty_comments_are_decided_by_keys_alone(
    moderator: Moderator, waiting: Waiting, layout: str
) -> None:
    moderator.layout = LAYOUTS[layout]
    comments = waiting.numbered(20)
    moderator.visit(sort="oldest")
    expected = []
    for n in range(20):
        moderator.until_current(f"Comment {n}.")
        if n % 3 == 0:
            moderator.decide("a")
            expected.append("approved")
        elif n % 3 == 1:
            moderator.decide("s")
            expected.append("rejected")
        else:
            moderator.decide("r")
            moderator.until("document.querySelector('dialog[open] #q-find')")
            moderator.press("2")
            expected.append("rejected")
    moderator.until("!document.getElementById('empty').hidden")
    for comment, status in zip(comments, expected, strict=True):
        settled(moderator, waiting, comment, status)
    assert waiting.whole(comments[1]["id"])["decisions"][0]["reason"] == "spam"
    assert moderator.complaints() == []


def test_a_double_press_decides_nothing_that_nobody_read(
    moderator: Moderator, waiting: Waiting
) -> None:
    first, second = waiting.numbered(2)
    moderator.visit(sort="oldest")
    moderator.decide("a", "a")
    moderator.until_current("Comment 1.")
    moderator.until("document.querySelector('.q-pulse')")
    settled(moderator, waiting, first, "approved")
    assert waiting.status(second["id"]) == "pending"
    moderator.decide("a")
    settled(moderator, waiting, second, "approved")


def test_the_next_card_is_there_before_the_answer(moderator: Moderator, waiting: Waiting) -> None:
    waiting.numbered(3)
    moderator.visit(sort="oldest")
    moderator.ask(
        "window.took = 0; document.addEventListener('keydown', () => {"
        "const at = performance.now();"
        "requestAnimationFrame(() => { window.took = performance.now() - at;"
        "window.shown = document.querySelector('.q-current .q-text').innerText })}, true)"
    )
    moderator.decide("a")
    moderator.until("window.took")
    assert moderator.ask("return window.shown") == "Comment 1."


def test_the_last_three_decisions_are_taken_back_one_after_the_other(
    moderator: Moderator, waiting: Waiting
) -> None:
    comments = waiting.numbered(4)
    moderator.visit(sort="oldest")
    for n in range(3):
        moderator.until_current(f"Comment {n}.")
        moderator.decide("as"[n % 2])
    settled(moderator, waiting, comments[2], "approved")
    for n in (2, 1, 0):
        moderator.press("u")
        moderator.until_current(f"Comment {n}.")
        settled(moderator, waiting, comments[n], "pending")
    assert moderator.cards == [f"Comment {n}." for n in range(4)]
    moderator.press("u")
    moderator.until_said("nothing to take back")


def test_a_decision_is_taken_back_also_after_a_reload(
    moderator: Moderator, waiting: Waiting
) -> None:
    comment, _ = waiting.numbered(2)
    moderator.visit(sort="oldest")
    moderator.decide("a")
    settled(moderator, waiting, comment, "approved")
    moderator.visit(sort="oldest")
    moderator.until_current("Comment 1.")
    moderator.press("u")
    moderator.until_current("Comment 0.")
    settled(moderator, waiting, comment, "pending")


def deaf(moderator: Moderator) -> None:
    """Hear nothing of what others do, as if the stream were late."""
    moderator.send("Network.setBlockedURLs", urls=["*/v1/moderation/events*"])


@contextmanager
def not_hearing(moderator: Moderator) -> Iterator[None]:
    deaf(moderator)
    yield
    moderator.send("Network.setBlockedURLs", urls=[])


def by_colleague(moderator: Moderator, **decision: Any) -> Answer:
    """Let somebody else decide."""
    newsroom = moderator.newsroom
    token = moderator.insider(Role.MODERATOR, "Mina").token
    json = {"decisions": [{"revision": 1, **decision}]}
    return newsroom.api.ask("POST", "/v1/moderation/decisions", json=json, bearer=token)


def test_two_decide_the_same_and_the_second_is_told_who_was_first(
    moderator: Moderator, waiting: Waiting
) -> None:
    comment, _ = waiting.numbered(2)
    with not_hearing(moderator):
        moderator.visit(sort="oldest")
        by_colleague(moderator, comment_id=comment["id"], action="approve", override=True)
        moderator.decide("s")
        moderator.until_said("Mina approved this")
        moderator.until("document.querySelector('#cards > li .q-notice').checkVisibility()")
        assert "Comment 0." in moderator.cards[0], "it is on top again"
        moderator.shot("conflict")
        moderator.ask("document.querySelectorAll('#cards > li .q-notice button')[1].click()")
        settled(moderator, waiting, comment, "rejected")


def test_what_the_author_edited_is_shown_and_read_again(
    moderator: Moderator, waiting: Waiting
) -> None:
    newsroom = moderator.newsroom
    answer = newsroom.api.post(newsroom.article, "Before.", site=newsroom.site)
    comment = answer.json["comment"]
    waiting.numbered(1)
    with not_hearing(moderator):
        moderator.visit(sort="oldest")
        moderator.until_current("Before.")
        where = f"/v1/sites/{newsroom.site.slug}/comments/{comment['id']}"
        edit = {"body": "After.", "revision": 1}
        edited = newsroom.api.ask("PATCH", where, json=edit, bearer=answer.json["receipt"])
        assert edited.status == 200
        moderator.decide("a")
        moderator.until_said("The author edited this")
        moderator.press("k")
        moderator.until_current("After.")
        assert (
            moderator.ask("return document.querySelector('.q-notice del').innerText") == "Before."
        )
        assert waiting.status(comment["id"]) == "pending"
        moderator.decide("a")
        settled(moderator, waiting, comment, "approved")


def test_what_a_colleague_holds_is_decided_only_on_purpose(
    moderator: Moderator, waiting: Waiting
) -> None:
    comment, _ = waiting.numbered(2)
    moderator.visit(sort="oldest")
    moderator.press("j")
    newsroom = moderator.newsroom
    claim = {"site": newsroom.site.slug, "comment_ids": [comment["id"]]}
    token = moderator.insider(Role.MODERATOR, "Sam").token
    moderator.wait(
        lambda: newsroom.api.ask("POST", "/v1/moderation/claims", json=claim, bearer=token).json[
            "items"
        ],
        "the colleague's claim",
    )
    moderator.until("document.querySelector('#cards .q-lease').innerText.includes('Sam')")
    moderator.press("k")
    moderator.decide("a")
    moderator.until("document.querySelector('.q-current .q-notice').innerText.includes('Sam has')")
    assert waiting.status(comment["id"]) == "pending"
    moderator.ask("document.querySelector('.q-current .q-notice button').click()")
    settled(moderator, waiting, comment, "approved")


def test_what_one_looks_at_is_held_and_given_back(moderator: Moderator, waiting: Waiting) -> None:
    first, second = waiting.numbered(2)
    moderator.visit(sort="oldest")

    def held(comment: dict[str, Any]) -> str | None:
        lease = waiting.whole(comment["id"])["lease"]
        return lease["by"] if lease else None

    moderator.wait(lambda: held(first) == "Nadia Haddad", "the claim")
    moderator.press("j")
    moderator.wait(lambda: held(first) is None, "the release")
    moderator.wait(lambda: held(second) == "Nadia Haddad", "the next claim")
    moderator.chrome.get(f"{moderator.newsroom.api.caller.origin}/moderate/me")
    moderator.wait(lambda: held(second) is None, "the release when leaving")


def test_the_reason_reaches_the_author_in_their_language(
    moderator: Moderator, waiting: Waiting
) -> None:
    newsroom = moderator.newsroom
    answer = newsroom.api.post(newsroom.article, "Quel âne.", site=newsroom.site, lang="fr")
    moderator.visit()
    moderator.decide("r")
    shown = "document.querySelector('dialog[open] .q-told')"
    assert moderator.until(f"{shown}?.innerText") == "Il insulte quelqu’un."
    for letter in "hate":
        moderator.press(letter)
    assert moderator.until(f"{shown}?.innerText.startsWith('Il s’en prend')")
    moderator.shot("reject")
    moderator.press("Enter")
    settled(moderator, waiting, answer.json["comment"], "rejected")
    me = f"/v1/sites/{newsroom.site.slug}/articles/{newsroom.article}/me"
    own = newsroom.api.ask("GET", me, bearer=answer.json["receipt"]).json["comments"][0]
    assert own["reason"]["code"] == "hate"
    assert own["reason"]["text"].startswith("Il s’en prend")


def test_r_twice_takes_the_suggested_reason(moderator: Moderator, waiting: Waiting) -> None:
    waiting.marked("You utter fool.", "hate", (10, 14))
    moderator.visit()
    moderator.decide("r")
    moderator.until("document.querySelector('dialog[open] #q-find')")
    moderator.press("r")
    moderator.until_said("Hate against a group")


def test_several_are_rejected_at_once_with_shift(moderator: Moderator, waiting: Waiting) -> None:
    comments = waiting.numbered(5)
    moderator.visit(sort="oldest")
    for _ in range(3):
        moderator.press("j", modifiers=SHIFT)
    moderator.shot("selection")
    moderator.decide("s", modifiers=SHIFT)
    moderator.until_said("Rejected: 4")
    for comment in comments[:4]:
        settled(moderator, waiting, comment, "rejected")
    assert waiting.status(comments[4]["id"]) == "pending"
    moderator.press("u")
    moderator.until_said("Taken back: 4")
    for comment in comments[:4]:
        settled(moderator, waiting, comment, "pending")


def test_without_network_decisions_are_kept_and_sent_later(
    moderator: Moderator, waiting: Waiting
) -> None:
    comments = waiting.numbered(3)
    moderator.visit(sort="oldest")
    moderator.send("Network.setBlockedURLs", urls=["*/v1/*"])
    for n in range(2):
        moderator.until_current(f"Comment {n}.")
        moderator.decide("a")
    moderator.until("document.getElementById('kept').innerText.includes('2')")
    moderator.until("document.getElementById('live').dataset.state === 'offline'")
    moderator.shot("offline")
    moderator.press("u")
    moderator.until_current("Comment 1.")
    moderator.send("Network.setBlockedURLs", urls=[])
    moderator.ask("dispatchEvent(new Event('online'))")
    settled(moderator, waiting, comments[0], "approved")
    moderator.until("document.getElementById('kept').innerText === ''")
    assert waiting.status(comments[1]["id"]) == "pending"


def test_keys_are_switched_off_need_alt_or_are_others(
    moderator: Moderator, waiting: Waiting
) -> None:
    comments = waiting.numbered(3)
    moderator.wish(keyboard="off")
    moderator.visit(sort="oldest")
    moderator.decide("a")
    assert moderator.current == "Comment 0."
    assert not moderator.ask("return document.querySelector('.q-current kbd').checkVisibility()")
    moderator.wish(keyboard="alt")
    moderator.visit(sort="oldest")
    moderator.decide("a")
    assert moderator.current == "Comment 0."
    moderator.decide("a", modifiers=ALT)
    settled(moderator, waiting, comments[0], "approved")
    moderator.wish()
    moderator.visit(sort="oldest")
    moderator.ask("document.querySelector('[data-act=settings]').click()")
    moderator.until("document.querySelector('dialog[open] details')")
    moderator.ask(
        "document.querySelector('dialog details').open = true;"
        "document.querySelector('dialog [aria-label*=\"Approve;\"]').focus()"
    )
    moderator.press("j")
    moderator.until("document.querySelector('dialog [role=alert]').innerText.includes('Next')")
    moderator.press("y")
    moderator.shot("settings")
    moderator.press("Escape")
    moderator.until("!document.querySelector('dialog[open]')")
    moderator.decide("a")
    assert moderator.current == "Comment 1."
    moderator.decide("y")
    settled(moderator, waiting, comments[1], "approved")
    moderator.ask("localStorage.clear(); sessionStorage.clear()")
    moderator.visit(sort="oldest")
    face = "document.querySelector('.q-current .q-approve kbd').innerText"
    assert moderator.ask(f"return {face}") == "y", "it is kept for the member, not the browser"


def test_keys_mean_nothing_in_fields(moderator: Moderator, waiting: Waiting) -> None:
    waiting.numbered(1)
    moderator.visit()
    moderator.press("/")
    moderator.decide("a")
    assert moderator.ask("return document.activeElement.value") == "a"
    assert moderator.cards == ["Comment 0."]
    moderator.press("Escape")
    moderator.until("document.activeElement.matches('.q-card')")


def test_hard_words_are_masked_until_a_key_shows_them(
    moderator: Moderator, waiting: Waiting
) -> None:
    waiting.marked("You utter fool.", "insults", (10, 14))
    waiting.numbered(1)
    moderator.visit(sort="oldest")
    moderator.until_current("You utter f•••.")
    source = "return fetch(location.href).then((answer) => answer.text())"
    painted = moderator.ask(source).partition("<ol")[2]
    assert "f•••" in painted
    assert "fool" not in painted
    moderator.shot("masked")
    assert moderator.ask("return document.querySelector('.q-current .q-reveal').checkVisibility()")
    moderator.press("v")
    moderator.until_current("You utter fool.")
    assert moderator.ask("return document.querySelector('.q-current mark')?.innerText ?? ''")
    moderator.press("j")
    moderator.press("k")
    moderator.until_current("You utter f•••.")


def test_chips_filter_and_stand_in_the_address(moderator: Moderator, waiting: Waiting) -> None:
    waiting.marked("You utter fool.", "insults", (10, 14))
    waiting.numbered(2)
    moderator.visit()
    moderator.ask("document.querySelector('[data-condition=\"rule:insults\"]').click()")
    moderator.until("location.search.includes('rule')")
    assert moderator.cards == ["You utter f•••."]
    moderator.chrome.refresh()
    moderator.until_ready()
    assert moderator.cards == ["You utter f•••."]


def test_what_comes_in_and_what_others_decide_is_seen_at_once(
    moderator: Moderator, waiting: Waiting
) -> None:
    _, second = waiting.numbered(2)
    moderator.visit(sort="oldest")
    moderator.until("document.getElementById('live').dataset.state === 'live'")
    waiting.post("Another one.")
    moderator.until("document.getElementById('cards').innerText.includes('Another one.')")
    by_colleague(moderator, comment_id=second["id"], action="approve")
    moderator.until("!document.getElementById('cards').innerText.includes('Comment 1.')")
    moderator.until("document.querySelector('.q-lanes [aria-current] .q-count').innerText === '2'")


def test_a_reported_comment_is_kept_or_removed(moderator: Moderator, waiting: Waiting) -> None:
    newsroom = moderator.newsroom
    for text in ("Harmless.", "Harmful."):
        comment = newsroom.post(text)
        where = f"/v1/sites/{newsroom.site.slug}/comments/{comment['id']}/reports"
        assert newsroom.api.ask("POST", where, json={"reason": "abuse"}).status == 202
    moderator.visit(lane="reported")
    moderator.until_current("Harmless.")
    label = "return document.querySelector('.q-current .q-approve .q-label').innerText"
    assert moderator.ask(label) == "Keep"
    moderator.decide("a")
    moderator.until_current("Harmful.")
    moderator.decide("r")
    moderator.until("document.querySelector('dialog[open] #q-find')")
    moderator.press("r")
    moderator.until("!document.getElementById('empty').hidden")
    settled(moderator, waiting, comment, "removed")


def test_an_appeal_is_granted_by_a_senior(moderator: Moderator, waiting: Waiting) -> None:
    newsroom = moderator.newsroom
    answer = newsroom.api.post(newsroom.article, "Harmless.", site=newsroom.site)
    comment, receipt = answer.json["comment"], answer.json["receipt"]
    newsroom.decide("reject", comment["id"], reason="spam")
    where = f"/v1/sites/{newsroom.site.slug}/comments/{comment['id']}/appeal"
    appealed = newsroom.api.ask("POST", where, json={"text": "Look again."}, bearer=receipt)
    assert appealed.status == 201
    moderator.sign_in(Role.SENIOR)
    moderator.visit(lane="appeals")
    moderator.until_current("Harmless.")
    said = "return document.querySelector('.q-current .q-appeal').innerText"
    assert "Look again." in moderator.ask(said)
    moderator.decide("a")
    settled(moderator, waiting, comment, "approved")


def test_a_note_on_the_author_is_seen_by_colleagues(moderator: Moderator, waiting: Waiting) -> None:
    waiting.numbered(1)
    moderator.visit()
    moderator.press("n")
    moderator.until("document.querySelector('dialog[open] textarea')")
    for letter in "kind":
        moderator.press(letter)
    moderator.ask("document.querySelector('dialog[open] .primary').click()")
    moderator.until("document.querySelector('#context .q-note')?.innerText.includes('kind')")


def test_a_viewer_looks_and_decides_nothing(moderator: Moderator, waiting: Waiting) -> None:
    comment, _ = waiting.numbered(2)
    moderator.sign_in(Role.VIEWER)
    moderator.visit(sort="oldest")
    assert not moderator.ask("return document.querySelector('.q-acts')")
    moderator.decide("a")
    moderator.until("document.getElementById('status').innerText.includes('not decide')")
    assert waiting.status(comment["id"]) == "pending"


def test_everything_is_found_in_the_palette_and_the_help(
    moderator: Moderator, waiting: Waiting
) -> None:
    comment, _ = waiting.numbered(2)
    moderator.visit(sort="oldest")
    moderator.press("?")
    rows = moderator.until("document.querySelectorAll('dialog[open] tr').length")
    shown = {each.key for each in SECTIONS if Role.MODERATOR.includes(each.role)}
    assert rows == sum(each.section is None or each.section in shown for each in KEYS)
    moderator.shot("help")
    moderator.press("Escape")
    moderator.until("!document.querySelector('dialog')")
    ctrl = 2
    moderator.press("k", modifiers=ctrl)
    moderator.until("document.querySelector('dialog[open] #q-command')")
    for letter in "spam":
        moderator.press(letter)
    moderator.shot("palette")
    moderator.press("Enter")
    settled(moderator, waiting, comment, "rejected")


def test_one_at_a_time_shows_nothing_else(moderator: Moderator, waiting: Waiting) -> None:
    waiting.numbered(3)
    moderator.visit(sort="oldest")
    moderator.press("z")
    moderator.wait(lambda: moderator.cards == ["Comment 0."], "one card")
    moderator.shot("focus")
    moderator.decide("a")
    moderator.until_current("Comment 1.")
    moderator.wait(lambda: moderator.cards == ["Comment 1."], "one card")
    moderator.press("Escape")
    moderator.wait(lambda: moderator.cards == ["Comment 1.", "Comment 2."], "all cards")


def test_arabic_stands_from_right_to_left(moderator: Moderator, waiting: Waiting) -> None:
    waiting.post("Left to right.", "من اليمين إلى اليسار.")
    moderator.prefer("ar", "dark")
    moderator.visit(sort="oldest")
    sides = "const box = (css) => document.querySelector(css).getBoundingClientRect();"
    cards, context, approve, reject = moderator.ask(
        sides + "return ['#cards', '#context', '.q-current .q-approve', '.q-current .q-reject']"
        ".map((css) => box(css).left)"
    )
    assert cards > context
    assert approve > reject
    directions = moderator.ask(
        "return [...document.querySelectorAll('#cards .q-text')]"
        ".map((each) => getComputedStyle(each).direction)"
    )
    assert directions == ["ltr", "rtl"]
    moderator.shot("arabic")


def test_a_narrow_screen_has_its_buttons_at_the_bottom(
    moderator: Moderator, waiting: Waiting
) -> None:
    comment, *_ = waiting.post("Comment 0. " + "word " * 40, "Comment 1.", "w" * 200)
    moderator.window(360, 740)
    moderator.visit(sort="oldest")
    moderator.shot("narrow")
    assert moderator.ask("return document.documentElement.scrollWidth") <= 360
    heights = moderator.ask(
        "return [...document.querySelectorAll('#bottom button')]"
        ".map((each) => each.getBoundingClientRect().height)"
    )
    assert len(heights) == 4
    assert min(heights) >= 56
    moderator.ask("document.querySelector('#bottom [data-act=context]').click()")
    moderator.until("document.getElementById('context-body').checkVisibility()")
    moderator.shot("narrow-context")
    moderator.press("Escape")
    moderator.until("!document.getElementById('context-body').checkVisibility()")
    moderator.ask("document.querySelector('#bottom .q-approve').click()")
    settled(moderator, waiting, comment, "approved")
    moderator.until_current("Comment 1.")
    assert moderator.faults() == []


@pytest.mark.parametrize("theme", ["light", "dark", "contrast"])
def test_axe_finds_nothing_wrong(moderator: Moderator, waiting: Waiting, theme: str) -> None:
    waiting.marked("You utter fool.", "profanity-light", (10, 14))
    waiting.numbered(3)
    newsroom = moderator.newsroom
    parent = newsroom.post("The vote was close.")
    waiting.post("Agreed.", parent_id=parent["id"])
    moderator.prefer("en", theme)
    moderator.visit()
    moderator.press("x")
    moderator.until("document.getElementById('context-body').innerText.includes('decided yet')")
    moderator.shot(f"list-{theme}")
    assert moderator.faults() == []
    for opening, name in (("r", "reject"), ("?", "help"), ("b", "author")):
        moderator.decide(opening)
        moderator.until("document.querySelector('dialog[open]')")
        moderator.shot(f"{name}-{theme}")
        assert moderator.faults() == [], name
        moderator.press("Escape")
        moderator.until("!document.querySelector('dialog')")
    moderator.press("z")
    assert moderator.faults() == []


def test_a_full_queue_is_counted_whole_and_shown_in_part(
    moderator: Moderator, waiting: Waiting
) -> None:
    waiting.many(2_000)
    moderator.visit(sort="oldest")
    assert 20 <= len(moderator.cards) <= 100
    count = "document.querySelector('.q-lanes [aria-current] .q-count').innerText"
    assert moderator.ask(f"return {count}") == "2,000"


def test_memory_does_not_grow_with_the_work(moderator: Moderator, waiting: Waiting) -> None:
    waiting.numbered(220)
    moderator.visit(sort="oldest")
    decide = (
        "const done = arguments[1]; let left = arguments[0];"
        "const step = () => { const button = document.querySelector('.q-current .q-approve');"
        "if (button) { button.click(); left-- }"
        "left ? setTimeout(step, 12) : setTimeout(done, 500) }; step()"
    )

    def measured() -> tuple[float, float]:
        moderator.send("HeapProfiler.collectGarbage")
        moderator.send("Performance.enable")
        metrics = moderator.send("Performance.getMetrics")["metrics"]
        by_name = {each["name"]: each["value"] for each in metrics}
        return by_name["JSHeapUsedSize"], by_name["Nodes"]

    moderator.chrome.execute_async_script(decide, 40)
    heap, nodes = measured()
    moderator.chrome.execute_async_script(decide, 160)
    heap_after, nodes_after = measured()
    assert heap_after < heap + 2_000_000
    assert nodes_after < nodes + 1_000
