"""The limits of every field at their edges, and texts that come back byte for byte."""

from __future__ import annotations

import http.client
import json
from typing import Any
from uuid import uuid4

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.model import Site
from tests.api.calls import Answer
from tests.api.conftest import Api

UNITS: dict[str, tuple[str, int]] = {
    "ASCII": ("a", 1),
    "two bytes": ("é", 1),
    "Arabic": ("ي", 1),
    "vowelled Arabic": ("كَ", 2),
    "three bytes": ("漢", 1),
    "four bytes": ("\U00010330", 1),
    "composed on the way in": ("e\u0301", 1),
    "marks that stay": ("न\u0940", 2),
    "Thai": ("ก\u0e38", 2),
}
"""A piece of text, and how many code points it has after the text policy."""

HONEST: dict[str, str] = {
    "plain": "Hello.",
    "outer blanks": "  Hello.  ",
    "lines": "One.\n\nTwo.\n    code\n\tcode",
    "Arabic": "اَلسَّلَامُ عَلَيْكُمْ، هٰذَا تَعْلِيقٌ عَلَى المَقَال رقم ١٢٣.",
    "Persian with joiners": "می\u200cخواهم بروم",  # noqa: RUF001 - meant
    "French": "« Déjà vu » — c’est l’été à Nîmes\u202f!",
    "Hindi": "क्षेत्रीय भाषाओं में पढ़ना",
    "Thai": "ฉันไม่เห็นด้วยกับบทความนี้",
    "Hebrew": "שָׁלוֹם עֲלֵיכֶם",
    "Japanese": "御意見ありがとうございます。ｶﾀｶﾅ",
    "Korean": "한국어로 댓글을 씁니다.",
    "Vietnamese": "Tôi không đồng ý với bài báo này.",
    "emoji": "🎉 👍🏽 ❤️ 👨‍👩‍👧‍👦 🏳️‍🌈 🇫🇷 1️⃣",
    "a flag of Scotland": "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f!",
    "mixed directions": "He said \u2067مرحبا\u2069 and left.",  # noqa: RUF001 - meant
    "Markdown": "> quote\n\n- *a*\n- **b** [c](https://daily.example)\n\n`code` ~~del~~",
    "HTML": "<script>alert(1)</script> &amp; <!-- x --> \"'`",
    "looks like JSON": '{"body": "\\u0041", "x": null}',
    "backslashes": "C:\\temp\\new \\* \\\\",
    "SQL": "Robert'); DROP TABLE comments;-- %s $1 ${x} {{x}}",
    "beyond the basic plane": "𝕸𝖆𝖙𝖍 𐌰𐌱 𝒳",  # noqa: RUF001 - meant
    "the last code points": "a\U0003134f",
    "ligatures": "ﬁ ﷺ Ǆ",
    "null in words": "null undefined NaN",
}
"""Texts that the policy need not touch."""

TOUCHED: dict[str, tuple[str, str]] = {
    "line ends": ("a\r\nb\rc", "a\nb\nc"),
    "decomposed": ("cafe\u0301", "café"),
    "three blank lines": ("a\n\n\n\n\nb", "a\n\n\nb"),
    "zero-width space": ("a\u200bb", "ab"),
    "soft hyphen": ("a\u00adb", "ab"),
    "byte-order mark": ("\ufeffab", "ab"),
    "a joiner without use": ("a\u200db", "ab"),
    "zalgo": ("Z" + "\u0335" * 30, "Z" + "\u0335" * 8),
}

REFUSED: dict[str, tuple[str, str]] = {
    "nothing": ("", "blank"),
    "blanks": (" \n\t ", "blank"),
    "invisible": ("\u200b\u3164\u2800", "blank"),
    "NUL": ("a\0b", "forbidden_character"),
    "escape": ("\x1b[31m", "forbidden_character"),
    "C1": ("a\x85b", "forbidden_character"),
    "DEL": ("a\x7fb", "forbidden_character"),
    "a noncharacter": ("a\uffffb", "forbidden_character"),
    "private use": ("a\ue000b", "forbidden_character"),
    "tags": ("a\U000e0041b", "forbidden_character"),
    "annotation": ("a\ufff9b", "forbidden_character"),
    "51 emoji": ("🎉 " * 51, "too_many_emoji"),
}


