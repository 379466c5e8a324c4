"""The demo's texts keep what the seeding, the browser tests and the queue rely on."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from service.demo.content import NEWSPAPER, Demo, load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.demo.content import DemoComment

REASONS = {
    "spam",
    "advertising",
    "abuse",
    "hate",
    "harassment",
    "off_topic",
    "false_information",
    "personal_data",
    "illegal",
    "duplicate",
    "other",
}
THREE_DAYS_MINUTES = 3 * 24 * 60
LONG_THREAD = "en-harbour-ferry"
SLASHED_KEY = "fr/2026/marche-couvert"
DOMAIN = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}", re.IGNORECASE)
LOCAL_PHONE = re.compile(r"\b\d{3}[- ]\d{4}\b")
REFUSED_CATEGORIES = {"Cc", "Cf", "Co", "Cn", "Cs"}
"""Controls, invisible formatting, private use, unassigned, surrogates (the text policy)."""


@pytest.fixture(scope="module")
def demo() -> Demo:
    return load()


def of_status(demo: Demo, status: str) -> list[DemoComment]:
    return [comment for comment in demo.comments if comment.status == status]


def every_text(demo: Demo) -> Iterator[str]:
    yield from NEWSPAPER.values()
    for article in demo.articles:
        yield from (article.section, article.title, article.standfirst)
        yield from (article.dateline, article.byline, *article.paragraphs)
    yield from (author.name for author in demo.authors)
    yield from (comment.text for comment in demo.comments)


def depth(comment: DemoComment, by_id: dict[str, DemoComment]) -> int:
    return 0 if comment.parent is None else 1 + depth(by_id[comment.parent], by_id)


def test_each_of_three_languages_has_three_articles(demo: Demo) -> None:
    assert Counter(article.lang for article in demo.articles) == {"en": 3, "fr": 3, "ar": 3}
    assert all(4 <= len(article.paragraphs) <= 7 for article in demo.articles)


def test_article_keys_are_distinct_ascii_and_one_has_slashes(demo: Demo) -> None:
    keys = [article.key for article in demo.articles]
    assert len(set(keys)) == len(keys)
    assert all(re.fullmatch(r"(en|fr|ar)[-/][a-z0-9/-]+", key) for key in keys)
    assert SLASHED_KEY in keys


def test_article_urls_are_distinct_and_lie_under_their_language(demo: Demo) -> None:
    urls = {article.url for article in demo.articles}
    assert len(urls) == len(demo.articles)
    assert all(article.url.startswith(f"/demo/{article.lang}/") for article in demo.articles)


def test_one_article_is_closed_but_read_and_one_is_open_and_empty(demo: Demo) -> None:
    approved = Counter(comment.article for comment in of_status(demo, "approved"))
    closed = [article for article in demo.articles if article.state == "closed"]
    commented = {comment.article for comment in demo.comments}
    empty = [article for article in demo.articles if article.key not in commented]
    assert [approved[article.key] >= 5 for article in closed] == [True]
    assert [article.state for article in empty] == ["open"]


def test_there_is_enough_of_every_status_to_work_with(demo: Demo) -> None:
    count = Counter(comment.status for comment in demo.comments)
    assert len(demo.comments) >= 160
    assert count["pending"] >= 45
    assert count["approved"] >= 100
    assert 8 <= count["rejected"] <= 10


def test_every_language_has_waiting_comments(demo: Demo) -> None:
    waiting = Counter(comment.lang for comment in of_status(demo, "pending"))
    assert min(waiting["en"], waiting["fr"], waiting["ar"]) >= 10


def test_no_two_waiting_comments_say_the_same(demo: Demo) -> None:
    texts = [" ".join(comment.text.casefold().split()) for comment in of_status(demo, "pending")]
    assert len(set(texts)) == len(texts)


def test_nothing_waits_on_the_closed_article(demo: Demo) -> None:
    open_keys = {article.key for article in demo.articles if article.state == "open"}
    assert {comment.article for comment in of_status(demo, "pending")} <= open_keys


def test_every_reply_answers_an_older_approved_comment_on_its_article(demo: Demo) -> None:
    by_id = {comment.id: comment for comment in demo.comments}
    assert len(by_id) == len(demo.comments)
    for reply in (comment for comment in demo.comments if comment.parent is not None):
        parent = by_id[reply.parent or ""]
        assert parent.status == "approved", reply.id
        assert parent.article == reply.article, reply.id
        assert parent.minutes_ago > reply.minutes_ago, reply.id


def test_comments_are_oldest_first_within_three_days_and_after_their_article(demo: Demo) -> None:
    published = {article.key: article.published_minutes_ago for article in demo.articles}
    ages = [comment.minutes_ago for comment in demo.comments]
    assert ages == sorted(ages, reverse=True)
    assert 0 < ages[-1] <= ages[0] <= THREE_DAYS_MINUTES
    assert all(comment.minutes_ago < published[comment.article] for comment in demo.comments)


def test_the_long_thread_is_long_deep_and_wide(demo: Demo) -> None:
    by_id = {comment.id: comment for comment in demo.comments}
    thread = [c for c in of_status(demo, "approved") if c.article == LONG_THREAD]
    replies = Counter(comment.parent for comment in thread if comment.parent is not None)
    roots = {comment.id for comment in thread if comment.parent is None}
    assert len(thread) >= 45
    assert max(depth(comment, by_id) for comment in thread) == 5
    assert max(count for parent, count in replies.items() if parent in roots) >= 8


def test_the_other_threads_are_of_a_usual_length(demo: Demo) -> None:
    approved = Counter(comment.article for comment in of_status(demo, "approved"))
    del approved[LONG_THREAD]
    assert len(approved) == 7
    assert all(5 <= count <= 15 for count in approved.values())


def test_every_reader_writes_under_a_name_of_their_own(demo: Demo) -> None:
    written = Counter(comment.author for comment in demo.comments)
    assert set(written) == {author.id for author in demo.authors}
    assert len({author.name for author in demo.authors}) == len(demo.authors) >= 25
    assert sum(count > 1 for count in written.values()) >= 15


def test_only_rejected_comments_have_a_reason_and_it_is_one_of_the_codes(demo: Demo) -> None:
    rejected = of_status(demo, "rejected")
    assert {comment.reason for comment in rejected} <= REASONS
    assert len({comment.reason for comment in rejected}) >= 6
    assert {comment.reason for comment in demo.comments if comment.status != "rejected"} == {None}


def test_only_approved_comments_have_votes(demo: Demo) -> None:
    assert all(comment.up > 0 for comment in of_status(demo, "approved"))
    assert all(comment.up >= 0 <= comment.down for comment in demo.comments)
    others = [comment for comment in demo.comments if comment.status != "approved"]
    assert {(comment.up, comment.down) for comment in others} == {(0, 0)}


def test_texts_range_from_one_line_to_an_essay(demo: Demo) -> None:
    lengths = sorted(len(comment.text) for comment in demo.comments)
    assert lengths[0] < 40
    assert 1200 <= lengths[-1] <= 1500


def test_the_text_policy_has_nothing_to_change_or_refuse(demo: Demo) -> None:
    for text in every_text(demo):
        assert unicodedata.is_normalized("NFC", text), text
        assert text == text.strip() != "", text
        assert "\n\n\n" not in text, text
        refused = {c for c in text if unicodedata.category(c) in REFUSED_CATEGORIES} - {"\n"}
        assert not refused, text
        assert not re.search(r"(.)\1{10}", text), text


def test_every_text_has_letters_of_its_language(demo: Demo) -> None:
    by_lang = [(article.lang, article.title) for article in demo.articles]
    by_lang += [(comment.lang, comment.text) for comment in demo.comments]
    for lang, text in by_lang:
        letters = [unicodedata.name(c, "") for c in text if c.isalpha()]
        arabic = sum(name.startswith("ARABIC LETTER") for name in letters)
        assert (arabic > len(letters) / 2) == (lang == "ar"), text


def test_some_arabic_is_mixed_with_latin_and_some_is_vowelled(demo: Demo) -> None:
    arabic = [comment.text for comment in of_status(demo, "pending") if comment.lang == "ar"]
    assert any(re.search(r"[A-Za-z]{4,}", text) for text in arabic)
    assert any(len(re.findall("[\u064b-\u0652]", text)) > 20 for text in arabic)


def test_no_domain_but_example_ones_appears(demo: Demo) -> None:
    domains = [domain for text in every_text(demo) for domain in DOMAIN.findall(text)]
    assert len(domains) >= 5
    assert all(domain.endswith(".example") for domain in domains), domains


def test_phone_numbers_are_in_the_range_kept_for_fiction(demo: Demo) -> None:
    numbers = [number for text in every_text(demo) for number in LOCAL_PHONE.findall(text)]
    assert len(numbers) >= 3
    assert all(re.fullmatch(r"555-01\d\d", number) for number in numbers), numbers
