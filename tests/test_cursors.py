from __future__ import annotations

import base64
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.cursors import Cursors
from service.errors import Invalid

KEY, OLD = b"k" * 32, b"o" * 32
CURSORS = Cursors([KEY])
PURPOSE = "thread:daily:story-1:newest"

POSITIONS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def refused(cursor: str, purpose: str = PURPOSE, cursors: Cursors = CURSORS) -> bool:
    with pytest.raises(Invalid) as caught:
        cursors.open(purpose, cursor)
    return caught.value.stable_code == "bad_cursor"


@given(POSITIONS)
def test_a_position_comes_back_as_it_was(position: Any) -> None:
    cursor = CURSORS.sign(PURPOSE, position)
    assert CURSORS.open(PURPOSE, cursor) == position
    assert set(cursor) <= set(string.ascii_letters + string.digits + "-_")


def test_a_score_keeps_every_bit() -> None:
    score = 412.6000000000001e13
    assert CURSORS.open("q", CURSORS.sign("q", [score, "x"])) == [score, "x"]


def test_a_cursor_is_good_for_its_own_list_only() -> None:
    cursor = CURSORS.sign(PURPOSE, [1])
    assert refused(cursor, purpose="thread:daily:story-1:oldest")
    assert refused(CURSORS.sign("ab", [1]), purpose="a")


def test_a_former_key_still_opens_and_a_foreign_one_does_not() -> None:
    cursor = Cursors([OLD]).sign(PURPOSE, [1])
    assert Cursors([KEY, OLD]).open(PURPOSE, cursor) == [1]
    assert refused(cursor)


def test_every_single_changed_character_is_noticed() -> None:
    cursor = CURSORS.sign(PURPOSE, [1764000000000, "018f3a5e-0000-7000-8000-000000000001"])
    for place, character in enumerate(cursor):
        for other in "Aa0-_":
            if other != character:
                assert refused(cursor[:place] + other + cursor[place + 1 :])


def test_only_the_canonical_spelling_opens() -> None:
    cursor = next(
        made
        for made in (CURSORS.sign(PURPOSE, "x" * length) for length in range(3))
        if len(made) % 4
    )
    signed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    spare_bits = [cursor[:-1] + last for last in string.ascii_letters if last != cursor[-1]]
    assert any(
        base64.urlsafe_b64decode(other + "=" * (-len(other) % 4)) == signed for other in spare_bits
    ), "no other spelling decodes to the same bytes: the test would prove nothing"
    for other in (*spare_bits, cursor + "=", cursor + "==", cursor + "\n", " " + cursor):
        assert refused(other)
    assert refused(cursor[:5] + "!" + cursor[5:])


@pytest.mark.parametrize("other", ["", "A", "AAAA", "é" * 40, "A" * 5_000, "\x00", "٣" * 40])
def test_what_was_never_a_cursor_is_refused(other: str) -> None:
    assert refused(other)


@given(st.text(max_size=80))
def test_no_text_does_anything_but_be_refused(text: str) -> None:
    assert refused(text)


def test_keys_are_not_shown() -> None:
    assert "kkkk" not in repr(CURSORS)
