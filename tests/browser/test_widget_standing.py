"""What the newsroom tells an author, and what the service says of what they send."""

from __future__ import annotations

from typing import Any

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.conftest import Newsroom, Reader

pytestmark = pytest.mark.browser

EAGER = 'loading="eager"'
RUDE = "Please do not call anybody a liar."
UNTIL = "2090-05-03T12:00:00.000Z"


def about(newsroom: Newsroom, comment_id: str, method: str, more: str = "", **json: Any) -> None:
    """Do something about the author of a comment."""
    whole = newsroom.api.ask("GET", f"/v1/moderation/comments/{comment_id}", bearer=newsroom.key)
    ref = whole.json["author"]["ref"]
    target = f"/v1/sites/{newsroom.site.slug}/readers/{ref}{more}"
    answer = newsroom.api.ask(method, target, json=json, bearer=newsroom.key)
    assert answer.status in {200, 201}, answer.raw


def warn(newsroom: Newsroom, comment_id: str, text: str = RUDE) -> None:
    about(newsroom, comment_id, "POST", "/warnings", text=text)


def ban(newsroom: Newsroom, comment_id: str, until: str | None, reason: str | None) -> None:
    about(newsroom, comment_id, "PUT", ban={"until": until, "reason": reason})


def readmit(newsroom: Newsroom, comment_id: str) -> None:
    about(newsroom, comment_id, "PUT", ban=None)


NOTICE = ".notice:not([hidden])"
WARNING = ".notice[aria-labelledby^=warning]"


def test_a_warning_answers_a_post_and_once_read_the_text_is_sent(
    reader: Reader, newsroom: Newsroom
) -> None:
    reader.visit(attributes=EAGER)
    warn(newsroom, reader.posted("You liar."))
    reader.post("Liar again.")
    reader.until_shown(f"{WARNING}[role=alert]", RUDE)
    assert reader.ask("return root.querySelector('textarea').value") == "Liar again."
    assert reader.texts(".composer [role=alert]") == []
    reader.until("root.activeElement?.innerText === 'I have read this'")
    assert reader.faults() == []
    reader.press(Keys.ENTER)
    reader.until("root.activeElement?.matches('.composer .submit')")
    assert reader.texts(WARNING) == []
    reader.press(Keys.ENTER)
    reader.until("root.querySelectorAll('.own').length === 2")
    assert "Liar again." in reader.bodies


def test_several_warnings_are_read_one_by_one_before_anything_is_written(
    reader: Reader, newsroom: Newsroom
) -> None:
    reader.visit(attributes=EAGER)
    comment_id = reader.posted("You liar.")
    warn(newsroom, comment_id)
    warn(newsroom, comment_id, "<b>And</b> no advertising.")
    reader.reload()
    reader.until_shown(f"{WARNING}[role=group]", "<b>And</b> no advertising.")
    above = "root.querySelector('.notice').compareDocumentPosition(root.querySelector('.composer'))"
    assert reader.ask(f"return {above}") == 4
    assert len(reader.texts(WARNING)) == 2
    reader.tab_to("at.innerText === 'I have read this'")
    reader.press(Keys.ENTER)
    reader.until(f"root.querySelectorAll('{WARNING}').length === 1")
    assert reader.ask("return root.activeElement.innerText") == "I have read this"
    reader.press(Keys.ENTER)
    reader.until("root.activeElement?.matches('.composer textarea')")
    assert reader.texts(WARNING) == []
    reader.reload()
    reader.until_shown(".own")
    assert reader.texts(WARNING) == []


def test_a_warning_stands_above_the_composer_also_when_it_answers_a_reply(
    reader: Reader, newsroom: Newsroom
) -> None:
    newsroom.post("A question.")
    reader.visit(attributes=EAGER)
    warn(newsroom, reader.posted("You liar."))
    reader.click("[data-act=reply]")
    reader.until("root.activeElement?.localName === 'textarea'")
    reader.press("An answer.")
    reader.click(".entry .submit")
    reader.until("root.activeElement?.innerText === 'I have read this'")
    reader.press(Keys.SPACE)
    reader.until("root.activeElement?.closest('.entry')")
    reader.press(Keys.ENTER)
    reader.until_shown(".replies .own .body", "An answer.")


