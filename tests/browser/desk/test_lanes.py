"""Moderators work through the lanes beside the waiting one, and through waves of the same."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from service.features.outcomes import DecisionRequest
from service.features.settle import SCREENING
from service.model import Action, Role, article_id
from service.storage.checks import Sampled
from service.wiring.ground import clock
from tests.browser.conftest import Newsroom
from tests.browser.desk.people import SHIFT, Moderator, Waiting, settled

pytestmark = pytest.mark.browser

LAST = "document.getElementById('last').innerText"


def let_through(newsroom: Newsroom, *texts: str) -> list[str]:
    """Let a rule publish comments, as where a site does not hold them."""
    api, ids = newsroom.api, []
    for text in texts:
        comment = api.posted(newsroom.article, text, site=newsroom.site)
        request = DecisionRequest(
            comment_id=UUID(comment["id"]),
            revision=1,
            action=Action.APPROVE,
            decision_id=uuid4(),
        )
        decisions = api.service.core.decisions
        work = decisions.decide([newsroom.site], [request], actor=SCREENING, now=clock())
        assert [each.status for each in api.aside.run(work)] == ["approved"]
        ids.append(str(comment["id"]))
    return ids


def sampled(newsroom: Newsroom, comment_id: str, verdict: str) -> None:
    """Put a decision into the sample that is looked at a second time."""
    one = Sampled(
        article_id=article_id(newsroom.site.site_id, newsroom.article),
        comment_id=UUID(comment_id),
        n=1,
        decided_by="key",
        decider_id="colleague",
        verdict="approve" if verdict == "approve" else "reject",
        at=clock(),
    )
    service = newsroom.api.service
    newsroom.api.aside.run(service.moderators.checks.store.add(newsroom.site.site_id, [one]))


def test_what_nobody_saw_is_seen_by_a_key_and_taken_back_by_another(
    moderator: Moderator, waiting: Waiting
) -> None:
    first, second = let_through(moderator.newsroom, "Number one.", "Number two.")
    moderator.visit(lane="new")
    moderator.until_current("Number one.")
    assert moderator.ask("return document.querySelector('.q-current .q-approve').innerText") == (
        "Seen\na"
    )
    moderator.decide("a")
    moderator.until_current("Number two.")
    moderator.until(f"{LAST}.includes('Left: 1')")
    moderator.press("u")
    moderator.until_current("Number one.")
    moderator.decide("a")
    moderator.until_current("Number two.")
    moderator.decide("s")
    settled(moderator, waiting, {"id": second, "text": "Number two."}, "removed")
    moderator.until("!document.getElementById('empty').hidden")
    moderator.visit(lane="new")
    assert moderator.cards == []
    assert waiting.status(first) == "approved"
    assert moderator.complaints() == []


def test_a_second_look_is_blind_until_one_has_said_what_one_thinks(
    moderator: Moderator, waiting: Waiting
) -> None:
    newsroom = moderator.newsroom
    good, bad = waiting.post("A fair point.", "Buy pills now.")
    newsroom.decide("approve", good["id"])
    newsroom.decide("reject", bad["id"], reason="spam")
    for comment, verdict in ((good, "approve"), (bad, "reject")):
        sampled(newsroom, comment["id"], verdict)
    moderator.visit(lane="check")
    moderator.until_current("A fair point.")
    moderator.until("document.getElementById('context-body').innerText.includes('Thread')")
    shown = str(moderator.ask("return document.querySelector('main').innerText"))
    assert "pproved this" not in shown
    assert "ejected this" not in shown
    moderator.shot("check")
    moderator.decide("a")
    moderator.until(f"{LAST}.startsWith('You agree.')")
    moderator.until_current("Buy pills now.")
    moderator.decide("a")
    moderator.until(f"{LAST}.startsWith('You would have decided otherwise.')")
    moderator.until(f"{LAST}.includes('Spam')")
    assert waiting.status(bad["id"]) == "rejected"


def test_a_public_comment_is_hidden_and_shown_again(moderator: Moderator, waiting: Waiting) -> None:
    (comment,) = let_through(moderator.newsroom, "Is this all right?")
    moderator.visit(lane="new")
    moderator.until_current("Is this all right?")
    moderator.decide("h")
    moderator.until(f"{LAST}.startsWith('Hidden')")
    assert waiting.status(comment) == "pending"
    moderator.press("u")
    moderator.wait(lambda: waiting.status(comment) == "approved", "public again")


def test_a_public_comment_becomes_a_staff_pick(moderator: Moderator) -> None:
    newsroom = moderator.newsroom
    (comment,) = let_through(newsroom, "Well said.")
    moderator.visit(lane="new")
    moderator.until_current("Well said.")
    for is_one in (True, False):
        moderator.decide("f")
        moderator.until(f"{LAST}.includes('{'is a staff pick' if is_one else 'no staff pick'}')")
        answer = newsroom.api.ask("GET", f"/v1/sites/{newsroom.site.slug}/comments/{comment}")
        assert answer.json["comment"]["featured"] is is_one


def test_what_waits_is_neither_hidden_nor_picked(moderator: Moderator, waiting: Waiting) -> None:
    waiting.numbered(1)
    moderator.visit()
    for key in "hf":
        moderator.decide(key)
        moderator.until("document.getElementById('status').innerText.includes('Only a public')")
    assert moderator.cards == ["Comment 0."]


def test_what_is_put_off_comes_back(moderator: Moderator, waiting: Waiting) -> None:
    waiting.numbered(2)
    moderator.visit(sort="oldest")
    moderator.decide("w")
    moderator.until_current("Comment 1.")
    moderator.decide("w")
    moderator.until("!document.getElementById('wake').hidden")
    moderator.until("document.getElementById('empty-words').innerText.includes('2')")
    moderator.visit(sort="oldest")
    assert moderator.cards == []
    moderator.press("u")
    moderator.until_current("Comment 1.")
    moderator.ask("document.getElementById('wake').click()")
    moderator.wait(lambda: len(moderator.cards) == 2, "both are back")


def noticed(moderator: Moderator, many: int) -> None:
    """Wait until so many of one cluster wait."""
    newsroom = moderator.newsroom
    where = f"/v1/moderation/clusters?site={newsroom.site.slug}"

    def waiting() -> int:
        items = newsroom.api.ask("GET", where, bearer=newsroom.key).json["items"]
        return max((each["waiting"] for each in items), default=0)

    moderator.wait(lambda: waiting() == many, "a cluster")


ADVERT = "Earn {} euros a day from home, ask me how on my page"


def wave(moderator: Moderator, waiting: Waiting, many: int) -> None:
    """Let nearly the same be posted again and again, and wait until that is noticed."""
    waiting.post(*(f"{ADVERT.format(900)} {'!' * n}" for n in range(many)))
    noticed(moderator, many)


def test_a_wave_is_decided_in_one_go_and_taken_back_by_one_key(
    moderator: Moderator, waiting: Waiting
) -> None:
    wave(moderator, waiting, 5)
    other = waiting.post("Something else.")[0]
    moderator.visit(sort="oldest")
    moderator.until("document.querySelector('.q-current [data-slot=cluster] button')")
    moderator.shot("wave")
    moderator.press("d")
    moderator.until("document.querySelector('dialog[open] .q-members')")
    assert moderator.faults() == []
    moderator.shot("cluster")
    moderator.ask("document.querySelector('dialog .q-members input').click()")
    moderator.until("document.querySelector('dialog .primary').innerText === 'Apply to 4'")
    moderator.press("s", modifiers=SHIFT)
    moderator.until("!document.querySelector('dialog')")
    moderator.until(f"{LAST}.startsWith('Rejected: 4')")
    moderator.wait(lambda: len(moderator.cards) == 2, "the one spared, and the other")
    moderator.press("u")
    moderator.until(f"{LAST}.startsWith('Taken back: 4')")
    moderator.wait(lambda: len(moderator.cards) == 6, "all are back")
    assert waiting.status(other["id"]) == "pending"
    assert moderator.complaints() == []


OPENING = "The bridge over the river closes on monday for repairs of its northern arch now. "
FERRY = "Drivers are asked to use the ferry at the old mill until further notice, at two. "
FREE = "Children travel free and nobody has to bring change for the machine any more this week."
CHAIN = (OPENING + FERRY, OPENING[-40:] + FERRY + FREE[:40], FERRY[20:] + FREE[:80])
"""Each is like the one before; the last is not like the first."""


def test_what_differs_from_a_wave_is_left_unticked(moderator: Moderator, waiting: Waiting) -> None:
    comments = waiting.post(*CHAIN)
    noticed(moderator, 3)
    moderator.visit(sort="oldest")
    moderator.press("d")
    boxes = "[...document.querySelectorAll('dialog .q-members input')]"
    moderator.until(f"{boxes}.length === 3")
    assert moderator.ask(f"return {boxes}.map((each) => each.checked)") == [True, True, False]
    moderator.press("s", modifiers=SHIFT)
    moderator.until(f"{LAST}.startsWith('Rejected: 2')")
    settled(moderator, waiting, comments[0], "rejected")
    assert waiting.status(comments[2]["id"]) == "pending"
    moderator.press("u")
    moderator.until(f"{LAST}.startsWith('Taken back: 2')")
    noticed(moderator, 3)
    moderator.visit(sort="oldest")
    moderator.press("d")
    moderator.until(f"{boxes}.length === 3")
    moderator.ask(f"{boxes}[2].click()")
    moderator.press("s", modifiers=SHIFT)
    moderator.until(f"{LAST}.startsWith('Rejected: 3')")
    settled(moderator, waiting, comments[2], "rejected")


def test_more_than_fifty_are_decided_by_seniors_who_type_their_number(
    moderator: Moderator, waiting: Waiting
) -> None:
    for n in range(51):
        waiting.post(f"{ADVERT.format(900)} {'!' * n}")
    noticed(moderator, 51)
    for role, words in ((Role.MODERATOR, ""), (Role.SENIOR, "Rejected: 51")):
        moderator.sign_in(role)
        moderator.visit(sort="oldest")
        moderator.press("d")
        moderator.until("document.querySelector('dialog[open] #q-number')?.checkVisibility()")
        moderator.ask("document.querySelector('dialog .primary').click()")
        assert moderator.ask("return document.activeElement.id") == "q-number"
        for digit in "51":
            moderator.press(digit)
        moderator.ask("document.querySelector('dialog .primary').click()")
        if words:
            moderator.until(f"{LAST}.startsWith('{words}')")
        else:
            moderator.until("document.querySelector('dialog [role=alert]').innerText")
    moderator.wait(lambda: not moderator.cards, "all are gone")


def test_a_filter_names_its_lane_and_is_the_address(moderator: Moderator, waiting: Waiting) -> None:
    waiting.post("Un avis.", lang="fr")
    waiting.post("A view.", lang="en")
    moderator.visit(filter="lane:held -lang:fr age:<1h", lane="reported")
    assert moderator.cards == ["A view."]
    current = "document.querySelector('.q-lanes [aria-current]').innerText"
    assert str(moderator.ask(f"return {current}")).startswith("Waiting")
    assert moderator.ask("return document.getElementById('filter').value") == "-lang:fr age:<1h"
    moderator.ask("document.querySelector('.q-chip[aria-pressed=true]').click()")
    moderator.until("!location.search.includes('age') || !location.search.includes('lang')")


def test_a_filter_is_kept_as_a_view(moderator: Moderator, waiting: Waiting) -> None:
    waiting.post("Un avis.", lang="fr")
    waiting.post("A view.", lang="en")
    moderator.visit(filter="lang:fr")
    moderator.ask("document.querySelector('#views summary').click()")
    moderator.until("document.getElementById('view-name')")
    moderator.ask(
        "const field = document.getElementById('view-name'); field.value = 'French';"
        "field.form.requestSubmit()"
    )
    moderator.until("document.querySelector('.q-view a')")
    moderator.visit(lane="reported")
    moderator.ask("document.querySelector('#views summary').click()")
    moderator.until("document.querySelector('.q-view a')")
    moderator.ask("document.querySelector('.q-view a').click()")
    moderator.until("location.search.includes('lang')")
    moderator.until_ready()
    assert moderator.cards == ["Un avis."]


def test_number_keys_and_g_lead_elsewhere(moderator: Moderator) -> None:
    moderator.visit()
    for n, lane in enumerate(("held", "reported", "new", "appeals", "check", "all"), start=1):
        moderator.press(str(n))
        moderator.until("location.search.includes(arguments[0])", f"lane={lane}")
        moderator.until_ready()
    moderator.press("g")
    moderator.press("s")
    moderator.until("location.pathname === '/moderate/search'")
    moderator.visit()
    moderator.press("g")
    moderator.press("u")
    moderator.until("document.activeElement.value === 'author:'")


def test_a_stream_that_is_cut_is_made_up_for(moderator: Moderator, waiting: Waiting) -> None:
    waiting.numbered(1)
    moderator.visit(sort="oldest")
    moderator.until("document.getElementById('live').dataset.state === 'live'")
    moderator.newsroom.api.service.live.desk.say_bye()
    waiting.post("While nobody listened.")
    moderator.until("document.getElementById('cards').innerText.includes('nobody listened')")
    moderator.until("document.getElementById('live').dataset.state === 'live'")
    count = "document.querySelector('.q-lanes [aria-current] .q-count').innerText"
    moderator.until(f"{count} === '2'")


def test_an_author_is_banned_by_a_senior_from_the_card(
    moderator: Moderator, waiting: Waiting
) -> None:
    (comment,) = waiting.numbered(1)
    moderator.sign_in(Role.SENIOR)
    moderator.visit()
    moderator.press("b")
    moderator.until("document.querySelector('dialog[open] button.wide')")
    moderator.ask(
        "[...document.querySelectorAll('dialog button')]"
        ".find((each) => each.innerText === 'Ban for good').click()"
    )
    moderator.until("document.getElementById('status').innerText.includes('is banned')")
    assert waiting.whole(comment["id"])["author"]["banned_until"] is not None


@pytest.mark.parametrize("lang", ["en", "ar"])
@pytest.mark.parametrize("theme", ["light", "dark", "contrast"])
def test_axe_finds_nothing_wrong_in_any_lane_or_dialog(
    moderator: Moderator, waiting: Waiting, theme: str, lang: str
) -> None:
    newsroom = moderator.newsroom
    (held,) = waiting.numbered(1)
    newsroom.decide("approve", held["id"])
    sampled(newsroom, held["id"], "approve")
    let_through(newsroom, "Unseen.")
    moderator.prefer(lang, theme)
    for lane in ("new", "check", "reported"):
        moderator.visit(lane=lane)
        assert moderator.faults() == []
        moderator.shot(f"{lane}-{theme}-{lang}")
    moderator.visit(lane="new")
    moderator.ask("document.querySelector('[data-act=settings]').click()")
    moderator.until("document.querySelector('dialog[open]')")
    moderator.ask("document.querySelector('dialog details').open = true")
    assert moderator.faults() == []
    moderator.shot(f"wishes-{theme}-{lang}")


def test_lanes_fit_a_narrow_screen(moderator: Moderator) -> None:
    let_through(moderator.newsroom, "Unseen, and with a " + "long" * 30 + " word.")
    moderator.window(360, 740)
    moderator.visit(lane="new")
    wide = "return document.documentElement.scrollWidth"
    assert moderator.ask(wide) <= 360
    moderator.ask("document.querySelector('[data-act=settings]').click()")
    moderator.until("document.querySelector('dialog[open]')")
    assert moderator.ask(wide) <= 360
    moderator.shot("narrow-lane")


def reported_and_appealed(newsroom: Newsroom) -> tuple[str, str]:
    """Let one comment be reported and another one's rejection be appealed."""
    api = newsroom.api
    reported = str(newsroom.post("Harmless.")["id"])
    where = f"/v1/sites/{newsroom.site.slug}/comments"
    assert api.ask("POST", f"{where}/{reported}/reports", json={"reason": "abuse"}).status == 202
    answer = api.post(newsroom.article, "Fair.", site=newsroom.site)
    appealed = str(answer.json["comment"]["id"])
    newsroom.decide("reject", appealed, reason="spam")
    bearer, json = answer.json["receipt"], {"text": "Look again."}
    assert api.ask("POST", f"{where}/{appealed}/appeal", json=json, bearer=bearer).status == 201
    return reported, appealed


