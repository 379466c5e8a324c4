"""How the widget looks and sounds: languages, themes, narrow screens, strangers' pages."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.conftest import Newsroom, Reader, both
from tests.browser.test_widget_standing import ban, warn

pytestmark = pytest.mark.browser

EAGER = 'loading="eager"'
POLICY = (
    "default-src 'none'; script-src {base} 'nonce-page'; connect-src {base};"
    " style-src 'nonce-page'; require-trusted-types-for 'script'; trusted-types 'none';"
    " base-uri 'none'; form-action 'none'"
)

LONG = (
    "A longer text with a [link](https://example.org/a-very-long-address-without-any-break"
    "/that-would-push-a-narrow-page-apart) and `code-that-has-no-spaces-at-all-anywhere-in-it`.\n\n"
    "> A quotation of what somebody said before.\n\n- one\n- two\n\nAnd an end."
)


def converse(newsroom: Newsroom) -> None:
    """Have a thread with everything in it."""
    first = newsroom.post(LONG, name="Leila Haddad")
    answer = newsroom.post("أتفق مع ذلك تمامًا.", parent_id=first["id"], name="عمر")
    newsroom.post("Still deeper.", parent_id=answer["id"], name="A name that is quite a bit longer")
    gone = newsroom.post("To be removed.", name="Troll")
    newsroom.post("Under the removed one.", parent_id=gone["id"])
    newsroom.decide("remove", gone["id"], "abuse")


def to_dialog(reader: Reader) -> None:
    reader.click("[data-act=report]")
    reader.click("[value=illegal]")
    reader.until("root.querySelector('dialog [type=email]')")


def to_reply(reader: Reader) -> None:
    reader.click("[data-act=reply]")
    reader.until_shown(".entry .composer")


def to_error(reader: Reader) -> None:
    reader.click(".composer .submit")
    reader.until("root.querySelector('[aria-invalid]')")


def to_held(reader: Reader) -> None:
    reader.posted("Held.")


def to_rejected(reader: Reader) -> None:
    comment_id = reader.posted("Bad.")
    reader.newsroom.decide("reject", comment_id, "abuse")
    reader.look_back()
    reader.until_shown(".own.rejected")


def to_editing(reader: Reader) -> None:
    reader.posted("Mine.")
    reader.click("[data-act=edit]")
    reader.until_shown(".entry .composer")


def to_warned(reader: Reader) -> None:
    warn(reader.newsroom, reader.posted("You liar."))
    reader.post("Liar again.")
    reader.until_shown("[aria-labelledby^=warning] button")


def to_banned(reader: Reader) -> None:
    ban(reader.newsroom, reader.posted("Spam."), None, "You were asked to stop.")
    reader.post("More spam.")
    reader.until("root.activeElement?.matches('.notice')")


def to_deleting(reader: Reader) -> None:
    reader.posted("Mine.")
    reader.click("[data-act=delete]")
    reader.until("root.querySelector('dialog')?.open")


def to_appealing(reader: Reader) -> None:
    to_rejected(reader)
    reader.click("[data-act=appeal]")
    reader.until("root.querySelector('dialog')?.open")


def to_published(reader: Reader) -> None:
    comment_id = reader.posted("*Mine*, and public.")
    reader.newsroom.decide("approve", comment_id)
    reader.look_back()
    reader.until("root.querySelector('.own.approved')")


def to_news(reader: Reader) -> None:
    reader.click(".composer textarea")
    reader.until("performance.getEntriesByType('resource').some((r) => /act.js/.test(r.name))")
    reader.newsroom.post("What is new.")
    reader.until_shown(".pill")


def to_offline(reader: Reader) -> None:
    reader.type(".composer textarea", "A text.")
    reader.type(".composer [name=name]", "Nadia")
    reader.until("performance.getEntriesByType('resource').some((r) => /act.js/.test(r.name))")
    reader.online(online=False)
    reader.click(".composer .submit")
    reader.until_shown(".composer [role=alert]", reader.say("noNetwork"))


def to_stale(reader: Reader) -> None:
    comment_id = reader.posted("As it was.")
    reader.click("[data-act=edit]")
    kept = reader.ask("return JSON.parse(localStorage['postbag:' + el.getAttribute('site')])")
    room = reader.newsroom
    target = f"/v1/sites/{room.site.slug}/comments/{comment_id}"
    there = {"body": "From there.", "revision": 1}
    assert room.api.ask("PATCH", target, json=there, bearer=kept["receipt"]).status == 200
    reader.rewrite("From here.")
    reader.click(".entry .submit")
    reader.until_shown(".entry [role=alert]", reader.say("stale"))


def to_link(reader: Reader) -> None:
    reader.ask("location.hash = root.querySelectorAll('.comment')[2].id")
    reader.until_shown(".focused")


def to_folded(reader: Reader) -> None:
    reader.click(".toggle")
    reader.until("[...root.querySelectorAll('.replies')].some((each) => each.hidden)")


def to_nothing(reader: Reader) -> None:
    """Stay as it is."""


STATES: dict[str, Callable[[Reader], None]] = {
    "ready": to_nothing,
    "dialog": to_dialog,
    "reply": to_reply,
    "invalid": to_error,
    "held": to_held,
    "rejected": to_rejected,
    "editing": to_editing,
    "warned": to_warned,
    "banned": to_banned,
    "deleting": to_deleting,
    "appealing": to_appealing,
    "published": to_published,
    "news": to_news,
    "offline": to_offline,
    "stale": to_stale,
    "link": to_link,
    "folded": to_folded,
}


STARTS = (
    ".title",
    ".composer textarea",
    ".composer .submit",
    ".who > :first-child",
    ".comment",
    ".tile",
    ".author",
    ".body",
    ".actions",
    ".replies",
    ".replies .tile",
    ".replies .comment",
    ".own .note",
    ".entry > .composer",
    ".entry > .composer .submit",
)
"""What begins as far from one side in Arabic as it does from the other in English."""
ENDS = (".sort", ".who > :last-child", ".own")
"""What ends so."""

LOOKS = {"light": ("light", "en"), "dark": ("dark", "en"), "ar": ("light", "ar")}
LOOKS["ar-dark"] = ("dark", "ar")


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing_wrong(reader: Reader, newsroom: Newsroom, state: str, look: str) -> None:
    converse(newsroom)
    theme, reader.lang = LOOKS[look]
    reader.visit(attributes=f'{EAGER} theme="{theme}"')
    STATES[state](reader)
    reader.shot(f"{state}-{look}")
    assert reader.faults() == []


def test_axe_looks_inside(reader: Reader) -> None:
    reader.visit(attributes=EAGER)
    reader.ask("root.querySelector('textarea').removeAttribute('id')")
    assert "label" in [each.partition(":")[0] for each in reader.faults()]


@pytest.mark.parametrize("state", ["empty", "closed", "error", "loading", "sign-in", "facade"])
def test_axe_finds_nothing_wrong_where_nobody_writes(
    reader: Reader, newsroom: Newsroom, state: str
) -> None:
    attributes = {
        "sign-in": f'{EAGER} guests="off"',
        "facade": 'loading="click"',
        "error": f'{EAGER} api="http://127.0.0.1:9"',
    }.get(state, EAGER)
    if state in {"closed", "sign-in"}:
        newsroom.post()
    if state == "closed":
        newsroom.change(state="closed")
    if state == "loading":
        reader.block("*/comments?*")
    reader.open(attributes=attributes)
    expected = {"sign-in": "ready", "facade": "waiting"}.get(state, state)
    reader.until_state(expected)
    reader.shot(state)
    assert reader.faults() == []


@pytest.mark.smoke
def test_arabic_stands_from_right_to_left(reader: Reader, newsroom: Newsroom) -> None:
    converse(newsroom)
    reader.visit(attributes=EAGER)
    reader.posted("Mine.")
    boxes: dict[str, list[tuple[float, float]]] = {}
    for reader.lang in ("en", "ar"):
        reader.visit(attributes=EAGER)
        reader.until_shown(".own .note")
        to_reply(reader)
        boxes[reader.lang] = reader.ask(
            "const wide = root.querySelector('.postbag').getBoundingClientRect();"
            "return arguments[0].map((css) => [...root.querySelectorAll(css)]"
            ".find((each) => each.checkVisibility()).getBoundingClientRect())"
            ".map((box) => [box.left - wide.left, wide.right - box.right])",
            [*STARTS, *ENDS],
        )
    assert reader.text(".title") == "4 تعليقات"
    assert reader.ask("return root.querySelector('.postbag').dir") == "rtl"
    for css, english, arabic in zip([*STARTS, *ENDS], boxes["en"], boxes["ar"], strict=True):
        edge = css in ENDS
        assert arabic[not edge] == pytest.approx(english[edge], abs=2), css


def test_what_people_wrote_has_its_own_direction(reader: Reader, newsroom: Newsroom) -> None:
    converse(newsroom)
    reader.visit(attributes=EAGER)
    directions = reader.ask(
        "return [...root.querySelectorAll('.body > :first-child')]"
        ".map((each) => [each.innerText.slice(0, 5), getComputedStyle(each).direction])"
    )
    assert dict(directions) == {"A lon": "ltr", "أتفق ": "rtl", "Still": "ltr", "Under": "ltr"}
    assert reader.ask("return root.querySelectorAll('.author bdi').length") > 0


def test_in_a_page_without_script_each_block_has_its_own_direction(
    reader: Reader, newsroom: Newsroom
) -> None:
    newsroom.post("In English.\n\nأتفق مع ذلك.\n\n> كما قلتُ.\n\n- نعم\n- No")
    target = newsroom.api.thread_of(newsroom.article, site=newsroom.site) + ".html"
    fragment = newsroom.api.ask("GET", target).raw.decode()
    reader.open(source=f'<!doctype html><html lang="en"><title>x</title>{fragment}</html>')
    reader.until("root?.styleSheets.length && root.querySelector('.body li')")
    sides = reader.ask(
        "return [...root.querySelectorAll('.body :is(p, li)')].map((each) => {"
        " const range = document.createRange(); range.selectNodeContents(each);"
        " const text = range.getBoundingClientRect(), box = each.getBoundingClientRect();"
        " return text.left - box.left < box.right - text.right ? 'left' : 'right' })"
    )
    assert sides == ["left", "right", "right", "right", "left"]


@pytest.mark.parametrize("state", ["ready", "dialog", "held", "reply", "warned", "banned"])
def test_a_narrow_screen_with_large_letters_needs_no_sideways_scroll(
    reader: Reader, newsroom: Newsroom, state: str
) -> None:
    converse(newsroom)
    reader.window(320, 640)
    reader.visit(attributes=EAGER, style="html{font-size:200%}body{padding:0 .5rem}")
    STATES[state](reader)
    reader.shot(f"narrow-{state}")
    wide = (
        "return [...root.querySelectorAll('*')].filter((each) => each.checkVisibility()"
        " && !each.closest('.hidden')"
        " && each.getBoundingClientRect().right > innerWidth + 1).map((each) => each.outerHTML)"
    )
    assert reader.ask("return document.documentElement.scrollWidth") <= 320
    assert reader.ask(wide) == []


def test_pressed_things_are_large_enough(reader: Reader, newsroom: Newsroom) -> None:
    converse(newsroom)
    reader.visit(attributes=EAGER)
    small = (
        "return [...root.querySelectorAll('button, input, select, textarea')]"
        ".filter((each) => each.checkVisibility())"
        ".filter((each) => each.getBoundingClientRect().height < 44)"
        ".map((each) => [each.className, each.getBoundingClientRect().height])"
    )
    assert reader.ask(small) == []


def test_the_dark_theme_follows_the_machine_only_when_asked(
    reader: Reader, newsroom: Newsroom
) -> None:
    newsroom.post()
    reader.media(prefers_color_scheme="dark")
    reader.visit(attributes=EAGER)
    text = "return getComputedStyle(root.querySelector('.time')).color"
    light, dark = "rgb(89, 97, 108)", "rgb(163, 172, 184)"
    assert reader.ask(text) == light
    reader.ask("el.setAttribute('theme', 'auto')")
    assert reader.ask(text) == dark
    background = "return getComputedStyle(root.querySelector('.postbag')).backgroundColor"
    assert reader.ask(background) == "rgb(21, 24, 28)"
    reader.media(prefers_color_scheme="light")
    assert reader.ask(text) == light


def test_forced_colours_keep_everything_visible(reader: Reader, newsroom: Newsroom) -> None:
    converse(newsroom)
    reader.media(forced_colors="active")
    reader.visit(attributes=EAGER)
    reader.shot("forced-colours")
    assert reader.ask("return matchMedia('(forced-colors: active)').matches")
    border = "return getComputedStyle(root.querySelector('.submit')).borderTopWidth"
    assert reader.ask(border) == "1px"


@pytest.mark.smoke
@both
def test_a_strict_page_has_nothing_to_complain_about(reader: Reader, newsroom: Newsroom) -> None:
    converse(newsroom)
    base = newsroom.api.caller.origin
    source = (
        reader.page(attributes=EAGER)
        .replace("<style>", '<style nonce="page">')
        .replace("<script>", '<script nonce="page">')
    )
    reader.visit(source=source, headers={"Content-Security-Policy": POLICY.format(base=base)})
    comment_id = reader.posted("On a strict page.")
    to_dialog(reader)
    reader.click("dialog .action")
    newsroom.decide("approve", comment_id)
    reader.until_said(reader.say("published"))
    assert reader.complaints() == []


@both
def test_a_hostile_style_sheet_does_not_reach_inside(reader: Reader, newsroom: Newsroom) -> None:
    converse(newsroom)
    reader.visit(attributes=EAGER)
    sizes = (
        "return [...root.querySelectorAll('button, .tile, textarea')]"
        ".map((each) => [each.offsetWidth, each.offsetHeight])"
    )
    usual = reader.ask(sizes)
    hostile = (
        "button,article,section,h3,p{display:none!important}"
        "textarea{width:10px!important}.comment{color:red!important}"
    )
    reader.visit(attributes=EAGER, style=hostile)
    assert reader.ask(sizes) == usual
    reader.visit(attributes=EAGER, style="*{all:unset!important}")
    assert reader.ask("return getComputedStyle(el).display") == "block"
    assert reader.texts(".submit") == [reader.say("post")]


def test_sites_choose_colours_and_style_parts(reader: Reader, newsroom: Newsroom) -> None:
    newsroom.post()
    style = (
        "postbag-comments{--postbag-accent:rgb(1,2,3)}"
        "postbag-comments::part(author){letter-spacing:3px}"
    )
    reader.visit(attributes=EAGER, style=style)
    submit = "return getComputedStyle(root.querySelector('.submit')).backgroundColor"
    assert reader.ask(submit) == "rgb(1, 2, 3)"
    author = "return getComputedStyle(root.querySelector('.author')).letterSpacing"
    assert reader.ask(author) == "3px"


SCRIPTS = (
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "[x](javascript:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "<svg/onload=alert(1)>",
    "javascript:alert(1)//https://example.org",
    '<a href="javascript:alert(1)" onclick="alert(1)">x</a>',
    "`<iframe src=javascript:alert(1)>`",
    "> <style>*{display:none}</style>",
    "[https://good.example](https://evil.example/'onmouseover='alert(1))",
    "{{constructor.constructor('alert(1)')()}}",
    "<postbag-comments site=x article=y></postbag-comments>",
    "\u202egnp.exe https://example.org/\u2066a",
)
ALLOWED = {"p", "a", "strong", "em", "del", "code", "pre", "blockquote", "ul", "ol", "li", "br"}


@both
def test_no_text_becomes_an_element_of_its_own(reader: Reader, newsroom: Newsroom) -> None:
    for text in SCRIPTS:
        newsroom.post(text, name='<b onclick="alert(1)">x')
    reader.visit(attributes=EAGER)
    assert len(reader.bodies) == len(SCRIPTS)
    inside = reader.ask("return [...root.querySelectorAll('.body *')].map((e) => e.localName)")
    assert set(inside) <= ALLOWED
    links = reader.ask("return [...root.querySelectorAll('.body a')].map((each) => each.href)")
    assert all(link.startswith(("http://", "https://")) for link in links)
    assert reader.ask("return root.querySelectorAll('.author b').length") == 0
    assert reader.complaints() == []


def test_other_languages_choose_their_own_forms(reader: Reader, newsroom: Newsroom) -> None:
    newsroom.posts(2)
    for lang, title in (("fr", "2 commentaires"), ("ar", "تعليقان"), ("ar-EG", "تعليقان")):
        reader.visit(attributes=EAGER, lang=lang)
        assert reader.text(".title") == title
    reader.visit(attributes=EAGER, lang="de")
    assert reader.text(".title") == "2 comments"
    assert reader.ask("return root.querySelector('.postbag').lang") == "en"
