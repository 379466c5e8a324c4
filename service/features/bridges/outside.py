"""A site's own service, asked about each comment before it is accepted.

It is asked with a signed request (Standard Webhooks) and answers a signal like a rule's: hold, or
nothing. It can never publish, refuse or reject. One that does not answer in time holds the comment
unless the site wants otherwise, and one that keeps failing is not asked for a while.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import orjson
from msgspec import Struct, field
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from service.errors import Unavailable
from service.features.bridges.desk import Bridges, Check
from service.features.screen import Piece
from service.features.screening import Signal
from service.model import Site
from service.outgoing import Answer, GuardedClient, Hosts, Unreached, sign
from service.secrets import SealBroken

RULE: Final = "outside_check"
"""What the signal is called among those of rules; no rule of a site can be called so."""
LABEL: Final = "The newsroom’s own check"
ANSWER_MAX_BYTES = 4_096
HOLD_SEVERITY = 1
"""As an insult: no rule may approve what was held, and the queue shows it a little sooner."""

Outcome = Literal[
    "answered",
    "address_denied",
    "unreachable",
    "tls",
    "timeout",
    "too_large",
    "broken",
    "refused",
    "bad_answer",
    "resting",
]
"""`refused`: a status that is none of success; `bad_answer`: not what is asked for; `resting`: it
failed so often that it was not asked."""


class Said(BaseModel):
    """What the service answers; what else it says is not looked at."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    verdict: Literal["hold", "none"]
    score: Annotated[float, Field(ge=0, le=1, strict=False, allow_inf_nan=False)] | None = None
    label: Annotated[str, StringConstraints(max_length=200)] = ""


NOTHING: Final = Said(verdict="none")


class Asked(Struct, frozen=True, kw_only=True):
    """How asking went."""

    outcome: Outcome
    seconds: float
    said: Said | None = None


class OutsideCheck(Struct, frozen=True, kw_only=True):
    """Ask, and say what was answered as a signal."""

    bridges: Bridges
    client: GuardedClient
    new_id: Callable[[datetime], UUID]
    hosts: Hosts = field(default_factory=Hosts)
    stopwatch: Callable[[], float] = time.monotonic
    heard: Callable[[Outcome], None] = lambda _outcome: None
    """Told every outcome, for metrics."""

    def silent(self, site: Site) -> bool:
        """Tell whether it is known already that a site has no service of its own."""
        return self.bridges.surely_without(site, "check")

    async def signal(self, site: Site, piece: Piece, now: datetime) -> Signal | None:
        """Return what a site's service says of a comment; None where there is none, or nothing.

        Whatever fails is a signal too: it holds the comment, or is only written down where the
        site wants that.
        """
        try:
            check = await self.bridges.check(site)
        except (Unavailable, SealBroken) as error:
            return _failure("not known where to ask", type(error).__name__, version=1, holds=True)
        if check is None:
            return None
        asked = await self._ask(site, check, _body(site, piece, now), now)
        if asked.said is not None:
            return _signal(asked.said, check)
        return _failure(
            _WORDS[asked.outcome],
            asked.outcome,
            version=check.version,
            holds=check.on_failure == "hold",
        )

    async def trial(self, site: Site, text: str, now: datetime) -> Asked | None:
        """Ask about a text that somebody types, also while it rests; None where there is none.

        Raises:
            Unavailable: it cannot be known where to ask.
            SealBroken: the secret key is another than when it was set up.
        """
        check = await self.bridges.check(site)
        if check is None:
            return None
        piece = Piece(
            text=text,
            lang=None,
            author_kind="guest",
            author_id=None,
            standing=None,
            article=None,
        )
        return await self._answer(check, _body(site, piece, now, trial=True), now)

    def rests(self, site: Site) -> bool:
        """Tell whether this process does not ask at the moment, for it failed too often."""
        return self.hosts.of(site.slug).state == "open"

    async def _ask(self, site: Site, check: Check, body: bytes, now: datetime) -> Asked:
        breaker, begun = self.hosts.of(site.slug), self.stopwatch()
        permit = breaker.ask(begun)
        if permit is None:
            self.heard("resting")
            return Asked(outcome="resting", seconds=0.0)
        try:
            asked = await self._answer(check, body, now)
        except BaseException:  # whoever asked went away
            if breaker.was_silent(permit):
                breaker.failed(permit, self.stopwatch())
            raise
        if asked.said is not None:
            breaker.succeeded(permit, self.stopwatch())
        else:
            breaker.failed(permit, self.stopwatch())
        self.heard(asked.outcome)
        return asked

    async def _answer(self, check: Check, body: bytes, now: datetime) -> Asked:
        begun = self.stopwatch()
        signed = sign(
            body, secrets=[check.secret], message_id=f"msg_{self.new_id(now).hex}", now=now
        )
        outcome: Outcome
        try:
            answer = await self.client.post(
                check.url,
                body=body,
                headers=signed,
                timeout_seconds=check.timeout_seconds,
                answer_max_bytes=ANSWER_MAX_BYTES,
            )
        except Unreached as failure:
            outcome, said = failure.kind, None
        else:
            outcome, said = _read(answer)
        return Asked(outcome=outcome, seconds=self.stopwatch() - begun, said=said)


