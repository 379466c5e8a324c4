"""The short way and the ordinary one give the same answers, but for date and request id."""

from __future__ import annotations

import gc
import random
import re
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import brotli
import pytest
from aiohttp.web import StreamResponse

from service.features.cache import Entry
from service.web.ready import HARMLESS, Question, ReadyLine
from service.web.server import Connection
from tests.api.conftest import Api

SEED = 20261125
ROUNDS = 1_200
MASKED = re.compile(rb"(?m)^(Date|X-Request-Id): [^\r\n]*\r$")
NAMED = re.compile(rb'"request_id":"[^"]*"')
"""In a problem document."""
ENCODINGS = ("", "gzip", "br", "zstd", "gzip, deflate, br, zstd", "br;q=0, gzip;q=0.5", "*", "nope")
ORIGINS = ("", "https://news.example", "https://elsewhere.example")
HARMFUL = (
    ("X-Request-Id", "client-chosen-id-1"),
    ("Range", "bytes=0-10"),
    ("Expect", "100-continue"),
    ("Connection", "close"),
    ("Content-Length", "0"),
    ("X-Forwarded-For", "198.51.100.7"),
)


class Line:
    """One connection, spoken over byte by byte."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.kept = b""

    def ask(self, *pieces: bytes, head_only: bool = False) -> bytes:
        """Send pieces and return one whole answer, masked."""
        for piece in pieces:
            self.socket.sendall(piece)
        return self.answer(head_only=head_only)

    def answer(self, *, head_only: bool = False) -> bytes:
        """Return the next whole answer, masked; empty when the connection ended."""
        while b"\r\n\r\n" not in self.kept:
            if not self._more():
                return MASKED.sub(rb"\1: masked\r", self.kept)
        head, _, rest = self.kept.partition(b"\r\n\r\n")
        found = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        bare = head_only or b" 304 " in head.split(b"\r\n")[0]
        length = 0 if bare or found is None else int(found[1])
        while len(rest) < length and self._more():
            rest = self.kept.partition(b"\r\n\r\n")[2]
        self.kept = rest[length:]
        body = NAMED.sub(b"masked", rest[:length])
        return MASKED.sub(rb"\1: masked\r", head + b"\r\n\r\n") + body

    def _more(self) -> bool:
        data = self.socket.recv(65_536)
        self.kept += data
        return bool(data)


@contextmanager
def line(api: Api) -> Iterator[Line]:
    opened = Line(api.caller.port)
    with closing(opened.socket):
        yield opened


@pytest.fixture(scope="module")
def thread(api: Api) -> list[str]:
    """Targets of a thread that is worth compressing, of its counts, and of what there is not."""
    for number in range(6):
        api.approved("busy", f"Number {number}. " + "The ferry is late again. " * 40)
    base = f"/v1/sites/{api.site.slug}"
    keys = "&".join(f"article=story-{number}" for number in range(50))
    return [
        f"{base}/articles/busy/comments",
        f"{base}/articles/busy/comments?sort=newest",
        f"{base}/articles/busy/count",
        f"{base}/counts?{keys}",
        "/embed/v1.js",
        "/embed/count.js",
        f"{base}/articles/busy/comments?limit=0",
        f"{base}/articles/nobody/comments",
        f"{base}/nothing-here",
    ]


@contextmanager
def the_ordinary_way(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(ReadyLine, "answer", lambda *_: None)
        yield


def heads(targets: list[str], chance: random.Random) -> Iterator[tuple[bytes, bool]]:
    """Make requests of every kind by chance, and whether each is a HEAD."""
    etags = ["", '"nope"', "*", 'W/"x", "y"']
    for _ in range(ROUNDS):
        method = chance.choice(["GET"] * 8 + ["HEAD", "HEAD", "OPTIONS", "DELETE"])
        lines = [f"{method} {chance.choice(targets)} HTTP/1.1", "Host: localhost"]
        if origin := chance.choice(ORIGINS):
            lines.append(f"Origin: {origin}")
        if accepted := chance.choice(ENCODINGS):
            lines.append(f"{chance.choice(['Accept-Encoding', 'accept-encoding'])}: {accepted}")
        if etag := chance.choice(etags):
            lines.append(f"If-None-Match: {etag}")
        for name in chance.sample(sorted(HARMLESS), chance.randrange(4)):
            value = (
                "Bearer no" if name == b"authorization" else chance.choice(["1", "en-GB", "a=b"])
            )
            lines.append(f"{name.decode().title()}: {value}")
        if chance.random() < 0.1:
            lines.append(": ".join(chance.choice(HARMFUL)))
        if chance.random() < 0.05:
            lines.append("Referer: https://news.example/é".encode().decode("latin-1"))
        yield ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"), method == "HEAD"


@pytest.fixture
def short_answers(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What went out the short way, as it goes."""
    gone: list[bytes] = []
    answer = ReadyLine.answer

    def heard(self: ReadyLine, question: Question) -> tuple[bytes, bytes] | None:
        found = answer(self, question)
        if found is not None:
            gone.append(b"".join(found))
        return found

    monkeypatch.setattr(ReadyLine, "answer", heard)
    return gone


