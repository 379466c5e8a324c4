"""What a model learns, explains and keeps: pure."""

from __future__ import annotations

import hashlib
import io
import random
from datetime import UTC, datetime, timedelta
from functools import cache
from uuid import UUID, uuid4

import numpy as np
import pytest
from msgspec import structs

from service.features.learning.fitting import Examples, calibrate, fit
from service.features.learning.grading import auc, calibration_error, miss_bound, stability
from service.features.learning.lesson import SHARE_MAX, lesson_of
from service.features.learning.model import BrokenModel, Model
from service.features.learning.reading import read
from service.features.learning.report import approval_lacks, can_learn, study
from service.features.learning.tones import tone_names
from service.features.screening.priority import is_audited
from service.storage.learning import Labelled

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
GOOD = ("the bridge", "this article", "our village", "the new bus", "a good teacher", "her answer")
ABOUT = ("was built", "explains the figures", "needs a school", "comes too late", "helped us all")
BAD = ("you stupid liar", "shut up you idiot", "what a filthy clown", "go away worthless fool")


def texts(count: int, *, seed: int = 1) -> list[tuple[str, bool]]:
    chance = random.Random(seed)  # noqa: S311 - chance that repeats itself is the point
    made = []
    for number in range(count):
        bad = number % 3 == 0
        words = [chance.choice(GOOD), chance.choice(ABOUT), f"in {chance.randint(1900, 2026)}"]
        if bad:
            words.insert(chance.randrange(3), chance.choice(BAD))
        made.append((" ".join(words), bad))
    return made


def taught(count: int) -> Model:
    made = texts(count)
    return fit(
        Examples(
            readings=[read(text) for text, _ in made],
            labels=np.array([bad for _, bad in made]),
            weights=np.ones(count),
        ),
        "abuse",
    ).model


@cache
def known() -> Model:
    """The model most tests ask; taught when the first of them does."""
    return taught(300)


def decided(text: str, *, reason: str | None = None, by: str = "sam", **said: object) -> Labelled:
    """A decision on a comment that is not audited."""
    comment_id = uuid4()
    while is_audited(comment_id):
        comment_id = uuid4()
    row = Labelled(
        comment_id=comment_id,
        status="rejected" if reason else "approved",
        reason=reason,
        actor_id=by,
        at=NOON,
        operation_id=None,
        text=text,
    )
    return structs.replace(row, **said)


def test_a_model_tells_what_it_was_taught_from_what_it_never_saw() -> None:
    unseen = texts(60, seed=9)
    scores = np.array([known().probability(read(text)) for text, _ in unseen])
    labels = np.array([bad for _, bad in unseen])
    assert (auc(scores, labels) or 0) > 0.95
    assert scores[labels].mean() > 0.8
    assert scores[~labels].mean() < 0.2


def test_an_explanation_points_at_the_words_that_speak_against_a_text() -> None:
    text = "The bridge was BUILT by some st\u200bupid idiot in 1990"
    shown = {text[slice(*span)] for span, _ in known().explain(text)}
    assert "idiot" in shown
    assert len(shown) <= 3
    assert not shown & {"bridge", "1990"}


def test_texts_that_differ_in_a_group_of_people_alone_score_the_same() -> None:
    scores = {
        round(known().score(read(f"I met a {who} teacher")), 6)
        for who in ("muslim", "jewish", "black", "gay", "arab")
    }
    assert len(scores) == 1


def test_a_model_comes_back_as_it_was_kept_and_a_changed_one_not_at_all() -> None:
    kept = known().stored()
    sha256 = hashlib.sha256(kept).digest()
    again = Model.restored(kept, sha256=sha256)
    text = read("the bridge was built by an idiot")
    assert again.probability(text) == pytest.approx(known().probability(text), abs=0.01)
    assert len(kept) < 700_000
    with pytest.raises(BrokenModel):
        Model.restored(kept[:-1] + b"x", sha256=sha256)


def test_a_word_nobody_decided_on_sounds_like_those_that_are_like_it() -> None:
    names = tone_names()
    heard = {
        text: {names[at] for at in np.flatnonzero(read(text).tones)}
        for text in ("Quel abruti", "what a moron", "يا حمار", "والكلاب", "go back to your country")
    }
    assert "stupidity" in heard["Quel abruti"] & heard["what a moron"] & heard["يا حمار"]
    assert "beasts" in heard["والكلاب"], "with what is written together with it"
    assert "away" in heard["go back to your country"], "a phrase"
    assert known().score(read("Quel abruti")) > known().score(read("Quel article"))


def test_tones_tell_groups_of_people_not_apart() -> None:
    heard = {
        tuple(read(f"I met a {who} teacher").tones)
        for who in ("muslim", "jewish", "black", "gay", "arab")
    }
    assert len(heard) == 1


def test_a_model_kept_before_tones_were_heard_still_speaks() -> None:
    with np.load(io.BytesIO(known().stored()), allow_pickle=False) as arrays:
        left = {name: arrays[name] for name in ("weights", "idf", "line")}
    kept = io.BytesIO()
    np.savez_compressed(kept, format=np.array(1), **left)
    old = Model.restored(kept.getvalue(), sha256=hashlib.sha256(kept.getvalue()).digest())
    assert not old.leanings.any()
    assert old.probability(read("you stupid liar")) > old.probability(read("the new bus"))


@pytest.mark.parametrize("text", ["", "a", "ك", "🙏", "x" * 10_000, "\u200b" * 50])
def test_any_text_can_be_read(text: str) -> None:
    assert 0 <= known().probability(read(text)) <= 1
    assert isinstance(known().explain(text), tuple)


