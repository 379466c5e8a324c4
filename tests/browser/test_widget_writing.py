"""What readers do who write: post, wait, answer, change, and hear of decisions."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.keys import Keys

from tests.api.conftest import Api
from tests.browser.conftest import Newsroom, NewsSite, Reader, both

pytestmark = pytest.mark.browser

EAGER = 'loading="eager"'


@pytest.mark.smoke
@both
def test_a_held_comment_is_its_authors_alone_and_appears_when_approved(
    reader: Reader, newsroom: Newsroom
) -> None:
    reader.visit(attributes=EAGER)
    comment_id = reader.posted("First to say *hello*.")
    reader.until_said(reader.say("sent"))
    assert reader.focused == "comment pending own"
    assert reader.texts(".note") == [reader.say("held")]
    assert reader.texts(".composer textarea") == [""]
    assert reader.text(".title") == reader.say("title", 0)

    reader.reload()
    reader.until_shown(".own .note", reader.say("held"))
    with reader.another_device():
        reader.reload()
        assert reader.bodies == []
    reader.reload()
    reader.until_shown(".own .note", reader.say("held"))

    reader.press(Keys.TAB)  # the stream begins with the reader's first act
    reader.click(".composer textarea")
    newsroom.decide("approve", comment_id)
    reader.until_said(reader.say("published"))
    assert reader.texts(".note") == []
    assert reader.bodies == ["First to say hello."]
    assert reader.text(".title") == reader.say("title", 1)
    assert reader.complaints() == []


@both
def test_a_rejection_tells_its_reason_and_is_written_anew(
    reader: Reader, newsroom: Newsroom
) -> None:
    reader.visit(attributes=EAGER)
    comment_id = reader.posted("You fool.")
    newsroom.decide("reject", comment_id, "abuse")
    reader.look_back()
    reader.until_shown(".own .note", f"{reader.say('rejected')} It insults somebody.")
    assert reader.bodies == ["You fool."]
    reader.reload()
    reader.until_shown(".own .note", "It insults somebody.")
    reader.click("[data-act=resend]")
    assert reader.ask("return root.activeElement.value") == "You fool."
    reader.rewrite("You are mistaken.")
    reader.click(".composer .submit")
    reader.until("root.querySelector('.own .body')?.innerText === 'You are mistaken.'")
    reader.until("root.querySelectorAll('.own').length === 1")
    assert [each["text"] for each in newsroom.waiting()] == ["You are mistaken."]


@both
def test_a_rejection_can_be_appealed_once(reader: Reader, newsroom: Newsroom) -> None:
    reader.visit(attributes=EAGER)
    comment_id = reader.posted("Harsh but fair.")
    newsroom.decide("reject", comment_id, "other")
    reader.look_back()
    reader.until_shown("[data-act=appeal]")
    reader.click("[data-act=appeal]")
    reader.click(".dialog .submit")
    assert reader.text(".dialog [role=alert]") == reader.say("required")
    reader.type(".dialog textarea", "It is a quotation.")
    reader.click(".dialog .submit")
    reader.until_shown(".own .note", reader.say("appealed"))
    assert reader.texts("[data-act=appeal]") == []
    reader.reload()
    reader.until_shown(".own .note", reader.say("appealed"))


@both
def test_a_comment_that_is_published_at_once_says_so(
    api: Api, reader: Reader, newsroom: Newsroom
) -> None:
    newsroom.site = api.new_site(origins=(reader.news_site.origin,), mode="post")
    reader.visit(attributes=EAGER)
    reader.posted("Right away.")
    reader.until_said(reader.say("posted"))
    assert reader.text(".title") == reader.say("title", 1)
    assert reader.focused == "comment approved own"


LATE = """<script>
const ask = window.fetch
window.fetch = async (url, how) => {
  const told = new Promise((done) => addEventListener('postbag:count', done, { once: true }))
  const answer = await ask(url, how)
  if (how.method === 'DELETE' || (how.method === 'POST' && url.endsWith('/comments'))) await told
  return answer
}
window.EventSource = class extends EventSource {
  constructor(url) {
    super(url)
    this.addEventListener('open', () => (window.listening = true))
  }
}
</script>"""
"""What this reader does is answered when the stream has told everybody of it."""


@both
def test_what_the_stream_tells_before_the_answer_is_counted_once(
    api: Api, reader: Reader, newsroom: Newsroom
) -> None:
    newsroom.site = api.new_site(origins=(reader.news_site.origin,), mode="post")
    reader.visit(attributes=EAGER, head=LATE)
    reader.type(".composer textarea", "Right away.")
    reader.until("window.listening")
    assert api.post(newsroom.article, "Another's.", site=newsroom.site).status == 201
    reader.until_shown(".pill", reader.say("fresh", 1))
    reader.type(".composer [name=name]", "Nadia")
    reader.click(".composer .submit")
    reader.until_said(reader.say("posted"))
    assert reader.text(".title") == reader.say("title", 2)
    assert reader.texts(".pill") == [reader.say("fresh", 1)]
    reader.click("[data-act=delete]")
    reader.click(".dialog .submit")
    reader.until_said(reader.say("deleted"))
    assert reader.text(".title") == reader.say("title", 1)


@both
def test_an_answer_stands_under_what_it_answers(reader: Reader, newsroom: Newsroom) -> None:
    newsroom.post("A question.", name="Omar")
    reader.visit(attributes=EAGER)
    reader.click("[data-act=reply]")
    reader.until("root.activeElement?.localName === 'textarea'")
    label = reader.texts(".entry .composer .label")[0]
    assert label == reader.say("replyTo", u="Omar")
    reader.press("An answer.", Keys.TAB, "Nadia", Keys.TAB, Keys.TAB, Keys.ENTER)
    reader.until_shown(".replies .own .body", "An answer.")
    assert reader.focused == "comment pending own"
    assert reader.texts(".entry .composer") == []


@both
def test_escape_closes_an_empty_reply_only(reader: Reader, newsroom: Newsroom) -> None:
    newsroom.post()
    reader.visit(attributes=EAGER)
    reader.click("[data-act=reply]")
    reader.until("root.activeElement?.localName === 'textarea'")
    reader.press("x", Keys.ESCAPE)
    assert len(reader.texts(".entry .composer")) == 1
    reader.press(Keys.BACKSPACE, Keys.ESCAPE)
    reader.until("!root.querySelector('.entry .composer')")
    assert reader.ask("return root.activeElement.dataset.act") == "reply"


@both
def test_an_own_comment_is_changed_and_deleted(reader: Reader, newsroom: Newsroom) -> None:
    reader.visit(attributes=EAGER)
    reader.posted("A tpyo.")
    reader.click("[data-act=edit]")
    assert reader.ask("return root.activeElement.value") == "A tpyo."
    reader.rewrite("A typo.")
    reader.click(".entry .submit")
    reader.until("root.querySelector('.own .body')?.innerText === 'A typo.'")
    assert [each["text"] for each in newsroom.waiting()] == ["A typo."]
    reader.click("[data-act=delete]")
    reader.until("root.querySelector('dialog')?.open")
    reader.press(Keys.ESCAPE)
    reader.until("!root.querySelector('dialog')")
    assert reader.ask("return root.activeElement.dataset.act") == "delete"
    reader.click("[data-act=delete]")
    reader.click(".dialog .submit")
    reader.until_said(reader.say("deleted"))
    assert reader.bodies == []
    assert reader.focused == "title"
    assert newsroom.waiting() == []


@both
def test_a_change_from_another_window_is_shown_beside_ones_own(
    reader: Reader, newsroom: Newsroom
) -> None:
    reader.visit(attributes=EAGER)
    comment_id = reader.posted("As it was.")
    reader.click("[data-act=edit]")
    receipt = reader.ask("return JSON.parse(localStorage['postbag:' + el.getAttribute('site')])")
    target = f"/v1/sites/{newsroom.site.slug}/comments/{comment_id}"
    answer = newsroom.api.ask(
        "PATCH", target, json={"body": "From there.", "revision": 1}, bearer=receipt["receipt"]
    )
    assert answer.status == 200
    reader.rewrite("From here.")
    reader.click(".entry .submit")
    reader.until_shown(".entry [role=alert]", reader.say("stale"))
    assert reader.text(".entry [role=alert]").endswith("From there.")
    assert reader.ask("return root.querySelector('.entry textarea').value") == "From here."
    reader.click(".entry .submit")
    reader.until("root.querySelector('.own .body')?.innerText === 'From here.'")


@both
def test_who_may_not_write_is_told(reader: Reader, newsroom: Newsroom) -> None:
    reader.visit(attributes=EAGER)
    newsroom.change(state="closed")
    reader.post("Too late.")
    reader.until_shown(".composer [role=alert]", reader.say("closed"))
    assert reader.ask("return root.querySelector('textarea').value") == "Too late."


@both
def test_a_deleted_comment_with_answers_leaves_its_place(
    reader: Reader, newsroom: Newsroom
) -> None:
    reader.visit(attributes=EAGER)
    comment_id = reader.posted("A question.")
    newsroom.decide("approve", comment_id)
    newsroom.post("An answer.", parent_id=comment_id)
    reader.reload()
    reader.until_shown(".own [data-act=delete]")
    reader.click(".own [data-act=delete]")
    reader.click(".dialog .submit")
    reader.until_shown(".gone", reader.say("goneDeleted"))
    assert reader.focused == "comment gone"
    assert reader.bodies == ["An answer."]


@both
def test_a_recommendation_counts_at_once_and_can_be_taken_back(
    reader: Reader, newsroom: Newsroom
) -> None:
    newsroom.post()
    reader.visit(attributes=EAGER)
    vote = "root.querySelector('[data-act=recommend]')"
    reader.ask("addEventListener('postbag:voted', (e) => (window.voted = e.detail.value))")
    reader.click("[data-act=recommend]")
    reader.until(f"{vote}.ariaPressed === 'true' && {vote}.textContent.startsWith('1')")
    reader.until("window.voted === 1")
    assert reader.ask("return root.activeElement.dataset.act") == "recommend"
    reader.reload()
    reader.until(f"{vote}.ariaPressed === 'true'")
    reader.click("[data-act=recommend]")
    reader.until(f"{vote}.ariaPressed === 'false'")


@both
def test_a_recommendation_that_fails_is_taken_back(reader: Reader, newsroom: Newsroom) -> None:
    newsroom.post()
    reader.visit(attributes=EAGER)
    reader.block("*/vote")
    reader.click("[data-act=recommend]")
    reader.until_shown(".notice", reader.say("actError"))
    vote = "root.querySelector('[data-act=recommend]')"
    assert reader.ask(f"return {vote}.ariaPressed") == "false"
    assert reader.ask(f"return {vote}.innerText.trim()") == reader.say("vote")


@both
def test_a_comment_is_reported_and_focus_returns(reader: Reader, newsroom: Newsroom) -> None:
    comment = newsroom.post()
    reader.visit(attributes=EAGER)
    reader.click("[data-act=report]")
    reader.until("root.querySelector('dialog')?.open")
    reader.press(Keys.ESCAPE)
    reader.until("!root.querySelector('dialog')")
    assert reader.ask("return root.activeElement.dataset.act") == "report"
    reader.click("[data-act=report]")
    reader.click("[value=abuse]")
    reader.type(".dialog textarea", "Rude.")
    reader.click(".dialog .submit")
    reader.until_said(reader.say("thanks"))
    assert reader.texts("[data-act=reported]") == [reader.say("reported")]
    told = newsroom.api.ask(
        "GET", f"/v1/moderation/queue?site={newsroom.site.slug}&lane=reported", bearer=newsroom.key
    )
    assert [item["comment"]["id"] for item in told.json["items"]] == [comment["id"]]


@both
def test_illegal_content_needs_a_notice(reader: Reader, newsroom: Newsroom) -> None:
    newsroom.post()
    reader.visit(attributes=EAGER)
    reader.click("[data-act=report]")
    reader.click("[value=illegal]")
    reader.click(".dialog .submit")
    assert reader.text(".dialog [role=alert]") == reader.say("required")
    reader.type(".dialog textarea", "It incites to violence.")
    reader.type(".dialog [name=name]", "Nadia")
    reader.type(".dialog [name=email]", "nadia@example.org")
    reader.click(".dialog [required][type=checkbox]")
    reader.click(".dialog .submit")
    reader.until_shown(".dialog", reader.say("noticeNumber").partition("{")[0])
    reader.until_said(reader.say("thanks"))
    assert reader.faults() == []
    reader.press(Keys.ENTER)
    reader.until("!root.querySelector('dialog')")
    reader.until("root.activeElement?.dataset.act === 'reported'")


def test_who_reports_the_abuse_of_minors_need_not_say_who_they_are(
    reader: Reader, newsroom: Newsroom
) -> None:
    newsroom.post()
    reader.visit(attributes=EAGER)
    reader.click("[data-act=report]")
    reader.click("[value=illegal]")
    reader.type(".dialog textarea", "It shows a child.")
    reader.click("[name=minors]")
    reader.click(".dialog [required][type=checkbox]")
    reader.click(".dialog .submit")
    reader.until_shown(".dialog", reader.say("noticeNumber").partition("{")[0])


@both
def test_what_others_write_is_counted_and_shown_only_when_asked(
    reader: Reader, newsroom: Newsroom
) -> None:
    newsroom.post("The first.")
    reader.visit(attributes=EAGER)
    reader.click(".composer textarea")
    reader.until("performance.getEntriesByType('resource').some((r) => /act.js/.test(r.name))")
    newsroom.post("The second.")
    newsroom.post("The third.")
    reader.until_shown(".pill", reader.say("fresh", 2))
    assert reader.bodies == ["The first."]
    assert reader.text(".title") == reader.say("title", 3)
    reader.click(".pill")
    reader.until("root.querySelectorAll('.body').length === 3")
    assert reader.bodies == ["The third.", "The second.", "The first."]
    assert reader.texts(".pill") == []
    assert reader.focused == "title"


@both
def test_what_is_removed_goes_at_once_and_nothing_jumps(reader: Reader, newsroom: Newsroom) -> None:
    bad = newsroom.post("\n\n".join(["Something bad."] * 6))
    newsroom.post("Something good.")
    reader.visit(attributes=f'{EAGER} sort="oldest"')
    reader.click(".composer textarea")
    reader.until("performance.getEntriesByType('resource').some((r) => /act.js/.test(r.name))")
    before = reader.ask("return root.querySelectorAll('article')[1].getBoundingClientRect().top")
    newsroom.decide("remove", bad["id"], "abuse")
    reader.until_shown(".gone", reader.say("goneRemoved"))
    after = reader.ask("return root.querySelectorAll('article')[1].getBoundingClientRect().top")
    assert after == pytest.approx(before, abs=1)
    assert reader.bodies == ["Something good."]


@both
def test_too_much_and_too_little_is_said_in_place(reader: Reader, newsroom: Newsroom) -> None:
    newsroom.settle(body_max_chars=40)
    reader.visit(attributes=EAGER)
    reader.click(".composer .submit")
    reader.until_shown(".composer [role=alert]", reader.say("required"))
    assert reader.ask("return root.activeElement.ariaInvalid") == "true"
    reader.press("x" * 45)
    assert reader.texts(".left") == [reader.say("over", 5)]
    reader.click(".composer .submit")
    reader.until_shown(".composer [role=alert]", reader.say("too_long"))
    reader.press(*([Keys.BACKSPACE] * 5))
    assert reader.texts(".composer [role=alert]") == []
    reader.click(".composer .submit")
    reader.until_shown(".composer [role=alert]", reader.say("noName"))
    assert reader.ask("return root.activeElement.name") == "name"


def test_the_servers_word_on_a_field_is_shown(reader: Reader, newsroom: Newsroom) -> None:
    reader.visit(attributes=EAGER)
    newsroom.settle(body_max_chars=40)
    reader.type(".composer textarea", "x" * 41)
    reader.type(".composer [name=name]", "Nadia")
    reader.click(".composer .submit")
    reader.until("root.querySelector('textarea').ariaInvalid === 'true'")
    assert reader.text(".composer [role=alert]") != ""


@both
def test_who_posts_too_fast_waits_and_keeps_the_text(limited: Api, reader: Reader) -> None:
    reader.visit(attributes=f'{EAGER} api="{limited.caller.origin}"')
    reader.type(".composer [name=name]", "Nadia")
    for n in range(30):
        reader.type(".composer textarea", f"Again and again {n}.")
        reader.click(".composer .submit")
        reader.until(
            "root.querySelector('.error').textContent || !root.querySelector('textarea').value"
        )
        if reader.texts(".composer [role=alert]"):
            break
    wait = reader.say("tooFast", 11).partition("11")[0]
    assert reader.text(".composer [role=alert]").startswith(wait)
    assert reader.ask("return root.querySelector('.submit').ariaDisabled") == "true"
    assert reader.ask("return root.querySelector('textarea').value") == f"Again and again {n}."


@both
def test_a_draft_survives_and_is_never_sent_by_itself(reader: Reader, newsroom: Newsroom) -> None:
    reader.visit(attributes=EAGER)
    reader.click(".composer textarea")
    reader.until("performance.getEntriesByType('resource').some((r) => /act.js/.test(r.name))")
    reader.press("Half a thought")
    reader.until("JSON.stringify({...localStorage}).includes('Half a thought')")
    reader.reload()
    assert reader.ask("return root.querySelector('textarea').value") == "Half a thought"
    reader.type(".composer [name=name]", "Nadia")
    reader.online(online=False)
    reader.click(".composer .submit")
    reader.until_shown(".composer [role=alert]", reader.say("noNetwork"))
    reader.online(online=True)
    reader.until_shown(".composer [role=alert]", reader.say("online"))
    assert newsroom.waiting() == []
    reader.click(".composer .submit")
    reader.until_shown(".own .body", "Half a thought")
    reader.reload()
    assert reader.ask("return root.querySelector('textarea').value") == ""


@both
def test_a_retry_carries_the_same_key_and_posts_once(reader: Reader, newsroom: Newsroom) -> None:
    reader.visit(attributes=EAGER)
    reader.block("*/comments")
    reader.post("Once only.")
    failed = f"{reader.say('actError')} {reader.say('kept')}"
    reader.until_shown(".composer [role=alert]", failed)
    reader.block()
    reader.click(".composer .submit")
    reader.until_shown(".own .body", "Once only.")
    keys = [
        each["headers"]["Idempotency-Key"] for each in reader.requests() if each["method"] == "POST"
    ]
    assert len(keys) == 2
    assert len(set(keys)) == 1
    assert len(newsroom.waiting()) == 1


def test_the_page_may_stop_a_comment_and_hears_of_all(reader: Reader) -> None:
    names = ("ready", "before-submit", "posted", "count", "error")
    listening = "".join(
        f"addEventListener('postbag:{name}', (e) => heard.push(['{name}', e.detail]));"
        for name in names
    )
    reader.visit(attributes=EAGER, head=f"<script>const heard = [];{listening}</script>")
    reader.ask(
        "el.addEventListener('postbag:before-submit', (event) => {"
        " if (event.detail.text === 'No.') event.preventDefault() })"
    )
    reader.post("No.")
    reader.until("heard.length === 2")
    assert reader.bodies == []
    reader.press(Keys.BACKSPACE)
    reader.find(".composer textarea").clear()
    comment_id = reader.posted("Yes.")
    assert reader.ask("return heard") == [
        ["ready", {"count": 0}],
        ["before-submit", {"text": "No.", "parent": None}],
        ["before-submit", {"text": "Yes.", "parent": None}],
        ["posted", {"id": comment_id, "state": "pending"}],
    ]


@both
def test_where_guests_may_not_write_readers_are_asked_to_sign_in(
    api: Api, reader: Reader, newsroom: Newsroom
) -> None:
    newsroom.site = api.new_site(origins=(reader.news_site.origin,), guests_allowed=False)
    reader.visit(attributes=f'{EAGER} guests="off"')
    assert reader.texts(".composer") == []
    reader.ask(
        "el.addEventListener('postbag:login-required', (e) => (window.asked = e.detail.intent))"
    )
    reader.click(".writing .submit")
    reader.until("window.asked === 'comment'")


@pytest.mark.smoke
@both
def test_everything_is_done_with_the_keyboard_alone(reader: Reader, newsroom: Newsroom) -> None:
    newsroom.post("A question.")
    reader.visit(attributes=EAGER)
    reader.tab_to("at.localName === 'textarea'")
    reader.press("From the keys.", Keys.TAB, "Nadia", Keys.TAB, Keys.TAB, Keys.ENTER)
    reader.until_said(reader.say("sent"))
    assert reader.focused == "comment pending own"
    reader.tab_to("at.dataset.act === 'recommend'")
    reader.press(Keys.SPACE)
    reader.until("root.activeElement.ariaPressed === 'true'")
    reader.tab_to("at.dataset.act === 'report'")
    reader.press(Keys.ENTER)
    reader.until("root.querySelector('dialog')?.open")
    reader.tab_to("at.type === 'radio'")
    reader.press(Keys.SPACE)
    reader.tab_to("at.className === 'submit'")
    reader.press(Keys.ENTER)
    reader.until_said(reader.say("thanks"))
    reader.until("root.activeElement?.dataset.act === 'reported'")


@both
def test_readers_are_known_by_the_token_of_the_site(
    reader: Reader, newsroom: Newsroom, news_site: NewsSite
) -> None:
    token = newsroom.token_for("Nadia S.")
    script = (
        "<script type=module>document.querySelector('postbag-comments').tokenProvider ="
        f" async () => window.signedOut ? '' : '{token}'</script>"
    )
    reader.visit(attributes=EAGER, body=script)
    reader.until_shown(".composer .hint", reader.say("signedIn", u="Nadia S."))
    assert reader.texts(".composer [name=name]") == []
    reader.type(".composer textarea", "As myself.")
    reader.click(".composer .submit")
    reader.until_shown(".own .author", "Nadia S.")
    assert token not in reader.ask("return JSON.stringify({...localStorage})")
    assert news_site.origin not in token