def both_ways(
    api: Api, head: bytes, monkeypatch: pytest.MonkeyPatch, *, head_only: bool
) -> tuple[bytes, bytes]:
    """Ask until the answer may come the short way; then ask for it the ordinary way."""
    with line(api) as one:
        for _ in range(2):
            short = one.ask(head, head_only=head_only)
            if not short or b"\r\nConnection: close" in short:
                break
    with the_ordinary_way(monkeypatch), line(api) as other:
        return short, other.ask(head, head_only=head_only)


@pytest.mark.long
def test_both_ways_give_the_same_answers(
    api: Api, thread: list[str], monkeypatch: pytest.MonkeyPatch, short_answers: list[bytes]
) -> None:
    for head, head_only in heads(thread, random.Random(SEED)):  # noqa: S311 - no secret
        short, ordinary = both_ways(api, head, monkeypatch, head_only=head_only)
        if short != ordinary:  # a page was built anew in between
            short, ordinary = both_ways(api, head, monkeypatch, head_only=head_only)
        assert short == ordinary, head
    assert len(short_answers) > ROUNDS // 4


def test_a_browser_gets_the_compressed_form_the_short_way(
    api: Api, thread: list[str], short_answers: list[bytes]
) -> None:
    head = f"GET {thread[0]} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip, br\r\n\r\n"

    def is_short_and_small() -> bool:
        with line(api) as one:
            one.ask(head.encode())
        return bool(short_answers) and b"Content-Encoding: br" in short_answers[-1]

    api.eventually(is_short_and_small)
    *_, body = short_answers[-1].partition(b"\r\n\r\n")
    assert b"The ferry is late again." in brotli.decompress(body)


def test_a_comment_taken_down_is_gone_from_both_ways(api: Api, short_answers: list[bytes]) -> None:
    comment = api.approved("going", "Soon to be gone.")
    target = f"/v1/sites/{api.site.slug}/articles/going/comments"
    head = f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    with line(api) as one:
        api.eventually(lambda: b"Soon to be gone." in one.ask(head) and bool(short_answers))
        api.decide("remove", comment["id"], reason="spam")
        assert b"Soon to be gone." not in one.ask(head)


def test_an_answer_that_is_remembered_keeps_no_text_that_was_taken_down(
    api: Api, short_answers: list[bytes]
) -> None:
    comment = api.approved("erased", "Nowhere to be found.")
    target = f"/v1/sites/{api.site.slug}/articles/erased/comments"
    head = f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    with line(api) as one:
        api.eventually(lambda: b"Nowhere" in one.ask(head) and bool(short_answers))
    assert held(b"Nowhere to be found.")
    api.decide("remove", comment["id"], reason="spam")
    api.eventually(lambda: not held(b"Nowhere to be found."))


def held(text: bytes) -> bool:
    """Tell whether any answer that is kept in this process has a text."""
    return any(isinstance(each, Entry) and text in each.body for each in gc.get_objects())


def test_what_only_looks_like_a_head_is_never_answered_the_short_way(
    api: Api, thread: list[str], short_answers: list[bytes]
) -> None:
    read = f"GET {thread[2]} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    with line(api) as one:
        api.eventually(lambda: bool(one.ask(read)) and bool(short_answers))
    short_answers.clear()
    post = (
        f"POST /v1/sites/{api.site.slug}/articles/busy/comments HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(read)}\r\n\r\n"
    ).encode()
    with line(api) as one:
        assert b"HTTP/1.1 2" not in one.ask(post, read)[:12]  # its body is no JSON
    with line(api) as one:
        one.ask(read + read[:20])
        one.socket.sendall(read[20:])
        one.answer()
        one.ask(read)  # nobody can tell any more where a head begins
    with line(api) as one:
        one.socket.sendall(read + read)
        assert one.answer() == one.answer()
        one.ask(read)
    with line(api) as one:
        one.ask(read.replace(b"\r\nHost", b"\nHost"))
    assert not short_answers


def test_after_a_body_that_was_told_in_length_the_short_way_is_open_again(
    api: Api, thread: list[str], short_answers: list[bytes]
) -> None:
    read = f"GET {thread[2]} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    body = b'{"nothing": 1}'
    post = (
        f"POST /v1/sites/{api.site.slug}/articles/busy/comments HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    with line(api) as one:
        one.ask(read)
        assert b"422" in one.ask(post + body)[:16]
        short_answers.clear()
        api.eventually(lambda: bool(one.ask(read)) and bool(short_answers))


def test_a_client_quicker_than_the_loop_is_answered_the_short_way_as_well(
    api: Api, thread: list[str], short_answers: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    read, nothing = (
        f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        for target in (thread[2], thread[-1])
    )
    with line(api) as one:
        api.eventually(lambda: bool(one.ask(read)) and bool(short_answers))
        expected = one.ask(read)
    finish = Connection.finish_response

    async def finish_and_hear(self: Connection, *about: Any) -> tuple[StreamResponse, bool]:
        finished = await finish(self, *about)
        if not short_answers:
            self.data_received(read)
        return finished

    monkeypatch.setattr(Connection, "finish_response", finish_and_hear)
    with line(api) as one:
        short_answers.clear()
        assert b"404" in one.ask(nothing)[:16]
        assert one.answer() == expected
        assert len(short_answers) == 1
        assert b"404" in one.ask(nothing)[:16]
