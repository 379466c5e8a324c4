"""Bridges as sites set them up, and what Coral and clients of Perspective send."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, StringConstraints, ValidationError

from service.features.bridges.desk import Bridge
from service.features.bridges.outside import Asked
from service.features.bridges.perspective import PROBABILITY, Question, Refused, Wanted
from service.web.wire.base import Timestamp, Wire, optional_stamp

BridgeName = Literal["coral", "perspective", "check"]
OnFailureName = Literal["hold", "none"]


class CoralSecretIn(Wire):
    """What Coral shows beside the phase."""

    secret: Annotated[str, StringConstraints(max_length=400)]
    """The phase's signing secret, as Coral shows it."""


class CheckIn(Wire):
    """Where the site's own service is asked about each comment."""

    url: Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
    timeout_ms: Annotated[int, Field(ge=100, le=2_000)] = 500
    """How long a comment waits for it at most."""
    on_failure: OnFailureName = "hold"
    """What no answer means: `hold` for a person, or `none`, which only writes it down."""
    new_secret: bool = False
    """Makes another signing secret; the first one is made by itself."""


class TrialIn(Wire):
    """A text to ask the site's own service about."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=5_000)]


class BridgeOut(Wire):
    """One bridge, without its secret."""

    bridge: BridgeName
    enabled: bool
    version: int
    """Rises with every change; signals of the check carry it. 0: never set up."""
    path: str | None
    """Where the other system asks us; null for the check."""
    url: str | None
    timeout_ms: int | None
    on_failure: OnFailureName | None
    rests: bool
    """The check failed so often that it is asked once in ten seconds only."""
    changed_at: Timestamp | None


class BridgesOut(Wire):
    """All bridges there can be."""

    items: list[BridgeOut]
    next: None


class SetCheckOut(BridgeOut):
    """The check as it is now."""

    secret: str | None
    """A new signing secret (Standard Webhooks), told this once."""


class NewBridgeKeyOut(BridgeOut):
    """The bridge as it is now."""

    key: str
    """The key for clients of Perspective, told this once."""


class TrialOut(Wire):
    """What became of asking."""

    outcome: str
    """`answered`, or what went wrong."""
    milliseconds: int
    verdict: Literal["hold", "none"] | None
    score: float | None
    label: str | None


class PerspectiveAsked(BaseModel):
    """The query of a client of Perspective; what else it says means nothing."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    key: Annotated[str, StringConstraints(max_length=200)] = ""


class _Lenient(BaseModel):
    """Another system's object: what it says beyond what is known is not looked at."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class CoralComment(_Lenient):
    """What somebody wrote in Coral."""

    body: str
    parentID: str | None = None  # noqa: N815 - Coral's name


class CoralAuthor(_Lenient):
    """Who wrote it."""

    id: str
    role: str = "COMMENTER"


class CoralIn(_Lenient):
    """Coral's request of an external moderation phase, as far as it matters here."""

    action: Literal["NEW", "EDIT"]
    comment: CoralComment
    author: CoralAuthor


class AnalyzeIn(RootModel[dict[str, Any]]):
    """A client of Perspective's request: any object; faults are told as Perspective does."""

    def question(self) -> Question:
        """Read what is asked.

        Raises:
            Refused: it is not what `comments:analyze` takes.
        """
        try:
            asked = _Analyze.model_validate(self.root)
        except ValidationError as error:
            place = ".".join(map(str, error.errors()[0]["loc"]))
            raise Refused(f"Invalid value at '{place}'") from error
        if asked.comment.type not in {"PLAIN_TEXT", "TEXT_TYPE_UNSPECIFIED"}:
            raise Refused("Currently, only 'PLAIN_TEXT' comments are supported")
        return Question(
            text=asked.comment.text,
            wanted=[
                Wanted(name=name, score_type=each.scoreType, threshold=each.scoreThreshold)
                for name, each in asked.requestedAttributes.items()
            ],
            languages=tuple(asked.languages),
            spans=asked.spanAnnotations,
            drops_unsupported=asked.dropUnsupportedAttributes,
            token=asked.clientToken,
        )


class _Text(_Lenient):
    text: str = ""
    type: str = "PLAIN_TEXT"


class _Attribute(_Lenient):
    scoreType: str = PROBABILITY  # noqa: N815 - Perspective's name
    scoreThreshold: Annotated[float, Field(strict=False, allow_inf_nan=False)] = 0.0  # noqa: N815


class _Analyze(_Lenient):
    comment: _Text = _Text()
    requestedAttributes: dict[str, _Attribute] = {}  # noqa: N815
    languages: Annotated[
        list[Annotated[str, StringConstraints(max_length=20)]], Field(max_length=20)
    ] = []
    spanAnnotations: bool = False  # noqa: N815
    dropUnsupportedAttributes: bool = False  # noqa: N815
    clientToken: Annotated[str, StringConstraints(max_length=1_000)] | None = None  # noqa: N815


def bridge_json(bridge: Bridge, *, path: str | None, rests: bool) -> dict[str, Any]:
    """Write a bridge."""
    return {
        "bridge": bridge.kind,
        "enabled": bridge.enabled,
        "version": bridge.version,
        "path": path,
        "url": bridge.url,
        "timeout_ms": bridge.timeout_ms,
        "on_failure": bridge.on_failure,
        "rests": rests,
        "changed_at": optional_stamp(bridge.changed_at),
    }


def bridges_json(items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Write all of them."""
    return {"items": list(items), "next": None}


def trial_json(asked: Asked) -> dict[str, Any]:
    """Write what became of asking."""
    said = asked.said
    return {
        "outcome": asked.outcome,
        "milliseconds": round(asked.seconds * 1_000),
        "verdict": said.verdict if said else None,
        "score": said.score if said else None,
        "label": said.label if said else None,
    }
