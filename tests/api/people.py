"""Readers of a site as the service meets them: guests with receipts, readers with tokens."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import jwt
import orjson

from service.model import Site
from service.wiring.ground import clock
from tests.api.calls import Answer, segment
from tests.api.conftest import Api

ISSUER = "https://daily.example"
TOKEN_KEY = "what only the site and the service know"
SOON_SECONDS = 3.0
"""Within which an open page is told (api.md)."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a receipt or a token, on one site."""

    api: Api
    site: Site
    bearer: str
    sender: str | None = None
    """The address they come from, told by a proxy."""

    def ask(self, method: str, path: str, **said: Any) -> Answer:
        """Ask for something below the site."""
        headers = {"X-Forwarded-For": self.sender} if self.sender else {}
        target = f"/v1/sites/{self.site.slug}{path}"
        return self.api.ask(method, target, bearer=self.bearer, headers=headers, **said)

    def posts(self, article: str, body: str = "A comment.", **said: Any) -> dict[str, Any]:
        """Post a comment as the person this is."""
        answer = self.api.post(article, body, site=self.site, bearer=self.bearer, **said)
        assert answer.status in {201, 202}, answer.raw
        comment: dict[str, Any] = answer.json["comment"]
        return comment

    def me(self, article: str) -> dict[str, Any]:
        """Read one's own under an article."""
        answer = self.ask("GET", f"/articles/{segment(article)}/me")
        assert answer.status == 200, answer.raw
        own: dict[str, Any] = answer.json
        return own

    def edits(self, comment_id: str, body: str, revision: int = 1) -> Answer:
        json = {"body": body, "revision": revision}
        return self.ask("PATCH", f"/comments/{comment_id}", json=json)

    def deletes(self, comment_id: str) -> Answer:
        return self.ask("DELETE", f"/comments/{comment_id}")

    def sees(self, comment_id: str) -> Answer:
        return self.ask("GET", f"/comments/{comment_id}")

    def votes(self, comment_id: str, value: Any = 1) -> Answer:
        return self.ask("PUT", f"/comments/{comment_id}/vote", json={"value": value})

    def reports(self, comment_id: str, reason: str = "spam", **said: Any) -> Answer:
        return self.ask("POST", f"/comments/{comment_id}/reports", json={"reason": reason, **said})

    def appeals(self, comment_id: str, text: str = "Please look again.") -> Answer:
        return self.ask("POST", f"/comments/{comment_id}/appeal", json={"text": text})


def a_guest(api: Api, site: Site | None = None, *, sender: str | None = None) -> Person:
    """Somebody who wrote nothing yet."""
    home = site or api.site
    return Person(api, home, api.receipt_of(home, uuid4()), sender)


def a_reader(
    api: Api, site: Site | None = None, *, subject: str | None = None, sender: str | None = None
) -> Person:
    """Somebody whom their site has signed in; the same subject is the same person."""
    home = site or api.site
    now = int(clock().timestamp())
    claims = {
        "iss": ISSUER,
        "sub": subject or str(uuid4()),
        "aud": home.slug,
        "iat": now,
        "exp": now + 600,
        "name": "Leila",
    }
    token = jwt.encode(claims, TOKEN_KEY, algorithm="HS256", headers={"kid": "readers"})
    return Person(api, home, token, sender)


def trust_tokens(api: Api, site: Site) -> None:
    """Let a site mint tokens for its readers."""
    json = {"kid": "readers", "issuer": ISSUER, "algorithm": "HS256", "key": TOKEN_KEY}
    answer = api.ask(
        "POST", f"/v1/sites/{site.slug}/token-keys", json=json, bearer=api.new_key(site)
    )
    assert answer.status == 201, answer.raw


def ban(api: Api, site: Site, comment_id: str) -> None:
    """Ban the author of a comment; the newsroom's own way there is another part's."""
    api.aside.run(
        api.service.ground.pool.execute(
            "INSERT INTO readers (site_id, author_id, kind, banned_until)"
            " SELECT site_id, (payload -> 'author' ->> 'id')::uuid, 'guest', 'infinity'"
            " FROM intake_journal WHERE site_id = $1 AND comment_id = $2::text::uuid",
            site.site_id,
            comment_id,
        )
    )


@dataclass(frozen=True, slots=True)
class Told:
    """An event as a browser hears it."""

    event_id: str | None
    kind: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """An open page under an article."""

    answer: http.client.HTTPResponse

    def line(self) -> str:
        """Read the next line; "" at the end."""
        return self.answer.readline().decode()

    def hear(self) -> Told:
        """Read the next event, or fail when none comes soon."""
        fields: dict[str, str] = {}
        while True:
            line = self.line()
            if not line:
                return Told(None, "end", {})
            name, _, value = line.rstrip("\n").partition(": ")
            if name in {"id", "event", "data"}:
                fields[name] = value
            elif not line.strip() and "event" in fields:
                return Told(fields.get("id"), fields["event"], orjson.loads(fields["data"]))

    def hear_of(self, comment_id: str) -> Told:
        """Read on until something is told of a comment."""
        while (told := self.hear()).data.get("id") != comment_id:
            assert told.kind != "end", "the stream has ended"
        return told


@contextmanager
def open_page(
    api: Api,
    article: str,
    *,
    site: Site | None = None,
    after: str | None = None,
    sender: str | None = None,
    status: int = 200,
) -> Iterator[Page]:
    """Open the stream of an article on a connection of its own."""
    said = {"Last-Event-ID": after, "X-Forwarded-For": sender, "Origin": ISSUER}
    line = http.client.HTTPConnection("127.0.0.1", api.caller.port, timeout=SOON_SECONDS)
    path = f"/v1/sites/{(site or api.site).slug}/articles/{segment(article)}/events"
    try:
        line.request("GET", path, headers={name: each for name, each in said.items() if each})
        with line.getresponse() as answer:  # the connection of a stream is its own
            assert answer.status == status, answer.read()
            yield Page(answer)
    finally:
        line.close()
