"""How a waiting comment lies in its Redis hash, and how it is read again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec
import orjson
from msgspec import Struct

from service.model import Author, PendingComment, Screened, Why

FieldValue = str | bytes | int


class Written(NamedTuple):
    """The fields of an item, as Redis has them."""

    origin: bytes
    draft: bytes
    text: bytes
    revision: bytes
    kind: bytes
    n: bytes
    seq: bytes
    score: bytes
    escalated: bytes

    @property
    def payload(self) -> bytes:
        """The JSON of what `payload.to_payload` returns: put together, not read and written."""
        # Within a string a quotation mark is escaped, so this is nowhere else.
        return self._whole(self.origin.replace(b'"author":{"author_id":', b'"author":{"id":', 1))

    @property
    def item(self) -> PendingComment:
        """The comment.

        Raises:
            msgspec.MsgspecError: nobody here has written this.
        """
        return _ITEM.decode(self._whole(self.origin))

    def _whole(self, origin: bytes) -> bytes:
        return b"".join(
            (
                origin[:-1],
                b",",
                self.draft[1:-1],
                b',"text":',
                orjson.dumps(self.text.decode()),
                b',"revision":',
                self.revision,
                b',"kind":"edit","n":' if self.kind == b"edit" else b',"kind":"new","n":',
                self.n,
                b',"seq":',
                self.seq,
                b',"score":',
                self.score,
                b',"escalated":true}' if self.escalated == b"1" else b',"escalated":false}',
            )
        )


class _Origin(Struct, frozen=True):
    site_id: int
    site: str
    article_id: UUID
    article_key: str
    comment_id: UUID
    parent_id: UUID | None
    author: Author
    created_at: datetime
    article_url: str | None
    article_title: str | None
    dk: str | None
    fingerprint: str | None
    keyed: bool
    address_hash: str | None


class _Draft(Struct, frozen=True):
    lang: str | None
    edited_at: datetime | None
    why: tuple[Why, ...]
    screened: Screened | None


_JSON = msgspec.json.Encoder(enc_hook=dict)
"""What it does not know are mappings that are no dictionaries."""
_ITEM = msgspec.json.Decoder(PendingComment)
"""A `PendingComment` has its fields under the same names."""
_NAMES = tuple(name.encode() for name in Written._fields)


def created_ms(item: PendingComment) -> int:
    """When a comment was made, in whole milliseconds since 1970."""
    return int(item.created_at.timestamp() * 1000)


def to_fields(item: PendingComment) -> dict[str, FieldValue]:
    """Write a comment as hash fields; `from_fields` is the inverse.

    What scripts read or change has a field of its own; `origin` holds what never changes,
    `draft` what an edit replaces beside the text.
    """
    return {
        **edit_fields(item),
        "origin": _JSON.encode(
            _Origin(
                item.site_id,
                item.site,
                item.article_id,
                item.article_key,
                item.comment_id,
                item.parent_id,
                item.author,
                item.created_at,
                item.article_url,
                item.article_title,
                item.dk,
                item.fingerprint,
                item.keyed,
                item.address_hash,
            )
        ),
        "created": created_ms(item),
        "revision": item.revision,
        "kind": item.kind,
        "n": item.n,
        "seq": item.seq,
        "score": score_text(item.score),
        "escalated": int(item.escalated),
    }


def edit_fields(item: PendingComment) -> dict[str, FieldValue]:
    """Write only what an edit replaces."""
    return {
        "text": item.text,
        "draft": _JSON.encode(_Draft(item.lang, item.edited_at, item.why, item.screened)),
    }


def score_text(score: float) -> str:
    """Write a score so that Redis reads the very same number."""
    return repr(float(score))


def from_fields(fields: Mapping[bytes, bytes]) -> PendingComment:
    """Read what `to_fields` wrote, after whatever the scripts did to it."""
    return written_of(fields).item


def written_of(fields: Mapping[bytes, bytes]) -> Written:
    """Take out of a hash what is read of it."""
    return Written(*map(fields.__getitem__, _NAMES))
