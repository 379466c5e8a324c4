"""Three alarms: other scores, fewer hits that people turn down, words never met before."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec import structs

from service.features.learning.lesson import lesson_of
from service.features.learning.model import Model
from service.features.learning.report import Learnt, study
from service.storage.learning import Labelled
from tests.features.learning.test_model import decided, texts
from tests.newsroom import NOON

WEEKS = 3
EACH = 110


def weeks() -> list[Labelled]:
    """Three weeks of decisions, the last one recent."""
    return [
        decided(
            text,
            reason="abuse" if bad else None,
            by=("sam", "kim", "lea")[at % 3],
            at=NOON + timedelta(days=7 * at / EACH),
        )
        for at, (text, bad) in enumerate(texts(WEEKS * EACH))
    ]


def studied(rows: list[Labelled], before: Learnt | None = None) -> Learnt:
    model = Model.restored(before.weights, sha256=before.sha256) if before else None
    figures = before.figures if before else None
    return study(lesson_of("abuse", rows), before=figures, current=model)


@pytest.mark.long
def test_more_of_the_same_rings_no_alarm() -> None:
    rows = weeks()
    first = studied(rows[: 2 * EACH])
    assert studied(rows, first).figures["alarms"] == []


@pytest.mark.long
def test_a_week_in_words_nobody_ever_wrote_rings() -> None:
    rows = weeks()
    first = studied(rows[: 2 * EACH])
    strange = str.maketrans("abcdefghijklmnopqrstuvwxyz", "ощртсьмфждйпзкчлбцеюнгвъуя")
    rows[2 * EACH :] = [
        structs.replace(each, text=(each.text or "").translate(strange))
        for each in rows[2 * EACH :]
    ]
    second = studied(rows, first)
    assert "unknown" in second.figures["alarms"]
    assert second.figures["unknown"] > 0.5 > second.figures["unknown_before"]


@pytest.mark.long
def test_what_would_be_held_and_is_approved_rings() -> None:
    rows = weeks()
    first = studied(rows[: 2 * EACH])
    rows[2 * EACH :] = [
        structs.replace(each, reason=None, status="approved") for each in rows[2 * EACH :]
    ]
    second = studied(rows, first)
    assert "precision" in second.figures["alarms"]
    assert second.figures["holds_since"]["right"] == 0


@pytest.mark.long
def test_a_week_of_nothing_but_insults_rings() -> None:
    rows = weeks()
    first = studied(rows[: 2 * EACH])
    insults = [each.text for each in rows if each.reason]
    rows[2 * EACH :] = [
        structs.replace(each, text=insults[at % len(insults)], reason="abuse", status="rejected")
        for at, each in enumerate(rows[2 * EACH :])
    ]
    assert "scores" in studied(rows, first).figures["alarms"]
