"""Answers that are ready: the same bytes again, for the price of finding them.

The gate says of an answer where its bytes came from. While that source still has the same ones,
whoever asks in the same words gets the same answer, but for its date and its request id, before
aiohttp makes any object of their request (performance.md: 4 µs instead of 100). What counts as
the same words is said in `HARMLESS`; every other request takes the ordinary way.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from http import HTTPStatus
from typing import Final, NamedTuple, Protocol

from aiohttp import hdrs
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.web import ResponseKey
from msgspec import Struct, field
from msgspec.structs import replace
from uuid_utils import uuid7

from service.features.cache import Cache, Entry
from service.features.sites import SiteDirectory
from service.model import Site
from service.web import encodings
from service.web.draining import Draining

HEAD_MAX_BYTES = 4_096
"""Of a request that is looked at here; a longer one takes the ordinary way."""
HEADERS_MAX = 40
KNOWN_MAX = 2_048
"""Answers remembered, without their bodies: about 1.5 kB each."""
HEADS_MAX = 1_024
"""Heads remembered as they were sent; none that says who asks."""

TELLING: Final = frozenset({b"host", b"origin", b"accept-encoding", b"if-none-match"})
"""Headers on which an answer depends."""
HARMLESS: Final = frozenset(
    {
        *(b"accept", b"accept-language", b"user-agent", b"referer", b"dnt", b"priority"),
        *(b"cache-control", b"pragma", b"save-data", b"upgrade-insecure-requests"),
        *(b"sec-fetch-dest", b"sec-fetch-mode", b"sec-fetch-site", b"sec-fetch-user"),
        *(b"sec-ch-ua", b"sec-ch-ua-mobile", b"sec-ch-ua-platform", b"sec-gpc", b"via"),
        *(b"authorization", b"cookie"),
    }
)
"""Headers that change nothing in what a public read answers."""
PRIVATE: Final = frozenset({b"authorization", b"cookie"})
"""Of those, the ones that say who asks: they are not kept."""
FORWARDED: Final = frozenset({b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host"})
"""Headers of a proxy; harmless from one that we trust."""

_LINE = re.compile(rb"(GET|HEAD) (/[!-~]{0,2048}) HTTP/1\.1\r\n", re.DOTALL)
_FIELD = re.compile(rb"([A-Za-z0-9-]{1,40}):[ \t]*((?:[!-~](?:[\x20-\x7e\t]*[!-~])?)?)[ \t]*\Z")


class Representation(Protocol):
    """A body in all its forms."""

    @property
    def body(self) -> bytes:
        """As it is."""

    @property
    def etag(self) -> str:
        """Strong, with its quotes."""

    @property
    def forms(self) -> Mapping[str, bytes]:
        """Compressed, by the name of the encoding."""


class Place(Protocol):
    """Where bytes are found again. It holds none: what the cache drops is gone."""

    def current(self) -> Representation | None:
        """Return what a handler would answer now; None when only it can tell."""


class Source(Protocol):
    """Where a reply's bytes came from."""

    @property
    def entry(self) -> Representation:
        """What the handler answered."""

    @property
    def place(self) -> Place:
        """Where they are found again."""

    def wanted(self) -> None:
        """Hear that somebody would have liked it compressed."""


class Cached(Struct, frozen=True, kw_only=True):
    """A place in the cache."""

    cache: Cache
    key: Hashable

    def current(self) -> Entry | None:
        """Return what the cache has now, while it is fresh."""
        return self.cache.current(self.key)


class Kept(Struct, frozen=True, kw_only=True):
    """Bytes of the cache."""

    cache: Cache
    key: Hashable
    entry: Entry

    @property
    def place(self) -> Cached:
        """Where the cache has them."""
        return Cached(cache=self.cache, key=self.key)

    def wanted(self) -> None:
        """Have it compressed for whoever asks next."""
        self.cache.compress(self.key, self.entry)


class Fixed(Struct, frozen=True, kw_only=True):
    """Bytes that are the same until the service ends."""

    body: bytes
    etag: str
    forms: Mapping[str, bytes]

    @property
    def entry(self) -> Fixed:
        """Itself."""
        return self

    @property
    def place(self) -> Fixed:
        """Itself."""
        return self

    def current(self) -> Fixed:
        """Return itself."""
        return self

    def wanted(self) -> None:
        """Do nothing: all its forms are there."""


class Question(NamedTuple):
    """All of a request that its answer depends on."""

    method: bytes
    target: bytes
    host: bytes
    origin: bytes | None
    accept_encoding: bytes | None
    if_none_match: bytes | None


class Again(Struct, frozen=True, kw_only=True):
    """When an answer that is given now may be given again."""

    place: Place
    etag: str
    """Of the representation, before it was encoded."""
    encoding: str
    site: Site | None
    operation_id: str


AGAIN = ResponseKey("again", Again)
"""Under this key a response says when it may be given again."""


class _Dated(Struct):
    """What stands behind the request id of an answer, with the date it was last given on."""

    date: str = ""
    rest: bytes = b""


class _Answer(NamedTuple):
    again: Again
    status: int
    has_body: bool
    before_id: bytes
    before_date: bytes
    after_date: bytes
    dated: _Dated


