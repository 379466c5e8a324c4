"""What somebody sends to post a comment, and what they are answered."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StringConstraints

from service.features.intake import Accepted
from service.model import Site
from service.web.wire.base import Wire
from service.web.wire.comments import CommentOut

Language = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$", max_length=35),
]
"""A language tag (BCP 47), e.g. `fr` or `ar-EG`."""

HttpAddress = Annotated[
    str,
    StringConstraints(
        pattern=r"^https?://[^\s\\\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+$",
        max_length=2_048,
    ),
]
"""Without control and direction characters: Postgres refuses NUL, and people are misled."""


class AuthorIn(Wire):
    """A guest, as they name themselves."""

    name: str
    email: str | None = None
    """Never shown to readers."""


class ArticleIn(Wire):
    """What the page says of its article; it never overwrites what the back end set."""

    url: HttpAddress | None = None
    title: str | None = None


class OnBehalfOf(Wire):
    """The reader for whom the back end posts."""

    id: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    """The site's own stable id of this reader."""
    name: str
    issuer: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = None
    """The `iss` of the reader's tokens: given, it is the same person as with a token."""
    email: str | None = None
    badge: Annotated[str, StringConstraints(max_length=40)] | None = None
    avatar: HttpAddress | None = None


class SubmissionIn(Wire):
    """A comment as it is sent."""

    body: str
    """Markdown subset."""
    parent_id: UUID | None = Field(default=None, strict=False)
    author: AuthorIn | None = None
    """For guests, who need a name; ignored for signed-in readers."""
    article: ArticleIn | None = None
    lang: Language | None = None
    on_behalf_of: OnBehalfOf | None = None
    """For back ends with the scope `write` alone."""


class AcceptedOut(Wire):
    """The promise: this comment is durable."""

    comment: CommentOut
    receipt: str | None
    """Lets a guest come back; null for others and for a replay recognised without a key."""


class ReceiptOut(Wire):
    """What lets a guest come back."""

    receipt: str


def accepted_json(
    accepted: Accepted, comment: dict[str, Any], receipt: str | None
) -> dict[str, Any]:
    """Write the answer to a submission."""
    return {"comment": comment, "receipt": receipt if accepted.keyed else None}


def location(site: Site, comment_id: UUID) -> str:
    """Return where a comment is found."""
    return f"/v1/sites/{site.slug}/comments/{comment_id}"
