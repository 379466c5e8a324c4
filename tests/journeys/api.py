"""The API as its clients see it: requests over a socket, and what they were answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import aiohttp
from multidict import CIMultiDictProxy
from yarl import URL

REQUEST_SECONDS = 10.0
"""Longer than any of the service's own deadlines: running into it is a finding."""

Failed = (aiohttp.ClientError, OSError, TimeoutError)
"""What a request ends in when the service dies under it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer, read to its end."""

    status: int
    headers: CIMultiDictProxy[str]
    raw: bytes
    json: Any
    """None when it is no JSON."""

    def expect(self, status: int) -> Any:
        """Return the JSON of an answer that has to have this status."""
        assert self.status == status, (self.status, self.raw[:600])
        return self.json

    def refused(self, status: int) -> str:
        """Return the code of a problem document that has to have this status."""
        written = self.expect(status)
        assert self.headers["Content-Type"].startswith("application/problem+json")
        assert written["status"] == status
        assert written["request_id"] == self.headers["X-Request-Id"]
        code: str = written["code"]
        return code


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """A service at an address."""

    session: aiohttp.ClientSession
    base_url: str

    async def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask once; `path` is percent-encoded already."""
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        async with self.session.request(
            method,
            URL(f"{self.base_url}{path}", encoded=True),
            json=body,
            headers=sent,
            timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS),
        ) as response:
            raw = await response.read()
            is_json = "json" in response.headers.get("Content-Type", "")
            return Answer(
                status=response.status,
                headers=response.headers,
                raw=raw,
                json=await response.json(content_type=None) if is_json and raw else None,
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What somebody holds who has posted a comment."""

    id: str
    receipt: str | None
    status: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A news site: its readers, its moderators, its back end."""

    api: Api
    slug: str
    keys: Mapping[str, str] = field(repr=False)
    """Scope -> a key that has it and no other; `second` moderates too."""

    # Readers

    async def send(
        self,
        text: str = "A comment.",
        *,
        article: str = "story-1",
        name: str | None = "Leila",
        parent: str | None = None,
        token: str | None = None,
        key: str | None = None,
        **more: Any,
    ) -> Answer:
        """Send a comment and return whatever is answered."""
        body: dict[str, Any] = {"body": text, **more}
        if name is not None:
            body["author"] = {"name": name}
        if parent is not None:
            body["parent_id"] = parent
        headers = {"Idempotency-Key": key} if key is not None else None
        path = f"{self.article(article)}/comments"
        return await self.api("POST", path, body, token=token, headers=headers)

    async def post(self, text: str = "A comment.", *, status: int = 202, **said: Any) -> Posted:
        """Post a comment, which has to be accepted."""
        written = (await self.send(text, **{"key": str(uuid4()), **said})).expect(status)
        comment = written["comment"]
        return Posted(
            id=comment["id"],
            receipt=written["receipt"],
            status=comment["status"],
            text=comment["text"],
        )

    async def thread(self, article: str = "story-1", query: str = "") -> dict[str, Any]:
        """Read a page of a thread."""
        answer = await self.api("GET", f"{self.article(article)}/comments{query}")
        page: dict[str, Any] = answer.expect(200)
        return page

    async def ids_in_thread(self, article: str = "story-1") -> set[str]:
        """Return the ids of a short thread's comments, replies included."""
        page = await self.thread(article, "?limit=100")
        assert page["next"] is None
        return {comment["id"] for comment in _nested(page["comments"])}

    async def count(self, article: str = "story-1") -> int:
        """Read an article's count."""
        counted: int = (await self.api("GET", f"{self.article(article)}/count")).expect(200)[
            "count"
        ]
        return counted

    async def comment(self, comment_id: str, *, token: str | None = None) -> Answer:
        """Read one comment."""
        return await self.api("GET", f"{self.path}/comments/{comment_id}", token=token)

    # Moderators

    async def queue(self, query: str = "") -> dict[str, Any]:
        """Look at what waits."""
        path = f"/v1/moderation/queue?site={self.slug}{query}"
        page: dict[str, Any] = (await self.api("GET", path, token=self.keys["moderate"])).expect(
            200
        )
        return page

    async def claim(self, limit: int = 1, *, by: str = "moderate") -> list[dict[str, Any]]:
        """Lease the next waiting comments."""
        wish = {"site": self.slug, "lane": "held", "limit": limit}
        answer = await self.api("POST", "/v1/moderation/claims", wish, token=self.keys[by])
        items: list[dict[str, Any]] = answer.expect(200)["items"]
        return items

    async def send_decisions(
        self, decisions: Sequence[Mapping[str, Any]], *, by: str = "moderate"
    ) -> Answer:
        """Send decisions as they are and return whatever is answered."""
        return await self.api(
            "POST", "/v1/moderation/decisions", {"decisions": decisions}, token=self.keys[by]
        )

    async def decide(
        self, action: str, *comments: Posted | str, by: str = "moderate", **more: Any
    ) -> list[dict[str, Any]]:
        """Decide comments in one request; a reason is given where one is needed."""
        wishes = [wish(action, _id(comment), **more) for comment in comments]
        answer = await self.send_decisions(wishes, by=by)
        results: list[dict[str, Any]] = answer.expect(200)["results"]
        return results

    async def approve(self, *comments: Posted | str) -> list[dict[str, Any]]:
        """Approve comments, which has to work."""
        results = await self.decide("approve", *comments)
        assert {result["outcome"] for result in results} == {"applied"}, results
        return results

    async def reverse(self, decision_id: str, body: Any = None) -> Answer:
        """Undo a decision."""
        path = f"/v1/moderation/decisions/{decision_id}/reverse"
        # A body is optional, but `application/json` without one is not what browsers send.
        return await self.api("POST", path, body or {}, token=self.keys["moderate"])

    # Back end

    async def manage(self, method: str, path: str, body: Any = None) -> Answer:
        """Ask for something below the site with the key that may manage it."""
        return await self.api(method, f"{self.path}{path}", body, token=self.keys["manage"])

    async def describe(self, article: str, **changes: Any) -> dict[str, Any]:
        """Describe an article."""
        path = self.article(article)
        answer = await self.api("PUT", path, changes, token=self.keys["manage"])
        described: dict[str, Any] = answer.expect(200)
        return described

    @property
    def path(self) -> str:
        """Where everything of this site is."""
        return f"/v1/sites/{self.slug}"

    def article(self, key: str) -> str:
        """Where an article is."""
        return f"{self.path}/articles/{quote(key, safe='')}"


def wish(action: str, comment_id: str, **more: Any) -> dict[str, Any]:
    """Write a decision with an id of its own; the comment as first sent is what was read."""
    needed = {"reason": "spam"} if action in {"reject", "remove"} else {}
    return {
        "comment_id": comment_id,
        "revision": 1,
        "action": action,
        "decision_id": str(uuid4()),
        **needed,
        **more,
    }


async def within(
    seconds: float, holds: Callable[[], Awaitable[bool]], *, pause: float = 0.01
) -> float:
    """Wait until something holds and return how many seconds that took.

    Raises:
        TimeoutError: it does not hold in time.
    """
    loop = asyncio.get_running_loop()
    begun = loop.time()
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110 - nobody tells a client of another machine
            await asyncio.sleep(pause)
    return loop.time() - begun


def _nested(comments: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for comment in comments for each in (comment, *_nested(comment["replies"]))]


def _id(comment: Posted | str) -> str:
    return comment if isinstance(comment, str) else comment.id
