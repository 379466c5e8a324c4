from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from service.errors import Invalid
from service.features.access import Guest
from service.features.reader_tokens import SignedIn
from service.features.submission import (
    Keys,
    Submission,
    cleaned,
    sent_by_backend,
    sent_by_guest,
    sent_by_reader,
)
from service.model import ApiKey, Scope, Site, SiteSettings

SITE = Site(site_id=1, slug="daily", name="The Daily", settings=SiteSettings(body_max_chars=20))
LEILA, KARIM = UUID(int=1), UUID(int=2)
SENT = Submission(site=SITE, article_key="story-1", body="Hello.", name="Leila", address_hash="a")
KEY = ApiKey(
    key_id="sitekey1",
    site_id=1,
    site="daily",
    name="Site",
    scopes=frozenset({Scope.WRITE}),
    created_at=datetime(2026, 11, 25, tzinfo=UTC),
    expires_at=None,
)

RETURNING = sent_by_guest(Guest(author_id=LEILA, generation=2), name="Leila", email=None)


def reader(author_id: UUID) -> SignedIn:
    return SignedIn(
        author_id=author_id,
        issuer="https://daily.example",
        subject=str(author_id.int),
        name="Leila",
        avatar="https://daily.example/l.png",
        badge="Subscriber",
    )


def behalf(**who: Any) -> Submission:
    told = {"issuer": None, "name": "Leila", "email": None, "badge": None, "avatar": None, **who}
    return replace(SENT, **sent_by_backend(SITE, KEY, **told))


@pytest.mark.parametrize(
    "other",
    [
        replace(SENT, body="Hello!"),
        replace(SENT, parent_id=LEILA),
        replace(SENT, name="Karim"),
        replace(SENT, email="leila@example.org"),
    ],
)
def test_another_text_parent_or_name_is_another_submission_under_the_same_key(
    other: Submission,
) -> None:
    one, two = (Keys.of(replace(each, idempotency_key="k" * 8)) for each in (SENT, other))
    assert one.dk == two.dk
    assert one.fingerprint != two.fingerprint


@pytest.mark.parametrize(
    "other",
    [
        replace(SENT, site=replace(SITE, site_id=2)),
        replace(SENT, article_key="story-2"),
        replace(SENT, idempotency_key="other-key"),
        replace(SENT, **sent_by_reader(reader(LEILA))),
        behalf(reader_id="1"),
    ],
)
def test_a_key_counts_within_its_site_article_and_principal(other: Submission) -> None:
    keyed = replace(SENT, idempotency_key="some-key")
    other = replace(other, idempotency_key=other.idempotency_key or "some-key")
    assert Keys.of(keyed).dk != Keys.of(other).dk


def test_all_guests_share_one_principal_and_readers_do_not() -> None:
    keyed = replace(SENT, idempotency_key="some-key")
    returning = replace(keyed, **RETURNING)
    assert Keys.of(keyed).dk == Keys.of(returning).dk
    readers = {
        Keys.of(replace(keyed, **sent_by_reader(reader(each)))).dk for each in (LEILA, KARIM)
    }
    assert len(readers) == 2


def test_without_a_key_the_author_and_the_text_tell_submissions_apart() -> None:
    same = replace(SENT, lang="fr", article_title="Other words of the page")
    assert Keys.of(SENT) == Keys.of(same)
    returning = replace(SENT, **RETURNING)
    assert len({Keys.of(each).dk for each in (SENT, returning)}) == 2
    for other in (replace(SENT, address_hash="b"), replace(SENT, body="Bye.")):
        assert Keys.of(SENT).dk != Keys.of(other).dk


def test_a_receipt_outweighs_the_address_it_comes_from() -> None:
    at_home, on_the_way = (replace(SENT, address_hash=place, **RETURNING) for place in "ab")
    assert Keys.of(at_home) == Keys.of(on_the_way)
    assert (at_home.author_id, at_home.generation) == (LEILA, 2)


def test_parts_that_run_together_are_still_told_apart() -> None:
    one = replace(SENT, name="ab", email="c")
    two = replace(SENT, name="a", email="bc")
    assert Keys.of(one).fingerprint != Keys.of(two).fingerprint


def test_a_reader_is_who_their_token_says_and_not_who_they_typed() -> None:
    signed = replace(replace(SENT, name="Somebody"), **sent_by_reader(reader(LEILA)))
    assert (signed.kind, signed.author_id, signed.name) == ("reader", LEILA, "Leila")
    assert (signed.badge, signed.avatar) == ("Subscriber", "https://daily.example/l.png")


def test_a_back_end_names_the_same_person_by_the_issuer_of_their_tokens() -> None:
    plain, again, with_issuer, other = (
        behalf(reader_id=reader_id, issuer=issuer).author_id
        for reader_id, issuer in (
            ("7", None),
            ("7", None),
            ("7", "https://daily.example"),
            ("8", None),
        )
    )
    assert plain == again
    assert len({plain, with_issuer, other}) == 3


def test_every_field_that_cannot_be_accepted_is_named_at_once() -> None:
    broken = replace(SENT, body="x" * 21, name=" ", email="e" * 255, article_title="t" * 301)
    with pytest.raises(Invalid) as refusal:
        cleaned(broken)
    assert [error.pointer for error in refusal.value.errors] == [
        "/body",
        "/author/name",
        "/author/email",
        "/article/title",
    ]


def test_what_the_text_policy_need_not_touch_stays_as_it_was_sent() -> None:
    assert cleaned(SENT) == SENT
    assert cleaned(replace(SENT, body="One\r\ntwo")).body == "One\ntwo"
