"""What a site's settings and its newsroom's habits change under its articles."""

from __future__ import annotations

from datetime import timedelta

import pytest

from service.wiring.ground import clock
from tests.browser.conftest import Newsroom, Reader, both

pytestmark = pytest.mark.browser

EAGER = 'loading="eager"'
FEWEST = 20
"""Decisions before a newsroom promises anything."""


@both
def test_who_waits_is_told_how_long_that_usually_takes(reader: Reader, newsroom: Newsroom) -> None:
    newsroom.posts(FEWEST)
    newsroom.article = newsroom.api.article()
    reader.visit(attributes=EAGER)
    usual = {"en": "Usually within \u20683 minutes\u2069.", "ar": "عادةً خلال \u20683 دقائق\u2069."}
    reader.until_shown(".composer .hint", usual[reader.lang])
    reader.posted("How long?")
    assert reader.texts(".note") == [f"{reader.say('held')} {usual[reader.lang]}"]


@pytest.mark.parametrize(
    ("lang", "minutes", "said"),
    [
        ("en", 200, "Usually within \u20684 hours\u2069."),
        ("fr", 7, "En général sous \u20687 minutes\u2069."),
        ("fr", 200, "En général sous \u20684\u00a0heures\u2069."),
        ("ar", 15, "عادةً خلال \u206815 دقيقة\u2069."),
        ("ar", 200, "عادةً خلال \u20684 ساعات\u2069."),
    ],
)
def test_long_waits_are_told_in_hours(reader: Reader, lang: str, minutes: int, said: str) -> None:
    reader.open(
        head="<script>const { fetch: real } = window; window.fetch = async (...asked) => {"
        "  const answer = await real(...asked), json = answer.json.bind(answer);"
        "  answer.json = async () => { const page = await json();"
        f"    if (page.site) page.site.usual_minutes = {minutes}; return page }};"
        "  return answer }</script>",
        attributes=EAGER,
        lang=lang,
    )
    reader.until_shown(".composer .hint", said)


@both
def test_where_no_guests_write_nobody_is_offered_it(reader: Reader, newsroom: Newsroom) -> None:
    newsroom.post("A question.")
    newsroom.settle(guests_allowed=False)
    token = newsroom.token_for("Nadia")
    reader.visit(attributes=EAGER)
    assert reader.texts(".composer") == []
    assert reader.texts(".writing .submit") == [reader.say("signIn")]
    reader.ask(
        "el.addEventListener('postbag:login-required', ({ detail }) => {"
        " el.tokenProvider = async () => arguments[0]; window.asked = detail.intent;"
        " detail.resume() })",
        token,
    )
    reader.click("[data-act=reply]")
    reader.until("window.asked === 'comment'")
    reader.until("root.activeElement?.localName === 'textarea'")
    assert reader.texts(".entry .composer .label")[0] == reader.say("replyTo", u="Leila")
    reader.press("An answer.")
    reader.click(".entry .submit")
    reader.until_shown(".replies .own .body", "An answer.")


@both
def test_the_way_out_stands_beside_the_name(reader: Reader, newsroom: Newsroom) -> None:
    token = newsroom.token_for("Nadia")
    script = (
        "<script type=module>document.querySelector('postbag-comments').tokenProvider ="
        f" async () => '{token}'</script>"
    )
    reader.visit(attributes=f'{EAGER} sign-out="/logout"', body=script)
    reader.until_shown(".composer a", reader.say("signOut"))
    address = "return root.querySelector('.composer .hint a').getAttribute('href')"
    assert reader.ask(address) == "/logout"


def test_a_site_without_votes_shows_none(reader: Reader, newsroom: Newsroom) -> None:
    newsroom.post()
    newsroom.settle(votes_allowed=False)
    reader.visit(attributes=EAGER)
    assert reader.texts("[data-act=reply]") != []
    assert reader.texts("[data-act=recommend]") == []


@both
def test_a_closed_article_says_since_when(reader: Reader, newsroom: Newsroom) -> None:
    newsroom.post()
    newsroom.change(close_at=(clock() - timedelta(days=400)).isoformat(timespec="milliseconds"))
    reader.visit(attributes=EAGER)
    assert reader.ask("return el.state") == "closed"
    year = str((clock() - timedelta(days=400)).year)
    assert reader.text(".notice").startswith(reader.say("closed"))
    assert year in reader.text(".notice")


@both
def test_a_button_for_more_says_what_is_left(reader: Reader, newsroom: Newsroom) -> None:
    newsroom.posts(45)
    reader.visit(attributes=EAGER)
    assert reader.texts(".more-roots") == [reader.say("more", 20)]
    described = "return root.querySelector('.more-roots').ariaDescription"
    assert reader.ask(described) == reader.say("rest", 25)


def test_pages_that_move_on_leave_no_stream_behind(reader: Reader, newsroom: Newsroom) -> None:
    streams = (
        "<script>window.streams = []; const { EventSource: Real } = window;"
        " window.EventSource = class extends Real {"
        " constructor(...said) { super(...said); streams.push(this) } }</script>"
    )
    newsroom.post()
    reader.visit(attributes=EAGER, head=streams)
    for count in (1, 2, 3):
        reader.click(".composer textarea")
        reader.until("streams.length === arguments[0]", count)
        reader.ask("el.setAttribute('article', arguments[0])", newsroom.api.article())
        reader.until("streams.every((each) => each.readyState === EventSource.CLOSED)")
        reader.until_state("empty")
    reader.click(".composer textarea")
    reader.until("streams.length === 4")
    reader.ask("el.remove()")
    reader.until("streams.every((each) => each.readyState === EventSource.CLOSED)")
