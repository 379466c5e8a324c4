"""`…/comments.jsonld`: a thread as schema.org describes it, for a site to put into its page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
from msgspec import Struct

from service.features import body
from service.features.cache import Built, Cache
from service.features.threads import Sort, Threaded, ThreadPage, Threads
from service.model import Site
from service.web import cors
from service.web.operation import Call, Operation, Reply
from service.web.pages.files import TAG
from service.web.pages.places import Places, base_of, own_url, permalink
from service.web.pages.words import tongue_of
from service.web.wire.base import stamp

JSON_LD = "application/ld+json"


class LinkedThreads(Struct, frozen=True, kw_only=True):
    """Threads for search engines."""

    threads: Threads
    cache: Cache
    public_url: str | None

    def operations(self) -> list[Operation]:
        """Return the table of linked threads."""
        return [
            Operation(
                operation_id="read_linked_thread",
                method="GET",
                path="/v1/sites/{site}/articles/{article}/comments.jsonld",
                summary="Read the best comments as schema.org's JSON-LD",
                description="The article's node with `commentCount` and up to 20 comments, to be"
                " merged into the page's own. It may stand in a script element as it is.",
                tag=TAG,
                answers={200: JSON_LD},
                public=True,
                cors=True,
                handler=self.show,
            )
        ]

    async def show(self, call: Call) -> Reply:
        """Answer with ready bytes; whoever asks first builds them for all."""
        site, key = call.site, call.article
        base = base_of(self.public_url, call.headers)
        own = cors.own_origins(self.public_url, call.headers.get("Host", ""))

        async def build() -> Built:
            page = await self.threads.page(site, key, sort=Sort.BEST)
            written = orjson.dumps(linked(site, page, base=base, own=own))
            safe = written.replace(b"<", b"\\u003c")  # it may stand in a script element
            return Built(body=safe, article_ids=page.article_ids, version=page.version)

        entry = await self.cache.get(("jsonld", site.site_id, key, base, own), build)
        return Reply(ready=entry.body, etag=entry.etag, media_type=JSON_LD)


def linked(site: Site, page: ThreadPage, *, base: str, own: frozenset[str]) -> dict[str, Any]:
    """Describe an article's comments."""
    article = page.article
    tongue = tongue_of(article.lang, site.settings.languages[0])
    places = Places(site=site.slug, article=article.key, lang=tongue.code, base=base)
    url = own_url(article, site, own=own)
    node: dict[str, Any] = {"@context": "https://schema.org", "@type": "NewsArticle"}
    if url is not None:
        node |= {"@id": url, "url": url}
    if article.title is not None:
        node["headline"] = article.title
    comments = [each for root in page.comments for each in _nodes(root, places, url)]
    return {**node, "commentCount": article.count, "comment": comments}


def _nodes(threaded: Threaded, places: Places, url: str | None) -> Iterable[dict[str, Any]]:
    """Describe a comment with its replies; of a tombstone there are only its replies."""
    replies = [node for each in threaded.replies for node in _nodes(each, places, url)]
    comment = threaded.comment
    if comment.text is None:
        return replies
    address = permalink(comment.comment_id, places, url)
    node: dict[str, Any] = {
        "@type": "Comment",
        "@id": address,
        "url": address,
        "text": body.to_plain(body.parse(comment.text)),
        "author": {"@type": "Person", "name": comment.author.name},
        "datePublished": stamp(comment.created_at),
        "upvoteCount": comment.up,
    }
    if comment.edited_at is not None:
        node["dateModified"] = stamp(comment.edited_at)
    if comment.lang is not None:
        node["inLanguage"] = comment.lang
    return [{**node, "comment": replies} if replies else node]
