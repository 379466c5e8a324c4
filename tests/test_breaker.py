from __future__ import annotations

from dataclasses import dataclass, field

from service.breaker import LATEST, PROBE_SECONDS, Breaker, State

AGAIN = PROBE_SECONDS * 1.01


@dataclass
class Line:
    """A dependency that is asked now and then, and everything its breaker said."""

    said: list[State] = field(default_factory=list)
    breaker: Breaker = field(init=False)
    now: float = 0.0

    def __post_init__(self) -> None:
        self.breaker = Breaker(heard=self.said.append)

    def ask(self, *outcomes: bool, each_seconds: float = 0.01) -> None:
        for well in outcomes:
            permit = self.breaker.ask(self.now)
            assert permit is not None
            self.now += each_seconds
            (self.breaker.succeeded if well else self.breaker.failed)(permit, self.now)

    def state(self) -> str:
        return self.breaker.state

    def is_refused(self) -> bool:
        return self.breaker.ask(self.now) is None


def test_five_failures_in_a_row_open_it() -> None:
    line = Line()
    line.ask(*[False] * 4)
    assert line.state() == "closed"
    line.ask(False)
    assert line.said == ["open"]
    assert line.is_refused()


def test_a_success_between_begins_the_row_anew() -> None:
    line = Line()
    line.ask(*[False] * 4, True, *[False] * 4)
    assert line.state() == "closed"


def test_half_of_the_latest_twenty_open_it() -> None:
    line = Line()
    line.ask(*[True, False] * (LATEST // 2))
    assert line.said == ["open"]


def test_less_than_half_do_not() -> None:
    line = Line()
    line.ask(*[True, False, True] * LATEST)
    assert line.state() == "closed"


def test_failures_of_long_ago_do_not_count() -> None:
    line = Line()
    line.ask(*[True, False] * LATEST, each_seconds=0.6)  # twenty of them take twelve seconds
    assert line.state() == "closed"


def test_while_it_is_open_one_question_a_second_is_let_through() -> None:
    line = Line()
    line.ask(*[False] * 5)
    for _ in range(3):
        line.now += AGAIN
        probe = line.breaker.ask(line.now)
        assert probe is not None
        assert line.state() == "half_open"
        assert line.is_refused()
        line.breaker.failed(probe, line.now + 0.1)
        assert line.state() == "open"
        line.now += 0.1
        assert line.is_refused()


def test_a_probe_that_never_comes_back_is_followed_by_another() -> None:
    line = Line()
    line.ask(*[False] * 5)
    line.now += AGAIN
    assert line.breaker.ask(line.now) is not None
    line.now += AGAIN
    assert line.breaker.ask(line.now) is not None


def test_one_answer_closes_it() -> None:
    line = Line()
    line.ask(*[False] * 5)
    line.now += AGAIN
    line.ask(True)
    assert line.said == ["open", "half_open", "closed"]
    line.ask(*[False] * 4)
    assert line.state() == "closed", "it begins to count anew"


def test_what_was_asked_before_it_opened_changes_nothing() -> None:
    line = Line()
    early = line.breaker.ask(0)
    late = line.breaker.ask(0)
    assert early is not None
    assert late is not None
    line.ask(*[False] * 5)
    line.breaker.succeeded(early, line.now)
    assert line.state() == "open"
    line.now += AGAIN
    line.ask(True)
    line.breaker.failed(late, line.now)
    line.ask(*[False] * 4)
    assert line.state() == "closed"


def test_giving_up_is_a_failure_only_where_nobody_was_answered() -> None:
    line = Line()
    line.ask(True)
    permit = line.breaker.ask(line.now + 1)
    assert permit is not None
    assert line.breaker.was_silent(permit)
    line.now += 2
    line.ask(True)
    assert not line.breaker.was_silent(permit)
