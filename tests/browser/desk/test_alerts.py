"""What a rule wants somebody told of at once stands above the queue until it was seen."""

from __future__ import annotations

import pytest

from service.model import Role
from tests.browser.desk.people import Moderator, Waiting

pytestmark = pytest.mark.browser

THREAT = "I will kill you tomorrow."


def test_an_alert_comes_while_one_works_and_goes_when_it_was_seen(
    moderator: Moderator, waiting: Waiting
) -> None:
    moderator.sign_in(Role.SENIOR)
    moderator.visit()
    assert moderator.ask("return document.getElementById('alerts').children.length") == 0
    waiting.post(THREAT)
    moderator.until("document.querySelector('.q-alert')?.innerText.includes('Threats')")
    waiting.post(f"{THREAT} Again.")
    moderator.until("document.querySelector('.q-alert')?.innerText.includes('2 comments')")
    assert moderator.ask("return document.querySelectorAll('.q-alert').length") == 1
    assert moderator.faults() == []
    moderator.shot("alert-en-light-1280")
    moderator.ask("document.querySelector('.q-alert button').click()")
    moderator.until("!document.querySelector('.q-alert')")
    assert moderator.complaints() == []


def test_an_alert_is_not_shown_to_whom_it_is_not_for_and_fits_a_narrow_screen(
    moderator: Moderator, waiting: Waiting
) -> None:
    waiting.post(THREAT)
    moderator.sign_in(Role.ADMIN)
    moderator.window(360, 800)
    moderator.prefer("ar", "dark")
    moderator.visit()
    moderator.until("document.querySelector('.q-alert')")
    assert moderator.ask("return document.documentElement.scrollWidth - innerWidth") <= 0
    moderator.shot("alert-ar-dark-360")
    moderator.sign_in(Role.MODERATOR)
    moderator.visit()
    moderator.until("document.querySelector('[data-state=live]')")
    assert moderator.ask("return document.querySelectorAll('.q-alert').length") == 0
