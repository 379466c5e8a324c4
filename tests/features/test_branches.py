from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from service.features.branches import Branches
from service.model import Status
from service.storage.changes import Branch, Changes, Place

ARTICLE = UUID(int=7)
SIZE = 12


def place_of(number: int) -> Place:
    return Place(1, ARTICLE, UUID(int=number + 1))


def shown_by_definition(parents: list[int | None], approved: set[int]) -> set[int]:
    """Approved, or above something approved: found by walking up from every approved one."""
    shown: set[int] = set()
    for number in approved:
        at: int | None = number
        while at is not None:
            shown.add(at)
            at = parents[at]
    return shown


@given(
    st.lists(st.integers(min_value=0, max_value=SIZE), min_size=SIZE, max_size=SIZE),
    st.lists(st.integers(min_value=0, max_value=SIZE - 1), max_size=60),
)
def test_any_order_of_appearing_and_disappearing_leaves_the_counts_a_slow_walk_finds(
    picks: list[int], steps: list[int]
) -> None:
    parents = [pick - 1 if 0 < pick <= number else None for number, pick in enumerate(picks)]
    changes = Changes(at=datetime(2026, 1, 1, tzinfo=UTC))
    branches = Branches(rows={}, changes=changes)
    approved: set[int] = set()
    ever: set[int] = set()
    for number in steps:
        parent = parents[number]
        if number in approved:
            branches.disappear(place_of(number), Status.REMOVED)
            approved.discard(number)
        elif parent is None or parent in ever:
            branches.appear(
                place_of(number), place_of(parent).comment_id if parent is not None else None
            )
            approved.add(number)
            ever.add(number)
    shown = shown_by_definition(parents, approved)
    rows: dict[UUID, Branch] = branches.rows
    for number in ever:
        row = rows[place_of(number).comment_id]
        children = [child for child in ever if parents[child] == number]
        assert row.shown == (number in shown)
        assert row.reply_count == len([child for child in children if child in approved])
        assert row.shown_replies == len([child for child in children if child in shown])
        depth, at = 0, parents[number]
        while at is not None:
            depth, at = depth + 1, parents[at]
        assert row.depth == depth
    totals = [*changes.counts, {"approved": 0, "shown_roots": 0}][0]
    assert totals["approved"] == len(approved)
    assert totals["shown_roots"] == len([number for number in shown if parents[number] is None])
    for shift in changes.replies:
        row = rows[shift["comment_id"]]
        assert (shift["replies"], shift["shown"]) == (row.reply_count, row.shown_replies)
