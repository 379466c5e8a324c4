"""An operation of the API: what may be asked, by whom, how large, and what can be answered.

The table of operations is the whole of what the service answers. Router, checks, CORS, OpenAPI
and the pages for people are all made of it, so a handler is left with one thing to do:

    class Votes:
        def __init__(self, conversation: Conversation) -> None: ...

        def operations(self) -> list[Operation]:
            return [
                Operation(
                    operation_id="vote",
                    method="PUT",
                    path="/v1/sites/{site}/comments/{comment_id}/vote",
                    summary="Vote for a comment, or take the vote back",
                    tag="Readers",
                    credential=AVisitor(required=True),
                    body=VoteIn,
                    answers={200: VotesOut},
                    problems=(UnknownComment, OwnComment),
                    cors=True,
                    handler=self.vote,
                )
            ]

        async def vote(self, call: Call) -> Reply:
            wish = call.body_as(VoteIn)
            votes = await self.conversation.vote(
                call.site, call.comment_id, call.visitor, wish.value, now=call.now
            )
            return Reply(content=VotesOut.of(votes))

A handler raises the failures of the features as they are. When it runs, everything that
`api.md` says is checked before the object itself has been checked, in that order.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Literal, TypeAlias, TypeVar
from uuid import UUID

from msgspec import Struct, field
from pydantic import BaseModel

from service.errors import Failure
from service.features.access import Visitor
from service.features.sessions import SignedInMember, actor_of_member, role_on
from service.model import Actor, ApiKey, Discreet, Role, Scope, Site
from service.web.ready import Source

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
HTML: Final = "text/html; charset=utf-8"

READER_BODY_BYTES = 32 * 1024
"""Most of a body of a reader's call (api.md)."""
DECISIONS_BODY_BYTES = 256 * 1024
"""Most of a body of decisions (api.md)."""
MANAGEMENT_BODY_BYTES = 1024 * 1024
"""Most of a body of rules, settings and articles (api.md)."""

JSON_DEPTH_MAX = 8
"""How deep arrays and objects of a body may be nested (protocol.md 3.1)."""
TARGET_MAX_CHARS = 4_096
"""Of path and query together (protocol.md 3.1)."""
LONG_TARGET_MAX_CHARS = 48 * 1024
"""For a query of 200 article keys."""
HANDLER_SECONDS = 5.0
"""How long a handler may take (protocol.md 3.1)."""


class Cache(StrEnum):
    """Who may keep an answer, and for how long."""

    LIVE = "public, max-age=2, stale-while-revalidate=10, stale-if-error=60"
    """Threads, single comments, a single count."""
    COUNTS = "public, max-age=30, stale-while-revalidate=300, stale-if-error=600"
    """Batched counts."""
    ASSET = "public, max-age=31536000, immutable"
    """Files whose path names their content."""
    REVALIDATE = "public, no-cache"
    """May be kept, and asked about each time."""
    PRIVATE = "private, no-store"
    """What belongs to whoever presented a credential."""
    NEVER = "no-store"


class Anyone(Struct, frozen=True):
    """No credential is asked for, and none is read: `Authorization` changes nothing."""


class AVisitor(Struct, frozen=True, kw_only=True):
    """A receipt, a reader's token or a back end's key may be presented; a wrong one is 401.

    Only with a `{site}` in the path: that is whom a receipt or token is good for.
    """

    required: bool = False
    """Without any it is 401."""
    key_scope: Scope | None = None
    """What a key needs to be able to do to stand here; None: keys are refused (403)."""


class AKey(Struct, frozen=True, kw_only=True):
    """A back end's key with this scope is needed."""

    scope: Scope


class AModerator(AKey, frozen=True, kw_only=True):
    """A key with this scope, or a session of a member with this role.

    Where the operation names a site, the role is the one there, and a site on which the member
    has none does not exist. Where it names none, all sites count on which they have this role.
    """

    role: Role
    fresh: bool = False
    """A session needs a proof from the last ten minutes."""


class AMember(Struct, frozen=True, kw_only=True):
    """A session of a member; of any role, unless one is named and the operation names a site."""

    role: Role | None = None
    required: bool = True
    """False, for pages: without a good session nobody in particular asks."""
    fresh: bool = False
    """It needs a proof from the last ten minutes."""


Credential: TypeAlias = Anyone | AVisitor | AKey | AMember

Answer: TypeAlias = type[BaseModel] | str | None
"""The wire model of an answer, the media type of one that is no JSON, or None: it is empty."""


Model = TypeVar("Model", bound=BaseModel)


