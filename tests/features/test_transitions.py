from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from msgspec.structs import replace

from service.features.transitions import is_edit, status_of, still_waits, waiting_of
from service.model import Action, Author, Comment, Decision, PendingComment, Status

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
STORY, COMMENT = UUID(int=1), UUID(int=2)
LEILA = Author(author_id=UUID(int=3), kind="guest", name="Leila")
ITEM = PendingComment(
    site_id=1,
    site="daily",
    article_id=STORY,
    article_key="story-1",
    comment_id=COMMENT,
    parent_id=None,
    author=LEILA,
    text="A comment.",
    lang="en",
    created_at=NOON,
)
PUBLIC = Comment(
    site_id=1,
    article_id=STORY,
    article_key="story-1",
    comment_id=COMMENT,
    parent_id=None,
    root_id=COMMENT,
    depth=0,
    author=LEILA,
    text="A comment.",
    lang="en",
    status=Status.APPROVED,
    revision=1,
    created_at=NOON,
    edited_at=None,
)
TOMBSTONE = replace(PUBLIC, status=Status.REMOVED, text=None)


def item(*, n: int = 0, revision: int = 1, kind: str = "new") -> PendingComment:
    return replace(ITEM, n=n, revision=revision, kind="edit" if kind == "edit" else "new")


def decided(action: Action, status: Status, *, n: int = 1, revision: int = 1) -> Decision:
    return Decision(
        site_id=1,
        article_id=STORY,
        comment_id=COMMENT,
        n=n,
        decision_id=UUID(int=n),
        action=action,
        revision=revision,
        status=status,
        reason=None,
        note=None,
        actor_kind="key",
        actor_id="samskey1",
        at=NOON,
    )


APPROVED = decided(Action.APPROVE, Status.APPROVED)
REJECTED = decided(Action.REJECT, Status.REJECTED)
UNDONE = decided(Action.REVERSE, Status.PENDING, n=2)
DELETED = decided(Action.DELETE, Status.DELETED, n=2)
WITHDRAWN = decided(Action.WITHDRAW, Status.DELETED)
EDIT_WITHDRAWN = decided(Action.WITHDRAW, Status.APPROVED, n=2, revision=2)


@pytest.mark.parametrize(
    ("waiting", "latest", "waits"),
    [
        (item(), None, True),
        (item(), APPROVED, False),
        (item(), REJECTED, False),
        (item(revision=2), APPROVED, True),
        (item(revision=2), REJECTED, True),
        (item(n=1, revision=2, kind="edit"), APPROVED, True),
        (item(), decided(Action.ESCALATE, Status.PENDING), True),
        (item(revision=2), decided(Action.ESCALATE, Status.PENDING), True),
        (item(n=2), UNDONE, True),
        (item(), UNDONE, True),  # the copy that a lost `requeue` would have replaced
        (item(n=1, revision=2), EDIT_WITHDRAWN, False),
        (item(n=1, revision=3), EDIT_WITHDRAWN, False),
        (item(n=2, revision=3), EDIT_WITHDRAWN, True),  # begun after the withdrawal
    ],
)
def test_a_text_waits_until_the_log_has_judged_it_or_a_later_one(
    waiting: PendingComment, latest: Decision | None, *, waits: bool
) -> None:
    assert still_waits(waiting, latest) is waits


@pytest.mark.parametrize("latest", [DELETED, WITHDRAWN, decided(Action.ERASE, Status.DELETED)])
@pytest.mark.parametrize("revision", [1, 2, 9])
@pytest.mark.parametrize("n", [0, 1, 2, 9])
def test_nothing_waits_after_its_author_or_the_law_took_it_away(
    latest: Decision, n: int, revision: int
) -> None:
    waiting = item(n=n, revision=revision)
    assert not still_waits(waiting, latest)
    assert waiting_of((waiting, waiting), latest) is None
    assert status_of(None, None, latest) is Status.DELETED


def test_of_several_copies_the_newest_text_waits_and_then_the_latest_decision() -> None:
    old, edited, undone = item(), item(revision=2), item(n=2)
    assert waiting_of((old, edited), None) is edited
    assert waiting_of((edited, old), None) is edited
    assert waiting_of((old, undone), UNDONE) is undone
    assert waiting_of((None, old), None) is old
    assert waiting_of((None, None), None) is None
    assert waiting_of((old, edited), APPROVED) is edited


@pytest.mark.parametrize(
    ("public", "waiting", "latest", "status"),
    [
        (None, None, None, None),
        (None, ITEM, None, Status.PENDING),
        (PUBLIC, None, APPROVED, Status.APPROVED),
        (PUBLIC, item(n=1, revision=2, kind="edit"), APPROVED, Status.APPROVED),
        (None, None, REJECTED, Status.REJECTED),
        (None, item(revision=2), REJECTED, Status.PENDING),
        (PUBLIC, item(n=1, revision=3, kind="edit"), REJECTED, Status.REJECTED),
        (TOMBSTONE, item(n=2), UNDONE, Status.PENDING),
        (TOMBSTONE, None, DELETED, Status.DELETED),
        (TOMBSTONE, None, decided(Action.REMOVE, Status.REMOVED, n=2), Status.REMOVED),
    ],
)
def test_a_comments_status_is_that_of_its_latest_decision_unless_a_newer_text_waits(
    public: Comment | None,
    waiting: PendingComment | None,
    latest: Decision | None,
    status: Status | None,
) -> None:
    assert status_of(public, waiting, latest) is status


def test_what_waits_over_a_public_text_is_an_edit() -> None:
    assert is_edit(item(), PUBLIC)
    assert is_edit(item(kind="edit"), None)
    assert not is_edit(item(), None)
    assert not is_edit(item(), TOMBSTONE)