def test_where_nobody_can_write_nobody_is_warned(reader: Reader, newsroom: Newsroom) -> None:
    reader.visit(attributes=EAGER)
    warn(newsroom, reader.posted("You liar."))
    newsroom.change(state="closed")

    def is_closed() -> bool:
        reader.reload()
        return bool(reader.ask("return el.state === 'closed'"))

    reader.wait(is_closed, "closed")
    reader.until_shown(".own")
    assert reader.texts(NOTICE) == ["Comments are closed on this article."]


def test_a_warning_that_cannot_be_acknowledged_stays(reader: Reader, newsroom: Newsroom) -> None:
    reader.visit(attributes=EAGER)
    warn(newsroom, reader.posted("You liar."))
    reader.reload()
    reader.until_shown(WARNING, RUDE)
    reader.block("*/acknowledge")
    reader.click(f"{WARNING} button")
    reader.until_shown(".notice", "That did not work. Please try again.")
    assert len(reader.texts(WARNING)) == 1


@pytest.mark.parametrize(
    ("lang", "until", "said"),
    [
        ("en", UNTIL, "You cannot comment here until \u2068May 3, 2090 at"),
        ("en", None, "You cannot comment here any more. This is for good."),
        ("fr", UNTIL, "Vous ne pouvez pas commenter ici avant le \u20683 mai 2090"),
        ("fr", None, "Vous ne pouvez plus commenter ici ; c’est définitif."),
        ("ar", UNTIL, "لا يمكنك التعليق هنا قبل \u20683 مايو 2090"),
        ("ar", None, "لا يمكنك التعليق هنا بعد الآن نهائيًا."),
    ],
)
def test_who_is_suspended_reads_until_when_and_why(
    reader: Reader, newsroom: Newsroom, lang: str, until: str | None, said: str
) -> None:
    newsroom.post()
    reader.visit(attributes=EAGER, lang=lang)
    comment_id = reader.posted("Spam.")
    ban(newsroom, comment_id, until, "You were asked to stop.")
    reader.reload()
    reader.until_shown(".notice", said)
    assert "\u2068You were asked to stop.\u2069" in reader.text(NOTICE)
    assert reader.texts("textarea") == []
    assert reader.texts("[data-act=reply]") == []
    assert reader.texts("[data-act=delete]") != []
    reader.shot(f"banned-{lang}")
    assert reader.faults() == []


def test_a_suspension_answers_a_post_and_its_end_gives_the_text_back(
    reader: Reader, newsroom: Newsroom
) -> None:
    reader.visit(attributes=EAGER)
    comment_id = reader.posted("Spam.")
    ban(newsroom, comment_id, UNTIL, None)
    reader.post("More spam.")
    reader.until_shown(".notice", "You cannot comment here until")
    assert reader.text(NOTICE).endswith("Your text is kept.")
    assert "Reason" not in reader.text(NOTICE)
    assert reader.focused == "notice"
    assert reader.texts("textarea") == []
    readmit(newsroom, comment_id)
    reader.look_back()
    reader.until_shown(".composer textarea")
    assert reader.ask("return root.querySelector('textarea').value") == "More spam."
    assert reader.texts(NOTICE) == []


def test_a_suspension_leaves_a_reply_that_is_being_written(
    reader: Reader, newsroom: Newsroom
) -> None:
    newsroom.post("A question.")
    reader.visit(attributes=EAGER)
    comment_id = reader.posted("Spam.")
    reader.click("[data-act=reply]")
    reader.until("root.activeElement?.localName === 'textarea'")
    ban(newsroom, comment_id, None, None)
    reader.press("An answer.")
    reader.click(".entry .submit")
    reader.until_shown(".entry [role=alert]", "You cannot comment here at the moment.")
    reader.until_shown(".notice[role=alert]", "for good")
    assert reader.ask("return root.querySelector('.entry textarea').value") == "An answer."


def test_a_suspension_answers_a_recommendation(reader: Reader, newsroom: Newsroom) -> None:
    newsroom.post()
    reader.visit(attributes=EAGER)
    ban(newsroom, reader.posted("Spam."), None, None)
    reader.click("[data-act=recommend]")
    reader.until_shown(".notice[role=alert]", "for good")
    vote = "root.querySelector('[data-act=recommend]')"
    assert reader.ask(f"return {vote}.ariaPressed") == "false"