class Call(Discreet, frozen=True, kw_only=True):
    """A request after all checks but those of the object itself."""

    unshown = frozenset({"network", "token", "raw", "headers"})

    operation: Operation
    now: datetime
    request_id: str
    network: str
    """Where it comes from: an IPv4 address, or the /64 of an IPv6 one. Never logged, never
    stored: only keyed hashes of it are."""
    found_site: Site | None = None
    visitor: Visitor | None = None
    """Who presented a credential; None where none was, or none is looked at."""
    found_key: ApiKey | None = None
    found_member: SignedInMember | None = None
    """Who is signed in; None where no session is looked at, or a key was presented."""
    sites: tuple[Site, ...] = ()
    """Where whoever asks may do this: the site that is named, that of the key, or all on which
    the member has the role."""
    token: str | None = None
    """The session's own, where there is one."""
    path: Mapping[str, str] = field(default_factory=dict)
    """The path's other values, decoded and checked against their grammar."""
    query: BaseModel | None = None
    body: BaseModel | None = None
    """None where the operation takes none, or takes it or leaves it and none was sent."""
    raw: bytes = b""
    """The body as it came, for whoever signed it."""
    origin: str | None = None
    """The page's origin, allowed by the site (or the service's own)."""
    idempotency_key: str | None = None
    """Checked against its grammar; None when the client sent none."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """For the rare operation that asks for one more (`Last-Event-ID`). Case does not matter."""

    @property
    def site(self) -> Site:
        """The site of the path, of the query or the body, or else of the key."""
        assert self.found_site is not None, "This operation names no site."
        return self.found_site

    @property
    def key(self) -> ApiKey:
        """The back end's key, which has the scope that the operation asks for."""
        assert self.found_key is not None, "This operation asks for no key."
        return self.found_key

    @property
    def member(self) -> SignedInMember:
        """Who is signed in."""
        assert self.found_member is not None, "This operation asks for no session."
        return self.found_member

    @property
    def actor(self) -> Actor:
        """Who decides: the key or the member that the operation asks for."""
        if self.found_key is None:
            return actor_of_member(self.member, self.sites)
        key = self.found_key
        return Actor(kind="key", actor_id=key.key_id, name=key.name or key.key_id)

    def sees_escalated(self, site: Site) -> bool:
        """Tell whether whoever asks may see what was escalated on a site: keys and seniors."""
        return self.found_key is not None or role_on(self.member, site).includes(Role.SENIOR)

    @property
    def article(self) -> str:
        """The article's key of the path, 1 to 200 printable characters."""
        return self.path["article"]

    @property
    def comment_id(self) -> UUID:
        """The comment's id of the path."""
        return UUID(self.path["comment_id"])

    def query_as(self, model: type[Model]) -> Model:
        """Return the query as the model the operation names."""
        assert isinstance(self.query, model)
        return self.query

    def body_as(self, model: type[Model]) -> Model:
        """Return the body as the model the operation names."""
        assert isinstance(self.body, model)
        return self.body


class Reply(Struct, frozen=True, kw_only=True):
    """What a handler answers. At most one of content, ready and stream."""

    status: int = 200
    content: BaseModel | Any = None
    """A wire model, or what JSON can say; None: no body."""
    ready: bytes | None = None
    """The body as it goes out, of `media_type`."""
    stream: AsyncGenerator[bytes, None] | None = None
    """The body piece by piece; closed when the client is gone."""
    media_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    cache: Cache | None = None
    """None: `LIVE` for a public operation's 200, else `NEVER`."""
    etag: str | None = None
    """Strong, with its quotes; None: made of the body where the answer may be kept."""
    source: Source | None = None
    """Of a public read whose bytes are kept ready: it has the body and its tag."""


Handler: TypeAlias = Callable[[Call], Awaitable[Reply]]


class Operation(Struct, frozen=True, kw_only=True):
    """One thing the service can be asked, as `api.md` describes it."""

    operation_id: str
    """Stable, snake_case: names it in OpenAPI, in logs and in metrics."""
    method: Method
    """HEAD is answered wherever GET is."""
    path: str
    """Literal segments and `{name}` segments; the names' grammar is in `paths.py`."""
    summary: str
    """What it does, for people, without a full stop."""
    tag: str
    """The chapter of the documentation it stands in."""
    handler: Handler
    credential: Credential = Anyone()
    description: str = ""
    """What else a caller must know, Markdown-free sentences."""
    body: type[BaseModel] | None = None
    body_optional: bool = False
    """True: an empty body is none, not a malformed one."""
    body_media: Literal["application/json", "application/x-www-form-urlencoded"] = JSON
    body_limit: int = READER_BODY_BYTES
    """Bytes."""
    body_depth: int = JSON_DEPTH_MAX
    query: type[BaseModel] | None = None
    """Strings are converted; a list's parameter may be repeated. None: none may be sent
    (a hidden operation ignores what is sent)."""
    target_limit: int = TARGET_MAX_CHARS
    """Characters of path and query together."""
    answers: Mapping[int, Answer] = field(default_factory=lambda: {200: None})
    problems: tuple[type[Failure], ...] = ()
    """Failures of the features that it may answer; those of the ground are added by themselves."""
    public: bool = False
    """A GET that anybody may keep: ETag, 304, `Cache-Control: public`."""
    own_pages: bool = False
    """Of browsers only the service's own pages may call it; for sessions that always holds."""
    cors: bool = False
    """Called by the site's pages: their origins are allowed; others may not write."""
    takes_idempotency_key: bool = False
    site_in_query: bool = False
    """The site is named by `?site=` (without it, it is the key's)."""
    site_in_body: bool = False
    """The site is named by the body's field `site`."""
    seconds: float = HANDLER_SECONDS
    """How long the handler may take."""
    any_host: bool = False
    """Answers under any `Host`, even when one is enforced: a balancer asks by address."""
    hidden: bool = False
    """Not in OpenAPI: pages and files, not the API."""

    @property
    def site_in_path(self) -> bool:
        """Whether the path names the site."""
        return "{site}" in self.path.split("/")

    @property
    def writes(self) -> bool:
        """Whether it may change something."""
        return self.method != "GET"