def sent(api: Api, json: Any, *, site: Site | None = None, bearer: str | None = None) -> Answer:
    where = api.thread_of(api.article(), site=site)
    return api.ask("POST", where, json=json, bearer=bearer)


def guest(body: str = "A comment.", **more: Any) -> dict[str, Any]:
    return {"body": body, "author": {"name": "Leila"}, **more}


def refusal(answer: Answer) -> dict[str, str]:
    assert (answer.status, answer.code) == (422, "validation_failed"), answer.raw
    return answer.pointers


def filled(unit: str, points: int, length: int) -> str:
    """Return a text of exactly so many code points, after the policy."""
    return "x" * (length % points) + unit * (length // points)


@pytest.fixture(scope="module")
def roomy(api: Api) -> Site:
    """A site that takes the longest comments there are."""
    return api.new_site(body_max_chars=10_000)


@pytest.mark.parametrize(("unit", "points"), UNITS.values(), ids=UNITS)
def test_a_body_is_counted_in_code_points_not_bytes(api: Api, unit: str, points: int) -> None:
    for length in (1, 4_999, 5_000):
        text = filled(unit, points, length)
        answer = sent(api, guest(text))
        assert answer.status == 202, (length, answer.raw)
        assert len(answer.json["comment"]["text"]) == length
    assert refusal(sent(api, guest(filled(unit, points, 5_001)))) == {"/body": "too_long"}


def test_a_site_may_take_up_to_10_000_code_points(api: Api, roomy: Site) -> None:
    for unit in ("a", "é", "漢"):
        assert sent(api, guest(unit * 10_000), site=roomy).status == 202
        assert refusal(sent(api, guest(unit * 10_001), site=roomy)) == {"/body": "too_long"}
    short = api.new_site(body_max_chars=1)
    assert sent(api, guest("é"), site=short).status == 202
    assert refusal(sent(api, guest("éé"), site=short)) == {"/body": "too_long"}


def test_more_than_32_kib_are_not_read_whatever_the_site_allows(api: Api, roomy: Site) -> None:
    answer = sent(api, guest("\U00010330" * 10_000), site=roomy)
    assert (answer.status, answer.code) == (413, "body_too_large")


@pytest.mark.parametrize(("unit", "points"), UNITS.values(), ids=UNITS)
def test_a_name_has_1_to_80_code_points(api: Api, unit: str, points: int) -> None:
    for length in (1, 79, 80):
        if length % points and length == 1:
            continue
        answer = sent(api, guest(author={"name": filled(unit, points, length)}))
        assert answer.status == 202, (length, answer.raw)
        assert len(answer.json["comment"]["author"]["name"]) == length
    answer = sent(api, guest(author={"name": filled(unit, points, 81)}))
    assert refusal(answer) == {"/author/name": "too_long"}


@pytest.mark.parametrize("name", ["", " ", "\u200b", "\u3164", "\u00a0", "\u202e"])
def test_a_name_has_to_be_seen(api: Api, name: str) -> None:
    assert refusal(sent(api, guest(author={"name": name}))) == {"/author/name": "blank"}


def test_a_name_is_one_line_that_cannot_turn_what_stands_around_it(api: Api) -> None:
    answer = sent(api, guest(author={"name": " Le\u202eila \n\t de\u200b Beyrouth "}))
    assert answer.json["comment"]["author"]["name"] == "Leila de Beyrouth"


def test_the_fields_around_a_comment_have_their_edges(api: Api) -> None:
    url = "https://daily.example/"
    edges: list[tuple[dict[str, Any], dict[str, Any], str, str]] = [
        (
            {"article": {"title": "é" * 300}},
            {"article": {"title": "é" * 301}},
            "/article/title",
            "too_long",
        ),
        (
            {"article": {"url": url.ljust(2_048, "x")}},
            {"article": {"url": url.ljust(2_049, "x")}},
            "/article/url",
            "too_long",
        ),
        (
            {"author": {"name": "L", "email": "l@" + "x" * 252}},
            {"author": {"name": "L", "email": "l@" + "x" * 253}},
            "/author/email",
            "too_long",
        ),
        ({"lang": "fr"}, {"lang": "f"}, "/lang", "bad_format"),
        ({"lang": "zh-Hant-TW"}, {"lang": "zh_TW"}, "/lang", "bad_format"),
        ({"lang": None}, {"lang": "fr\n"}, "/lang", "bad_format"),
        ({"parent_id": None}, {"parent_id": "x"}, "/parent_id", "bad_format"),
        (
            {"article": {"url": "http://a"}},
            {"article": {"url": "ftp://a"}},
            "/article/url",
            "bad_format",
        ),
        (
            {"article": {}},
            {"article": {"url": "javascript:alert(1)"}},
            "/article/url",
            "bad_format",
        ),
        ({"article": None}, {"article": {"url": "https://a/\x1b"}}, "/article/url", "bad_format"),
        ({}, {"article": {"url": "https://a/ b"}}, "/article/url", "bad_format"),
        ({}, {"article": {"title": "a\0"}}, "/article/title", "forbidden_character"),
        ({}, {"article": {"title": ""}}, "/article/title", "blank"),
        ({}, {"author": {"name": "a\0"}}, "/author/name", "forbidden_character"),
        ({}, {"author": {"name": "a", "email": "\0"}}, "/author/email", "forbidden_character"),
        ({}, {"author": {"name": 1}}, "/author/name", "wrong_type"),
        ({}, {"author": "Leila"}, "/author", "wrong_type"),
        ({}, {"author": {"name": "a", "admin": True}}, "/author/admin", "unknown_field"),
        ({}, {"article": {"key": "a"}}, "/article/key", "unknown_field"),
        ({}, {"status": "approved"}, "/status", "unknown_field"),
    ]
    for good, wrong, pointer, code in edges:
        assert sent(api, guest(**good)).status == 202, good
        assert refusal(sent(api, guest(**wrong)))[pointer] == code, wrong


def test_every_fault_of_a_request_is_told_at_once(api: Api) -> None:
    answer = sent(
        api, guest("\x1b", author={"name": "", "email": "\x1b"}, article={"title": "\x1b"})
    )
    assert refusal(answer) == {
        "/body": "forbidden_character",
        "/author/name": "blank",
        "/author/email": "forbidden_character",
        "/article/title": "forbidden_character",
    }


def test_what_a_back_end_says_of_a_reader_has_its_edges_too(api: Api) -> None:
    def on_behalf(**reader: Any) -> Answer:
        said = {"body": "For them.", "on_behalf_of": {"id": "7", "name": "Nour", **reader}}
        return sent(api, said, bearer=api.keys["write"])

    for good in (
        {"name": "é" * 80},
        {"id": "x" * 255},
        {"issuer": "https://daily.example"},
        {"badge": "é" * 40},
        {"avatar": "https://daily.example/1.png"},
        {"badge": None, "avatar": None, "email": None},
    ):
        assert on_behalf(**good).status == 202, good
    for wrong, pointer, code in (
        ({"name": "é" * 81}, "name", "too_long"),
        ({"name": ""}, "name", "blank"),
        ({"email": "a\0"}, "email", "forbidden_character"),
        ({"id": ""}, "id", "too_short"),
        ({"id": "x" * 256}, "id", "too_long"),
        ({"issuer": ""}, "issuer", "too_short"),
        ({"badge": "é" * 41}, "badge", "too_long"),
        ({"badge": "a\0"}, "badge", "forbidden_character"),
        ({"avatar": "data:image/png;base64,"}, "avatar", "bad_format"),
        ({"avatar": "https://a/\x1b"}, "avatar", "bad_format"),
    ):
        assert refusal(on_behalf(**wrong)) == {f"/on_behalf_of/{pointer}": code}, wrong


def test_a_nul_is_refused_wherever_it_stands(api: Api) -> None:
    """Postgres keeps none: it would be accepted, and never published."""
    reader = {"id": "7\0", "name": "Nour"}
    for said, bearer, pointer in (
        (guest(lang="fr\0"), None, "/lang"),
        (guest(article={"url": "https://a/\0"}), None, "/article/url"),
        (guest(author={"name": "L", "email": "l@\0"}), None, "/author/email"),
        ({"body": "x", "on_behalf_of": reader}, api.keys["write"], "/on_behalf_of/id"),
        ({**guest(), "a\0": 1}, None, "/a\\x00"),
    ):
        assert refusal(sent(api, said, bearer=bearer)) == {pointer: "forbidden_character"}


@pytest.mark.parametrize("text", HONEST.values(), ids=HONEST)
def test_an_honest_text_comes_back_byte_for_byte(api: Api, text: str) -> None:
    """In the answer, to its author, to a moderator, in the thread, and by itself."""
    article = api.article()
    answer = api.post(article, text)
    assert answer.json["comment"]["text"] == text
    assert_everywhere(api, article, answer)


@pytest.mark.parametrize(("raw", "clean"), TOUCHED.values(), ids=TOUCHED)
def test_what_the_policy_touches_is_answered_as_it_will_be_shown(
    api: Api, raw: str, clean: str
) -> None:
    article = api.article()
    answer = api.post(article, raw)
    assert answer.json["comment"]["text"] == clean
    assert_everywhere(api, article, answer)
    again = api.post(article, clean)
    assert again.json["comment"]["id"] == answer.json["comment"]["id"], "the same after the policy"


@pytest.mark.parametrize(("raw", "code"), REFUSED.values(), ids=REFUSED)
def test_what_no_text_may_contain_is_refused(api: Api, raw: str, code: str) -> None:
    assert refusal(sent(api, guest(raw))) == {"/body": code}


def assert_everywhere(api: Api, article: str, answer: Answer) -> None:
    comment = answer.json["comment"]
    text, where = comment["text"], answer.headers["Location"]
    mine = api.ask("GET", where, bearer=answer.json["receipt"])
    assert mine.json["comment"] == comment
    whole = f"/v1/moderation/comments/{comment['id']}"
    assert api.ask("GET", whole, bearer=api.keys["moderate"]).json["comment"]["text"] == text
    queue = f"/v1/moderation/queue?site={api.site.slug}&sort=newest&limit=1"
    (item,) = api.ask("GET", queue, bearer=api.keys["moderate"]).json["items"]
    assert item["comment"]["text"] == text
    api.decide("approve", comment["id"])
    thread = api.ask("GET", api.thread_of(article))
    shown = thread.json["comments"][0]
    assert (shown["text"], shown["body"]) == (text, comment["body"])
    assert orjson.dumps(text) in thread.raw
    assert api.ask("GET", where).json["comment"]["text"] == text


# Whatever anybody sends.

PIECES = st.sampled_from(
    [
        *(unit for unit, _ in UNITS.values()),
        *("\u200d", "\u200c", "\u202e", "\u2067", "\u2069", "\ufeff", "\u0335" * 9),
        *("\0", "\x1b", "\x85", "\ud800", "\udfff", "\uffff", "\U0010ffff", "\ue000"),
        *("\r\n", "\n\n\n\n", "\t", " ", "*", "_", "[", "](https://a.example)", "`", "> ", "- "),
        *("<b>", "&lt;", "\\", '"', "\\u0000", "👨‍👩‍👧", "🇫🇷", "ﷺ", "İ", "ß", "\u1160"),
    ]
)
TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(PIECES, max_size=40).map("".join),
    st.text(st.characters(categories=["L", "M", "N", "P", "S", "Z", "C"]), max_size=20),
)


@given(text=TEXTS)
@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_text_is_refused_or_can_be_approved_and_reads_back_the_same(
    api: Api, text: str
) -> None:
    raw = as_json({"body": text, "author": {"name": "Leila"}})
    headers = {"Idempotency-Key": str(uuid4()), "Content-Type": "application/json"}
    answer = api.ask("POST", api.thread_of("anything"), body=raw, headers=headers)
    if answer.status != http.client.ACCEPTED:
        assert answer.status in {400, 422}
        return
    comment = answer.json["comment"]
    api.decide("approve", comment["id"])
    shown = api.ask("GET", answer.headers["Location"]).json["comment"]
    assert shown["text"] == comment["text"]
    assert shown["body"] == comment["body"]
    assert len(comment["text"]) <= max(4 * len(text), 1)


def as_json(document: dict[str, Any]) -> bytes:
    """Write JSON; what has no UTF-8 (lone surrogates) is escaped."""
    try:
        return orjson.dumps(document)
    except TypeError:
        return json.dumps(document).encode()
