"""The one way in: every request passes the same checks in the same order, then its handler.

The order is the contract's: path, method, media type and size, credential, site, right, body,
object. Every failure leaves as a problem document, every answer with the same headers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog
from aiohttp import HttpVersion10, HttpVersion11, hdrs
from aiohttp.web import BaseRequest, StreamResponse
from msgspec import Struct, field
from msgspec.structs import replace
from multidict import istr

from service.errors import Failure, NotFound
from service.telemetry import begin_request
from service.web import cors
from service.web.addresses import Addresses, NotesForwarders, network_of_peer
from service.web.admission import Admission
from service.web.answers import REQUEST_ID, Answers, Circumstances
from service.web.asked import Asked, public_hosts
from service.web.asking import Asker, Doorkeeper
from service.web.bodies import Bodies
from service.web.hourglass import Hourglass
from service.web.ledger import Ledger
from service.web.operation import Call, Operation, Reply
from service.web.paths import Found, Routes, refusal
from service.web.presented import Presented
from service.web.problems import (
    BadRequest,
    Broken,
    MethodNotAllowed,
    Misdirected,
    OriginNotAllowed,
    TargetTooLong,
    TimedOut,
    problem,
)
from service.web.reading import body_of, idempotency_key_of, query_of
from service.web.ready import ReadyLine

log = structlog.get_logger(__name__)

IDEMPOTENCY_KEY = istr("Idempotency-Key")
FETCH_SITE = istr("Sec-Fetch-Site")
FETCH_DESTINATION = istr("Sec-Fetch-Dest")
TRACE = istr("traceparent")


class Gate(Struct, frozen=True, kw_only=True):
    """Answers requests; one a server."""

    routes: Routes
    now: Callable[[], datetime]
    admission: Admission
    bodies: Bodies
    answers: Answers
    ledger: Ledger
    ready: ReadyLine
    doorkeeper: Doorkeeper | None = None
    """None where no operation has a site or asks for a credential."""
    addresses: Addresses = field(default_factory=Addresses)
    forwarders: NotesForwarders | None = None
    public_url: str | None = None
    """When set, no other `Host` is answered."""
    _hourglasses: dict[float, Hourglass] = field(default_factory=dict)
    """By the seconds that operations may take: a handful."""

    async def __call__(self, request: BaseRequest) -> StreamResponse:
        """Answer one request; never raises a failure."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        headers = request.headers
        request_id = begin_request(headers.get(REQUEST_ID), headers.get(TRACE))
        asked = Asked.of(request, request_id=request_id)
        reply = await self._reply(asked)
        allowed = asked.origin is not None and await self._may_read(asked)
        circumstances = Circumstances(
            operation=asked.operation,
            request_id=asked.request_id,
            allowed_origin=asked.origin if allowed else None,
            with_credential=hdrs.AUTHORIZATION in headers,
            if_none_match=headers.getall(hdrs.IF_NONE_MATCH, []),
            accept_encoding=", ".join(headers.getall(hdrs.ACCEPT_ENCODING, [])) or None,
            site=asked.site,
            closes=not request.content.is_eof(),
        )
        response = await self.answers.send(request, reply, circumstances)
        self.ledger.note(asked, response.status, loop.time() - begun)
        return response

    async def _reply(self, asked: Asked) -> Reply:
        try:
            return await self._checked(asked)
        except Failure as failure:
            asked.code = failure.stable_code
            writes = asked.operation is not None and asked.operation.writes
            return problem(failure, request_id=asked.request_id, writes=writes)
        except Exception:
            if asked.request.transport is not None:  # else the client went away: no fault of ours
                log.exception("failed", operation=asked.name, method=asked.method)
            broken = Broken()
            asked.code = broken.stable_code
            return problem(broken, request_id=asked.request_id)

    async def _checked(self, asked: Asked) -> Reply:
        if not HttpVersion10 <= asked.request.version <= HttpVersion11:
            raise BadRequest("HTTP/1.0 and HTTP/1.1 are spoken here.")
        asked.found = found = self.routes.find(asked.path)
        self._check_host(asked)
        if found is None:
            raise NotFound("There is nothing at this address.")
        if asked.method == hdrs.METH_OPTIONS:
            return await self._options(asked, found)
        method = hdrs.METH_GET if asked.method == hdrs.METH_HEAD else asked.method
        operation = found.by_method.get(method)
        if operation is None:
            raise MethodNotAllowed(headers={"Allow": found.allow})
        asked.operation = operation
        if len(asked.target) > operation.target_limit:
            raise TargetTooLong
        if not operation.writes and not operation.public and not operation.any_host:
            self.admission.pulse.pressure.let_build()  # what is public asks when it is not ready
        if operation.body is None and not operation.writes:
            return await self._in_time(asked, operation, found, b"")
        raw = await self.bodies.read(asked.request, operation)
        try:
            if not operation.writes:
                return await self._in_time(asked, operation, found, raw)
            await self.admission.take_turn()
            try:
                return await self._in_time(asked, operation, found, raw)
            finally:
                self.admission.give_back_turn()
        finally:
            self.admission.let_go(len(raw))

    async def _in_time(self, asked: Asked, operation: Operation, found: Found, raw: bytes) -> Reply:
        """Let the work be done within its time; a store's own deadline is its own affair."""
        glass = self._hourglasses.get(operation.seconds)
        if glass is None:
            glass = self._hourglasses[operation.seconds] = Hourglass(seconds=operation.seconds)
        work = glass.begin()
        try:
            return await self._worked(asked, operation, found, raw)
        except (asyncio.CancelledError, TimeoutError):
            if work.took_too_long:
                raise TimedOut from None
            raise
        finally:
            glass.end(work)

    async def _worked(self, asked: Asked, operation: Operation, found: Found, raw: bytes) -> Reply:
        """Check who asks and what for, and let the handler work."""
        now = self.now()
        asker = await self._admitted(asked, operation, now)
        asked.principal = asker.principal
        body = body_of(operation, raw)
        if operation.site_in_body and body is not None:
            assert self.doorkeeper is not None
            asked.site = await self.doorkeeper.named(asker, body.__dict__["site"])
            asker = replace(asker, sites=(asked.site,))
        query = query_of(operation, asked.query)
        key = None
        if operation.takes_idempotency_key:
            key = idempotency_key_of(asked.headers.getall(IDEMPOTENCY_KEY, []))
        wrong = refusal(found.values)
        if wrong is not None:
            raise wrong
        call = Call(
            operation=operation,
            now=now,
            request_id=asked.request_id,
            network=self._network(asked, now),
            found_site=asked.site,
            visitor=asker.visitor,
            found_key=asker.key,
            found_member=asker.member,
            sites=asker.sites,
            token=asker.token,
            path=found.values,
            query=query,
            body=body,
            raw=raw,
            origin=asked.origin,
            idempotency_key=key,
            headers=asked.headers,
        )
        return await operation.handler(call)

    async def _admitted(self, asked: Asked, operation: Operation, now: datetime) -> Asker:
        asker = Asker()
        if self.doorkeeper is not None:
            asker = await self.doorkeeper.admit(
                operation,
                slug=asked.slug,
                query=asked.query,
                presented=self._presented(asked, operation),
                now=now,
            )
        asked.site = asker.site
        if operation.cors and operation.writes and asked.origin is not None:
            await self._check_origin(asked)
        return asker

    def _presented(self, asked: Asked, operation: Operation) -> Presented:
        headers = asked.headers
        return Presented(
            authorization=headers.getall(hdrs.AUTHORIZATION, []),
            cookies=headers.getall(hdrs.COOKIE, []),
            origin=asked.origin,
            fetch_site=headers.get(FETCH_SITE),
            fetch_destination=headers.get(FETCH_DESTINATION),
            host=asked.host,
            public_url=self.public_url,
            writes=operation.writes,
        )

    async def _options(self, asked: Asked, found: Found) -> Reply:
        """Answer a browser's preflight, or anybody who wonders what is offered here."""
        allow = {"Allow": found.allow}
        is_preflight = found.cors and "Access-Control-Request-Method" in asked.headers
        if asked.origin is None or not is_preflight:
            return Reply(status=204, headers=allow)
        await self._check_origin(asked)
        return Reply(status=204, headers={**allow, **cors.preflight_headers(asked.origin)})

    async def _check_origin(self, asked: Asked) -> None:
        """Let pages of the site's origins and our own pass.

        Raises:
            OriginNotAllowed: it is another's.
            UnknownSite: there is no such site.
        """
        if asked.site is None and asked.slug is not None and self.doorkeeper is not None:
            asked.site = await self.doorkeeper.sites.get(asked.slug)
        if not self._allows(asked):
            raise OriginNotAllowed

    async def _may_read(self, asked: Asked) -> bool:
        """Tell whether the page that asked may read the answer, even one that came early."""
        if asked.found is None or not asked.found.cors:
            return False
        try:
            await self._check_origin(asked)
        except Failure:
            return False
        return True

    def _allows(self, asked: Asked) -> bool:
        own = cors.own_origins(self.public_url, asked.headers.get(hdrs.HOST, ""))
        return (
            asked.site is not None
            and asked.origin is not None
            and cors.is_allowed(asked.origin, asked.site, own=own)
        )

    def _check_host(self, asked: Asked) -> None:
        if self.public_url is None or (asked.found is not None and asked.found.any_host):
            return
        if asked.host not in public_hosts(self.public_url):
            raise Misdirected

    def _network(self, asked: Asked, now: datetime) -> str:
        if not asked.claims_to_forward:
            return network_of_peer(asked.request.remote)
        whence = self.addresses.whence(asked.request.remote, asked.forwarded_for)
        if whence.pretender is not None:
            self.ledger.metrics.untrusted_forwarders.inc()
            if self.forwarders is not None:
                self.forwarders.note(whence.pretender, now=now)
        return whence.network
