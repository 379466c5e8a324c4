"""A member says which languages they read, and colleagues see it."""

from __future__ import annotations

import pytest

from tests.browser.test_dashboard_admin import Admin, admin

__all__ = ["admin"]

pytestmark = pytest.mark.browser


def test_a_member_says_what_they_read_and_the_team_sees_it(admin: Admin) -> None:
    admin.open("me")
    admin.click("#reads [value=fr]")
    admin.click("#reads [value=ar-latn]")
    admin.click("#reads button")
    admin.says("#done", "Your languages were kept.")
    assert admin.faults() == []
    admin.shot("me-languages")
    admin.open("me")
    admin.until("document.querySelector('#reads [value=fr]').checked")
    assert not admin.ask("return document.querySelector('#reads [value=en]').checked")
    admin.open("team")
    admin.says("tr[data-member] td[data-label=Reads]", "French, Arabic in Latin letters")
    admin.shot("team-languages")
