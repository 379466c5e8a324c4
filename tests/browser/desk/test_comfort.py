"""What moderators like of the page, and what it does so that hard texts weigh less."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.browser.desk.people import Moderator, Waiting

pytestmark = pytest.mark.browser

HARD = "You utter fool."
MASKED = "You utter f•••."


def hard(waiting: Waiting, many: int = 1) -> None:
    """Let hard comments wait."""
    for _ in range(many):
        waiting.marked(HARD, "insults", (10, 14))


def test_a_mask_is_lifted_by_a_key_and_never_by_hovering(
    moderator: Moderator, waiting: Waiting
) -> None:
    hard(waiting)
    moderator.visit()
    moderator.until_current(MASKED)
    box = moderator.ask(
        "const {x, y, width, height} = document.querySelector('.q-mask').getBoundingClientRect();"
        "return [x + width / 2, y + height / 2]"
    )
    moderator.send("Input.dispatchMouseEvent", type="mouseMoved", x=box[0], y=box[1])
    assert moderator.current == MASKED
    moderator.press("v")
    moderator.until_current(HARD)


def test_whoever_wants_sees_nothing_of_what_is_likely_turned_down(
    moderator: Moderator, waiting: Waiting
) -> None:
    hard(waiting)
    moderator.wish(mask_all=True)
    moderator.visit()
    moderator.until_current("Masked whole")
    source = "return fetch(location.href).then((answer) => answer.text())"
    assert "utter" not in str(moderator.ask(source)).partition("<ol")[2].partition("</ol>")[0]
    moderator.press("v")
    moderator.until_current(HARD)


def test_a_break_is_suggested_at_the_number_one_has_set(
    moderator: Moderator, waiting: Waiting
) -> None:
    hard(waiting, 3)
    moderator.wish(rest_after=2)
    moderator.visit(sort="oldest")
    moderator.until("document.getElementById('exposure').innerText.includes('1')")
    assert moderator.ask("return document.getElementById('rest').hidden")
    moderator.press("j")
    moderator.until("!document.getElementById('rest').hidden")
    moderator.shot("rest")
    assert moderator.faults() == []
    moderator.ask("document.querySelector('#rest button').click()")
    moderator.until("document.getElementById('rest').hidden")
    moderator.press("j")
    moderator.until("document.getElementById('exposure').innerText.includes('3')")
    assert moderator.ask("return document.getElementById('rest').hidden")


def test_size_density_and_motion_are_as_one_likes_them(
    moderator: Moderator, waiting: Waiting
) -> None:
    waiting.numbered(2)
    size = (
        "return parseFloat(getComputedStyle(document.querySelector('.q-current .q-text')).fontSize)"
    )
    sizes = []
    for each in ("usual", "large", "larger"):
        moderator.wish(size=each, density="dense", still=True)
        moderator.visit()
        sizes.append(moderator.ask(size))
    assert all(smaller < larger for smaller, larger in pairwise(sizes))
    moving = (
        "return getComputedStyle(document.querySelector('.q-current button')).transitionDuration"
    )
    assert moderator.ask(moving) == "0s"
    assert moderator.faults() == []
    moderator.shot("larger")


def test_settings_are_tried_on_a_harmless_text_and_kept(
    moderator: Moderator, waiting: Waiting
) -> None:
    waiting.numbered(1)
    moderator.visit()
    moderator.ask("document.querySelector('[data-act=settings]').click()")
    moderator.until("document.querySelector('dialog[open] .q-preview .q-mask')")
    moderator.ask("document.querySelector('dialog input[type=checkbox]').click()")
    moderator.until("!document.querySelector('dialog .q-preview .q-mask')")
    wish = "fetch('/v1/session/wishes').then((answer) => answer.json())"
    moderator.wait(lambda: moderator.ask(f"return {wish}")["mask"] is False, "it is kept")


def test_a_comment_is_translated_where_the_browser_can(
    moderator: Moderator, waiting: Waiting
) -> None:
    waiting.post("Bonjour tout le monde.", lang="fr")
    able = moderator.send(
        "Page.addScriptToEvaluateOnNewDocument",
        source="globalThis.Translator = { create: async ({ sourceLanguage, targetLanguage }) =>"
        " ({ translate: async (text) => `${sourceLanguage}-${targetLanguage}: ${text}` }) }",
    )
    try:
        moderator.visit()
        moderator.until("document.querySelector('.q-current .q-translate').checkVisibility()")
        moderator.press("m")
        shown = "document.querySelector('.q-translated')?.innerText"
        moderator.until(f"{shown}?.includes('fr-en: Bonjour tout le monde.')")
        moderator.press("m")
        moderator.until("!document.querySelector('.q-translated')")
    finally:
        moderator.send("Page.removeScriptToEvaluateOnNewDocument", **able)