@pytest.mark.parametrize("reloads", [False, True], ids=["at once", "after a reload"])
@pytest.mark.parametrize("lane", ["reported", "appeals"])
def test_an_answer_is_taken_back_and_given_anew(
    moderator: Moderator, waiting: Waiting, *, lane: str, reloads: bool
) -> None:
    _, appealed = reported_and_appealed(moderator.newsroom)
    moderator.sign_in(Role.SENIOR)
    text = {"reported": "Harmless.", "appeals": "Fair."}[lane]
    for key in "aa" if lane == "reported" else "ar":
        moderator.visit(lane=lane)
        moderator.until_current(text)
        moderator.decide(key)
        moderator.until("!document.getElementById('empty').hidden")
        if lane == "appeals":
            status = "approved" if key == "a" else "rejected"
            settled(moderator, waiting, {"id": appealed, "text": text}, status)
        if reloads:
            moderator.wait(lambda: lane_is_empty(moderator, lane), "answered")
            moderator.visit(lane=lane)
            assert moderator.cards == []
        moderator.press("u")
        moderator.until_said("Taken back: 1.")
        moderator.until_current(text)
        slot = {"reported": "reports", "appeals": "appeal"}[lane]
        moderator.until(f"document.querySelector('.q-current [data-slot={slot}]').innerText")
        moderator.wait(lambda: not lane_is_empty(moderator, lane), "it waits again")
    if lane == "appeals":
        assert waiting.status(appealed) == "rejected"
    assert moderator.complaints() == []


