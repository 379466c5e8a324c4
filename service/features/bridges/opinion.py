"""What a site's screening makes of a text of another system: nothing is kept, nobody is told."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

import structlog
from msgspec import Struct, field

from service.errors import Unavailable
from service.features.rulebook import Rulebook
from service.features.screening import AuthorFacts, Facts, RuleSet, Verdict, unread
from service.features.screening.facts import REGULAR_APPROVED
from service.features.trying import tried_here
from service.model import Mode, Site

log = structlog.get_logger(__name__)

SHORT_CHARS = 800
"""Up to here the rules take under 2 ms; a longer text is read where it keeps nobody waiting."""
SCORES_SECONDS = 0.25

REGULAR_SINCE = timedelta(days=365)

ScoresOf = Callable[[Site, str], Awaitable[Mapping[str, float]]]


class Opinion(Struct, frozen=True, kw_only=True):
    """What rules and models make of a text."""

    verdict: Verdict
    scores: Mapping[str, float] = field(default_factory=dict)
    """Calibrated probability by model; one that is not ready is missing."""


class Opinions(Struct, frozen=True, kw_only=True):
    """Screen texts that are not ours."""

    rulebook: Rulebook
    scores_of: ScoresOf

    async def of(
        self,
        site: Site,
        text: str,
        *,
        is_staff: bool = False,
        is_reply: bool = False,
        now: datetime,
    ) -> Opinion:
        """Try a site's rules and models on a text. What cannot be checked is held.

        The other system knows its authors, we do not: they count as regulars, so that no rule for
        newcomers speaks, and of the staff as trusted. Rates, repeats, reports and clusters are not
        known either, and never met.
        """
        failures: dict[str, str] = {}
        scores: Mapping[str, float] = {}
        try:
            async with asyncio.timeout(SCORES_SECONDS):
                scores = await self.scores_of(site, text)
        except Exception as error:  # noqa: BLE001 - whatever it trips over, the comment is held
            failures["scores"] = type(error).__name__
        facts = Facts(
            text=text,
            now=now,
            mode=Mode.POST,
            site=site.slug,
            author=AuthorFacts(
                kind="reader",
                approved=REGULAR_APPROVED,
                first_seen=now - REGULAR_SINCE,
                trusted=is_staff,
            ),
            depth=int(is_reply),
            scores=scores,
            unanswered=failures,
        )
        try:
            rules = await self.rulebook.of(site)
        except Unavailable as error:
            return Opinion(verdict=unread(error), scores=scores)
        verdict = await tried(facts, rules)
        for signal in verdict.signals:
            if signal.failed:
                log.warning(
                    "signal_failed", site=site.slug, rule=signal.rule, error_kind=signal.error
                )
        return Opinion(verdict=verdict, scores=scores)


async def tried(facts: Facts, rules: RuleSet) -> Verdict:
    """Try rules on a text: a short one here, a long one where it keeps nobody waiting."""
    if len(facts.text) <= SHORT_CHARS:
        return tried_here(facts, rules)
    return await asyncio.to_thread(tried_here, facts, rules)


_HREF = re.compile(r"""<a\b[^<>]*\bhref\s*=\s*["']?([^"'\s<>]+)[^<>]*>""", re.IGNORECASE)
_BREAK = re.compile(r"<(?:br|/?(?:p|div|li|ul|ol|blockquote))\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"</?(?:a|b|i|s|u|em|strong|span)\b[^<>]*>", re.IGNORECASE)


def plain(text: str) -> str:
    """Return what a comment says that may have come as simple HTML: its links as addresses.

    Only the tags of comment editors are taken away: anything else is what somebody wrote.
    """
    if "<" not in text:
        return text
    bare = _TAG.sub("", _BREAK.sub("\n", _HREF.sub(r" \1 ", text)))
    return text if bare == text else html.unescape(bare).strip()