def test_reasons_teach_the_model_they_are_about() -> None:
    rows = [
        decided("a"),
        decided("b", reason="spam"),
        decided("c", reason="hate"),
        decided("d", reason="off_topic"),
        decided("", reason="hate"),
    ]
    labels = {
        kind: {each.text: each.bad for each in lesson_of(kind, rows).taught}
        for kind in ("abuse", "spam")
    }
    assert labels["abuse"] == {"a": False, "c": True}
    assert labels["spam"] == {"a": False, "b": True, "c": False}


def test_a_cluster_teaches_once_whatever_its_size() -> None:
    operation = uuid4()
    rows = [decided("buy", reason="spam", operation_id=operation) for _ in range(500)]
    lesson = lesson_of("spam", [*rows, decided("fine")])
    assert sum(each.weight for each in lesson.taught if each.bad) == pytest.approx(1)


def test_nobody_teaches_more_than_their_share() -> None:
    rows = [decided("x", by="loud") for _ in range(90)]
    rows += [decided("y", by=by) for by in ("sam", "kim") for _ in range(10)]
    lesson = lesson_of("spam", rows)
    loud = sum(each.weight for each in lesson.taught if each.by == "loud")
    assert loud / sum(each.weight for each in lesson.taught) == pytest.approx(SHARE_MAX)


def test_an_audited_comment_is_never_taught() -> None:
    ids = [UUID(int=number) for number in range(400)]
    rows = [decided(f"text {each.int}", comment_id=each) for each in ids]
    lesson = lesson_of("abuse", rows)
    audited = {f"text {each.int}" for each in ids if is_audited(each)}
    assert audited
    assert {each.text for each in lesson.audited} == audited
    assert not audited & {each.text for each in lesson.taught}


def test_what_is_drawn_for_a_second_look_examines_as_that_look_said() -> None:
    rows = [
        decided("kept", drawn=True),
        decided("taken back", drawn=True, checked="reject", checked_reason="hate"),
        decided("let through", reason="hate", drawn=True, checked="approve"),
        decided("taught", reason="hate"),
    ]
    lesson = lesson_of("abuse", rows)
    assert [each.text for each in lesson.taught] == ["taught"]
    assert {each.text: each.bad for each in lesson.audited} == {
        "kept": False,
        "taken back": True,
        "let through": False,
    }


def lesson_rows(count: int) -> list[Labelled]:
    return [
        decided(
            text,
            reason="abuse" if bad else None,
            by=("sam", "kim", "lea")[at % 3],
            at=NOON + timedelta(minutes=at),
        )
        for at, (text, bad) in enumerate(texts(count))
    ]


def test_too_short_a_lesson_is_not_learnt_and_a_short_one_not_used() -> None:
    assert not can_learn(lesson_of("abuse", lesson_rows(40)))
    learnt = study(lesson_of("abuse", lesson_rows(150)), before=None, current=None)
    assert set(learnt.refused) >= {"few_decisions", "few_violations"}


@pytest.mark.long
def test_a_long_lesson_passes_the_gates_and_a_worse_one_than_that_does_not() -> None:
    lesson = lesson_of("abuse", lesson_rows(320))
    learnt = study(lesson, before=None, current=None)
    assert learnt.refused == ()
    assert learnt.figures["auc"] > 0.9
    assert [size for size, _ in learnt.figures["curve"]] == [30, 100, 300]

    chance = random.Random(3)  # noqa: S311 - as above
    noisy = [
        structs.replace(each, reason="abuse", status="rejected") if chance.random() < 0.3 else each
        for each in lesson_rows(320)
    ]
    worse = study(lesson_of("abuse", noisy), before=learnt.figures, current=known())
    assert "worse_than_current" in worse.refused


def test_a_model_may_not_be_asked_before_approving_until_it_was_audited_enough() -> None:
    learnt = study(lesson_of("abuse", lesson_rows(320)), before=None, current=None)
    lacks = approval_lacks(learnt.figures, decisions=320, moderators=3)
    assert set(lacks) == {"decisions", "audited", "misses"}
    audited = {"audit": {"low_count": 320, "low_missed_bound": miss_bound(0, 320)}}
    assert approval_lacks(audited, decisions=1_000, moderators=3) == ()


def test_a_few_examples_told_apart_without_fault_make_nothing_certain() -> None:
    chance = np.random.default_rng(7)
    for bad in (5, 8, 13):
        labels = np.arange(100) < bad
        scores = np.where(labels, 0.2, -0.2) + chance.normal(0, 0.09, 100)
        curve = calibrate(scores, labels, np.ones(100))
        said = [curve.probability(float(score)) for score in scores]
        assert 0 < curve.slope < 200
        assert len({round(each, 9) for each in said}) > 50, "their order is kept"
        assert max(said) < 1


def test_figures_say_what_they_should() -> None:
    labels = np.array([False, False, True, True])
    assert auc(np.array([0.1, 0.2, 0.8, 0.9]), labels) == 1
    assert auc(np.array([0.5, 0.5, 0.5, 0.5]), labels) == 0.5
    assert auc(np.array([0.1]), np.array([True])) is None
    honest = np.repeat([0.2, 0.8], 500)
    were = np.concatenate([np.arange(500) % 5 == 0, np.arange(500) % 5 != 0])
    assert calibration_error(honest, were) == pytest.approx(0, abs=0.01)
    assert miss_bound(0, 300) == pytest.approx(0.009, abs=0.001)
    same = np.linspace(0, 1, 1_000)
    assert (stability(same, same) or 0) < 0.01
    assert (stability(same, same**4) or 0) > 0.2