@pytest.mark.parametrize(
    ("lang", "left", "over"),
    [
        ("en", "1 minute left", "The time to edit is over."),
        ("fr", "encore 1 minute", "Le délai de modification est écoulé."),
        ("ar", "بقيت دقيقة واحدة", "انتهت مهلة التعديل."),
    ],
)
def test_an_edit_shows_its_time_and_outlives_it(
    reader: Reader, newsroom: Newsroom, lang: str, left: str, over: str
) -> None:
    newsroom.settle(edit_window_seconds=3)
    reader.block("*/editor")
    reader.visit(attributes=EAGER, lang=lang)
    reader.posted("As it was.")
    reader.click("[data-act=edit]")
    reader.until_shown(".entry .composer .hint", left)
    time_of_it = "root.getElementById(root.activeElement.ariaDescribedByElements[1].id)"
    assert reader.ask(f"return {time_of_it}.innerText") == left
    reader.rewrite("As it should be.")
    reader.until_shown(".entry .composer .hint[role=alert]", over)
    value = "return root.querySelector('.entry textarea').value"
    assert reader.ask(value) == "As it should be."
    assert reader.faults() == []
    reader.click(".entry .submit")
    reader.until_shown(".entry .error", over)
    assert reader.ask(value) == "As it should be."


@pytest.mark.parametrize(
    ("lang", "left"),
    [("en", "10 minutes left"), ("fr", "encore 10 minutes"), ("ar", "بقيت 10 دقائق")],
)
def test_an_editor_opened_in_time_may_stay_open(
    reader: Reader, newsroom: Newsroom, lang: str, left: str
) -> None:
    newsroom.settle(edit_window_seconds=2)
    reader.visit(attributes=EAGER, lang=lang)
    reader.posted("As it was.")
    made_at = reader.ask("return Date.parse(root.querySelector('.own time').dateTime)")
    reader.click("[data-act=edit]")
    reader.until_shown(".entry .composer .hint", left)
    reader.rewrite("As it should be.")
    reader.until("Date.now() > arguments[0] + 2000", made_at)
    reader.click(".entry .submit")
    reader.until("root.querySelector('.own .body')?.innerText === 'As it should be.'")
    assert [each["text"] for each in newsroom.waiting()] == ["As it should be."]


@pytest.mark.parametrize(
    ("lang", "text", "said"),
    [
        ("en", "\u2800", "Please fill this in."),
        ("fr", "\u2800", "Veuillez remplir ce champ."),
        ("ar", "\u2800", "املأ هذا الحقل."),
        ("en", "a\ufdd0b", "There is a character in it that cannot be used."),
        ("fr", "a\ufdd0b", "Un des caractères ne peut pas être utilisé."),
        ("ar", "a\ufdd0b", "فيه رمز لا يمكن استعماله."),
        ("en", "🙂 " * 300, "There are too many emoji in it."),
        ("fr", "🙂 " * 300, "Il y a trop d’émojis."),
        ("ar", "🙂 " * 300, "فيه رموز تعبيرية أكثر من المسموح به."),
    ],
)
def test_what_the_server_finds_wrong_is_said_in_the_readers_language(
    reader: Reader, lang: str, text: str, said: str
) -> None:
    reader.visit(attributes=EAGER, lang=lang)
    reader.click(".composer textarea")
    reader.ask("root.querySelector('textarea').value = arguments[0]", text)
    reader.type(".composer [name=name]", "Nadia")
    reader.click(".composer .submit")
    reader.until("root.querySelector('textarea').ariaInvalid === 'true'")
    assert reader.text(".composer [role=alert]") == said
    assert reader.ask("return root.activeElement.name") == "body"


def test_an_address_the_server_refuses_is_marked(reader: Reader) -> None:
    reader.visit(attributes=EAGER)
    reader.type(".composer [name=email]", "nadia@" + "example." * 32 + "org")
    reader.post("With an address.")
    reader.until("root.querySelector('[name=email]').ariaInvalid === 'true'")
    assert reader.text(".composer [role=alert]") == "This e-mail address does not look right."
    assert reader.ask("return root.activeElement.name") == "email"