def lane_is_empty(moderator: Moderator, lane: str) -> bool:
    """Ask the service what lies in a lane."""
    newsroom = moderator.newsroom
    where = f"/v1/moderation/queue?site={newsroom.site.slug}&lane={lane}"
    return not newsroom.api.ask("GET", where, bearer=newsroom.key).json["total"]


def test_a_second_look_that_is_taken_back_is_for_a_colleague(
    moderator: Moderator, waiting: Waiting
) -> None:
    newsroom = moderator.newsroom
    (comment,) = waiting.post("A fair point.")
    newsroom.decide("approve", comment["id"])
    sampled(newsroom, comment["id"], "approve")
    moderator.visit(lane="check")
    moderator.until_current("A fair point.")
    moderator.decide("s")
    moderator.until(f"{LAST}.startsWith('You would have decided otherwise.')")
    moderator.press("u")
    moderator.until_said("Second looks taken back: 1.")
    moderator.visit(lane="check")
    assert moderator.cards == []
    assert not lane_is_empty(moderator, "check"), "the key, and colleagues, may look"


def test_what_is_public_is_not_escalated(moderator: Moderator) -> None:
    reported_and_appealed(moderator.newsroom)
    moderator.visit(lane="reported")
    moderator.decide("e")
    moderator.until("document.getElementById('status').innerText.includes('Only what waits')")
    assert moderator.cards == ["Harmless."]