class ReadyLine(Struct, kw_only=True):
    """The short way of one server."""

    sites: SiteDirectory | None
    draining: Draining
    answered: dict[tuple[str, int], int] = field(default_factory=dict)
    """How many of each operation and status since they were last counted."""
    _answers: OrderedDict[Question, _Answer] = field(default_factory=OrderedDict)
    _heads: dict[bytes, Question] = field(default_factory=dict)

    def read(self, data: bytes, *, trusted: bool) -> Question | None:
        """Return what a whole head without a body asks; None: it takes the ordinary way.

        `trusted`: it came from a proxy of ours.
        """
        known = self._heads.get(data)
        if known is not None:
            return known
        if not data.endswith(b"\r\n\r\n") or len(data) > HEAD_MAX_BYTES:
            return None
        line = _LINE.match(data)
        if line is None:
            return None
        told, is_private = self._fields(data[line.end() : -4], trusted=trusted)
        if told is None or b"host" not in told:
            return None
        question = Question(
            method=line[1],
            target=line[2],
            host=told[b"host"],
            origin=told.get(b"origin"),
            accept_encoding=told.get(b"accept-encoding"),
            if_none_match=told.get(b"if-none-match"),
        )
        if not is_private and not trusted:
            if len(self._heads) >= HEADS_MAX:
                self._heads.clear()
            self._heads[data] = question
        return question

    def answer(self, question: Question) -> tuple[bytes, bytes] | None:
        """Return head and body, if it is the answer that was given before."""
        known = self._answers.get(question)
        if known is None or self.draining.begun:
            return None
        again = known.again
        if again.site is not None and not self._is_current(again.site):
            return None
        current = again.place.current()
        if current is None:
            return None
        if current.etag != again.etag:
            renewed = self._renewed(question, known, current)
            if renewed is None:
                return None
            known = renewed
        body = b""
        if known.has_body:
            form = current.forms.get(again.encoding) if again.encoding else current.body
            if form is None:
                return None
            body = form
        key = again.operation_id, known.status
        self.answered[key] = self.answered.get(key, 0) + 1
        head = b"".join((known.before_id, str(uuid7()).encode(), self._after_id(known)))
        return head, body

    def _renewed(
        self, question: Question, known: _Answer, current: Representation
    ) -> _Answer | None:
        """Return the answer with what has taken its bytes' place since; keep it for who asks next.

        None: the ordinary way would answer otherwise, or compress it first.
        """
        encoding, accepted = known.again.encoding, question.accept_encoding
        wish = accepted.decode() if accepted is not None else None
        if question.if_none_match is not None or known.status != HTTPStatus.OK:
            return None
        if encodings.chosen(wish, current.forms) != encoding:
            return None
        if not current.forms and encodings.would_choose(wish, current.body):
            return None
        length = len(current.forms[encoding] if encoding else current.body)
        about = {
            b"etag": encodings.tag(current.etag, encoding).encode(),
            b"content-length": b"%d" % length,
        }
        renewed = known._replace(
            again=replace(known.again, etag=current.etag),
            before_id=_said_anew(known.before_id, about),
            before_date=_said_anew(known.before_date, about),
            after_date=_said_anew(known.after_date, about),
            dated=_Dated(),
        )
        self._answers[question] = renewed
        return renewed

    def _after_id(self, known: _Answer) -> bytes:
        """Return the rest of a head; it is the same for a second."""
        date = rfc822_formatted_time()
        dated = known.dated
        if dated.date is not date:
            dated.date = date
            dated.rest = known.before_date + date.encode() + known.after_date
        return dated.rest

    def remember(
        self,
        question: Question,
        *,
        status: int,
        reason: str,
        headers: Mapping[str, str],
        again: Again,
    ) -> None:
        """Keep the head of an answer that was given the ordinary way."""
        if hdrs.CONNECTION in headers or headers.get("Set-Cookie") is not None:
            return
        lines = [
            f"HTTP/1.1 {status} {reason}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode()
        before_id, _, rest = head.partition(b"X-Request-Id: ")
        _, _, rest = rest.partition(b"\r\n")
        before_date, _, rest = rest.partition(b"Date: ")
        _, _, after_date = rest.partition(b"\r\n")
        self._answers[question] = _Answer(
            again=again,
            status=status,
            has_body=status == HTTPStatus.OK and question.method == b"GET",
            before_id=before_id + b"X-Request-Id: ",
            before_date=b"\r\n" + before_date + b"Date: ",
            after_date=b"\r\n" + after_date,
            dated=_Dated(),
        )
        self._answers.move_to_end(question)
        if len(self._answers) > KNOWN_MAX:
            self._answers.popitem(last=False)

    def count(self, heard: Callable[[str, int, int], None]) -> None:
        """Tell how often each operation was answered with each status, and begin anew."""
        answered, self.answered = self.answered, {}
        for (operation_id, status), times in answered.items():
            heard(operation_id, status, times)

    def _is_current(self, site: Site) -> bool:
        assert self.sites is not None
        now = self.sites.ready(site.slug)
        return now is site or (
            now is not None
            and now.site_id == site.site_id
            and now.settings_version == site.settings_version
        )

    def _fields(self, block: bytes, *, trusted: bool) -> tuple[dict[bytes, bytes] | None, bool]:
        """Return the headers that tell something, and whether one says who asks."""
        lines = block.split(b"\r\n")
        told: dict[bytes, bytes] = {}
        seen = set()
        for line in lines[:HEADERS_MAX]:
            found = _FIELD.match(line)
            if found is None:
                return None, False
            name = found[1].lower()
            if name in seen:
                return None, False
            seen.add(name)
            if name in TELLING:
                told[name] = found[2]
            elif name == b"connection":
                if found[2].lower() != b"keep-alive":
                    return None, False
            elif name not in HARMLESS and not (trusted and name in FORWARDED):
                return None, False
        return (told if len(lines) <= HEADERS_MAX else None), not PRIVATE.isdisjoint(seen)


def _said_anew(lines: bytes, about: Mapping[bytes, bytes]) -> bytes:
    """Return lines of a head with other values for headers, named in small letters."""
    said = []
    for line in lines.split(b"\r\n"):
        name, colon, _ = line.partition(b": ")
        value = about.get(name.lower())
        said.append(line if value is None else name + colon + value)
    return b"\r\n".join(said)