_WORDS: Final = {
    "address_denied": "its address is not allowed",
    "unreachable": "it could not be reached",
    "tls": "its certificate is not good",
    "timeout": "no answer in time",
    "too_large": "its answer is too long",
    "broken": "the connection broke",
    "refused": "it answered with an error",
    "bad_answer": "its answer could not be understood",
    "resting": "it failed too often and was not asked",
}


def _read(answer: Answer) -> tuple[Outcome, Said | None]:
    if not answer.ok:
        return "refused", None
    if answer.status == 204:  # noqa: PLR2004 - no content
        return "answered", NOTHING
    try:
        return "answered", Said.model_validate_json(answer.body)
    except ValidationError:
        return "bad_answer", None


def _signal(said: Said, check: Check) -> Signal | None:
    if said.verdict == "none" and said.score is None and not said.label:
        return None
    holds = said.verdict == "hold"
    return Signal(
        rule=RULE,
        version=check.version,
        state="live",
        effect="hold" if holds else "none",
        severity=HOLD_SEVERITY if holds else 0,
        raise_by=1.0,
        reason=None,
        label=_label(said.label),
        said=said.score,
    )


def _failure(what: str, kind: str, *, version: int, holds: bool) -> Signal:
    return Signal(
        rule=RULE,
        version=version,
        state="live" if holds else "shadow",
        effect="hold",
        severity=0,
        raise_by=1.0,
        reason=None,
        label=f"{LABEL} ({what})",
        error=kind,
    )


def _label(said: str) -> str:
    """Return the service's own words, as far as they can be shown in a line."""
    shown = "".join(each if each.isprintable() else " " for each in said).strip()
    return f"{LABEL}: {shown}" if shown else LABEL


def _body(site: Site, piece: Piece, now: datetime, *, trial: bool = False) -> bytes:
    """Return what the service is told: no address, no e-mail, no name."""
    standing, article = piece.standing, piece.article
    told: dict[str, Any] = {
        "type": "comment.check",
        "timestamp": now.isoformat(timespec="milliseconds"),
        "trial": trial,
        "site": site.slug,
        "comment": {
            "id": str(piece.comment_id) if piece.comment_id else None,
            "text": piece.text,
            "lang": piece.lang,
            "is_reply": piece.parent is not None or bool(piece.depth),
        },
        "article": {"key": article.key, "url": article.url} if article else None,
        "author": {
            "kind": piece.author_kind,
            "id": str(piece.author_id) if piece.author_id else None,
            "approved": standing.approved if standing else None,
            "rejected": standing.rejected if standing else None,
            "trusted": standing.trusted if standing else None,
        },
    }
    return orjson.dumps(told)
