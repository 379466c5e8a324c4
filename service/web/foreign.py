"""What Coral and clients of Perspective ask: their protocols, not ours, and so not in OpenAPI.

Their answers and refusals have the shapes of those systems. docs/bridges.md
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from service.errors import Unauthenticated
from service.features.bridges.coral import STAFF, answer_of, is_signed
from service.features.bridges.desk import Bridges
from service.features.bridges.opinion import Opinions, plain
from service.features.bridges.perspective import Perspective, Refused, bad_key
from service.web.operation import JSON, Cache, Call, Operation, Reply
from service.web.wire.bridges import AnalyzeIn, CoralIn, PerspectiveAsked

TAG: Final = "Bridges"
CORAL_PATH: Final = "/v1/sites/{site}/bridges/coral/moderate"
PERSPECTIVE_BASE: Final = "/v1/sites/{site}/bridges/perspective/v1alpha1"
"""What a client of Perspective is told instead of commentanalyzer.googleapis.com/v1alpha1."""
BODY_BYTES = 256 * 1024
"""Perspective takes texts of 20 kB beside their context; Coral none as long."""


class BadSignature(Unauthenticated):
    """Coral did not sign this with the secret that the site has, or the bridge is off."""

    code = "bad_signature"
    title = "The signature is not good, or this bridge is not set up."


class ForeignCalls(Struct, frozen=True, kw_only=True):
    """Answer as other systems do."""

    bridges: Bridges
    opinions: Opinions
    perspective: Perspective

    def operations(self) -> list[Operation]:
        """Return the two."""
        return [
            Operation(
                operation_id="coral_phase",
                method="POST",
                path=CORAL_PATH,
                summary="Moderate a comment of Coral",
                tag=TAG,
                body=CoralIn,
                body_limit=BODY_BYTES,
                answers={200: JSON, 204: None},
                problems=(BadSignature,),
                handler=self.moderate,
                hidden=True,
            ),
            Operation(
                operation_id="perspective_analyze",
                method="POST",
                path=f"{PERSPECTIVE_BASE}/comments:analyze",
                summary="Score a text as Perspective does",
                tag=TAG,
                query=PerspectiveAsked,
                body=AnalyzeIn,
                body_limit=BODY_BYTES,
                answers={200: JSON, 400: JSON, 503: JSON},
                handler=self.analyze,
                hidden=True,
            ),
        ]

    async def moderate(self, call: Call) -> Reply:
        """Answer Coral's external moderation phase; 204: Coral goes on by itself."""
        secret = await self.bridges.coral_secret(call.site)
        signature = call.headers.get("X-Coral-Signature", "")
        if secret is None or not is_signed(call.raw, signature, secret):
            raise BadSignature
        asked = call.body_as(CoralIn)
        opinion = await self.opinions.of(
            call.site,
            plain(asked.comment.body),
            is_staff=asked.author.role in STAFF,
            is_reply=asked.comment.parentID is not None,
            now=call.now,
        )
        answer = answer_of(opinion.verdict)
        if answer is None:
            return Reply(status=204, cache=Cache.NEVER)
        return Reply(content=answer, cache=Cache.NEVER)

    async def analyze(self, call: Call) -> Reply:
        """Score a text; what is refused is refused as Perspective does."""
        asked = call.query_as(PerspectiveAsked)
        key = call.headers.get("X-Goog-Api-Key", "") or asked.key
        try:
            if not await self.bridges.takes_key(call.site, key):
                raise bad_key()
            question = call.body_as(AnalyzeIn).question()
            answer = await self.perspective.answer(call.site, question, now=call.now)
        except Refused as refused:
            return Reply(status=refused.code, content=refused.document, cache=Cache.NEVER)
        return Reply(content=answer, cache=Cache.NEVER)