def test_everything_is_worked_off_in_one_list(moderator: Moderator, waiting: Waiting) -> None:
    reported, appealed = reported_and_appealed(moderator.newsroom)
    (waits,) = waiting.post("It waits.")
    moderator.sign_in(Role.SENIOR)
    moderator.visit(lane="all")
    moderator.wait(lambda: set(moderator.cards) == {"Harmless.", "Fair.", "It waits."}, "all")
    moderator.shot("all")
    labels = {"Harmless.": "Keep", "Fair.": "Grant", "It waits.": "Approve"}
    for _ in range(3):
        text = moderator.current
        label = "document.querySelector('.q-current .q-approve .q-label').innerText"
        assert moderator.ask(f"return {label}") == labels[text]
        moderator.decide("a")
        moderator.until(
            "document.querySelector('.q-current .q-text')?.innerText !== arguments[0]", text
        )
    moderator.until("document.getElementById('pace').checkVisibility()")
    moderator.shot("pace")
    for comment in (reported, appealed, waits["id"]):
        settled(moderator, waiting, {"id": comment, "text": comment}, "approved")
    moderator.wait(lambda: lane_is_empty(moderator, "all"), "nothing is left")
    assert moderator.complaints() == []


def test_letters_of_another_alphabet_and_signals_scores_are_shown(
    moderator: Moderator, waiting: Waiting
) -> None:
    waiting.marked("A l\u0456ar, \u043d\u0435\u0442.", "links", (2, 6))
    moderator.visit()
    odd = "[...document.querySelectorAll('.q-current .q-odd')].map((each) => each.innerText).join()"
    assert moderator.ask(f"return {odd}") == "U+0456"
    assert moderator.ask("return document.querySelector('.q-score').innerText") == "0.9"
    moderator.shot("alike")


def test_a_threat_is_masked_whole_and_nobody_has_to_read_it_alone(
    moderator: Moderator, waiting: Waiting
) -> None:
    waiting.marked("I know where you live.", "threats", (0, 22), severity=10)
    moderator.wish(mask=False)
    moderator.visit()
    assert moderator.current == "Masked whole"
    moderator.until("document.getElementById('context-body').innerText.includes('Thread')")
    assert "know" not in str(moderator.ask("return document.querySelector('main').innerHTML"))
    assert moderator.ask("return document.querySelector('.q-current .q-pair').checkVisibility()")
    moderator.shot("pair")
    moderator.press("v")
    moderator.until_current("I know where you live.")
