"""Answers that are given again when other bytes have taken the place of the ones they had."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from aiohttp import hdrs

from service.web.draining import Draining
from service.web.encodings import compressed, tag
from service.web.ready import Again, Fixed, Question, ReadyLine

SMALL = Fixed(body=b"small", etag='"small"', forms={})
LONG = b"longer than the first, " * 100
LARGE = Fixed(body=LONG, etag='"large"', forms=compressed(LONG))
NOT_YET = Fixed(body=LONG, etag='"plain"', forms={})


@dataclass(slots=True)
class Shelf:
    """A place whose bytes a test exchanges."""

    there: Fixed | None

    def current(self) -> Fixed | None:
        return self.there


@dataclass(slots=True)
class Client:
    """Asks one thing, and had an answer the ordinary way already."""

    shelf: Shelf
    line: ReadyLine = field(default_factory=lambda: ReadyLine(sites=None, draining=Draining()))

    def question(self, method: str, headers: Mapping[str, str]) -> Question:
        lines = [f"{method} /page HTTP/1.1", "Host: localhost"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        question = self.line.read(("\r\n".join(lines) + "\r\n\r\n").encode(), trusted=False)
        assert question is not None
        return question

    def ask(self, method: str = "GET", **headers: str) -> tuple[Mapping[str, str], bytes] | None:
        question = self.question(method, headers)
        found = self.line.answer(question)
        if found is not None:
            head, body = found
            return dict(re.findall(r"([\w-]+): ([^\r\n]*)\r\n", head.decode())), body
        first = self.shelf.there
        assert first is not None
        encoding = "br" if first.forms and "Accept_Encoding" in headers else ""
        told = first.forms[encoding] if encoding else first.body
        self.line.remember(
            question,
            status=304 if "If_None_Match" in headers else 200,
            reason="OK",
            headers={
                "X-Request-Id": "1",
                hdrs.ETAG: tag(first.etag, encoding),
                hdrs.CONTENT_LENGTH: str(len(told)),
                "Date": "now",
                "Server": "postbag",
            },
            again=Again(
                place=self.shelf,
                etag=first.etag,
                encoding=encoding,
                site=None,
                operation_id="read",
            ),
        )
        return None


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_other_bytes_are_told_with_their_own_tag_and_length(method: str) -> None:
    client = Client(Shelf(SMALL))
    assert client.ask(method) is None
    client.shelf.there = LARGE
    for _ in range(2):
        answer = client.ask(method)
        assert answer is not None
        headers, body = answer
        assert headers[hdrs.ETAG] == '"large"'
        assert headers[hdrs.CONTENT_LENGTH] == str(len(LONG))
        assert headers["Server"] == "postbag"
        assert body == (LONG if method == "GET" else b"")


def test_a_browser_gets_the_same_form_of_other_bytes() -> None:
    other = LONG[5:]
    client = Client(Shelf(LARGE))
    assert client.ask(Accept_Encoding="br") is None
    client.shelf.there = Fixed(body=other, etag='"other"', forms=compressed(other))
    answer = client.ask(Accept_Encoding="br")
    assert answer is not None
    assert answer[0][hdrs.ETAG] == '"other-br"'
    assert answer[1] == compressed(other)["br"]


@pytest.mark.parametrize(
    ("first", "then", "headers"),
    [
        (SMALL, LARGE, {"Accept_Encoding": "br"}),
        (SMALL, NOT_YET, {"Accept_Encoding": "br"}),
        (LARGE, NOT_YET, {"Accept_Encoding": "br"}),
        (SMALL, LARGE, {"If_None_Match": '"small"'}),
        (SMALL, None, {}),
    ],
)
def test_what_would_be_answered_otherwise_takes_the_ordinary_way(
    first: Fixed, then: Fixed | None, headers: dict[str, str]
) -> None:
    client = Client(Shelf(first))
    assert client.ask(**headers) is None
    assert client.ask(**headers) is not None
    client.shelf.there = then
    assert client.line.answer(client.question("GET", headers)) is None
