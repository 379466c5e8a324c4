"""Where things are: addresses of threads, comments, forms and feeds, and where to go back to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit, urlunsplit
from uuid import UUID

from msgspec import Struct

from service.model import Article, Site

NOTICE = "postbag"
"""The query's parameter that tells a page what became of the form that led there."""

_OWN_PAGES = ("/t/", "/demo/")
"""Those of our pages that a form may lead back to."""

_VISIBLE = re.compile(r"[\x21-\x5b\x5d-\x7e]{1,2048}\Z")
"""An address as browsers read it without rewriting: no blanks, controls or backslashes."""

DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class Places(Struct, frozen=True, kw_only=True):
    """Addresses around one article's thread."""

    site: str
    article: str
    lang: str
    base: str = ""
    """`https://host` before addresses that stand on a foreign page; else empty."""

    def thread(self, *, at: str | None = None, **asked: object) -> str:
        """Return where the thread is as a page of its own; `at` is an anchor there."""
        return f"{self.base}/t/{self.site}/{_segment(self.article)}" + _tail(
            {"lang": self.lang, **asked}, at
        )

    def comment(self, comment_id: UUID) -> str:
        """Return where a comment is shown without JavaScript."""
        return self.thread(comment=comment_id, at=anchor(comment_id))

    def form(self) -> str:
        """Return where the form of a comment is sent."""
        return f"{self._api}/comments.html"

    def feed(self) -> str:
        """Return where the article's feed is."""
        return f"{self._api}/comments.atom"

    @property
    def _api(self) -> str:
        return f"{self.base}/v1/sites/{self.site}/articles/{_segment(self.article)}"


def anchor(comment_id: UUID) -> str:
    """Return a comment's id within a page."""
    return f"comment-{comment_id}"


def permalink(comment_id: UUID, places: Places, url: str | None) -> str:
    """Return where a comment is read by most: under its article, else in its thread."""
    if url is None:
        return places.comment(comment_id)
    return f"{url.partition('#')[0]}#{anchor(comment_id)}"


def base_of(public_url: str | None, headers: Mapping[str, str]) -> str:
    """Return the service's own address; without a public URL it is the host that was asked.

    A proxy that speaks TLS in front of it makes `POSTBAG_PUBLIC_URL` necessary.
    """
    return public_url or f"http://{headers.get('Host', 'localhost')}"


def return_address(asked: str, site: Site, *, own: frozenset[str]) -> str | None:
    """Return where a form asks to lead back to, if that is a page of the site's or of ours."""
    if not _VISIBLE.match(asked):
        return None
    if asked.startswith(_OWN_PAGES):
        return asked
    origin = origin_of(asked)
    if origin in own:
        return asked if urlsplit(asked).path.startswith(_OWN_PAGES) else None
    return asked if origin in site.settings.origins else None


def origin_of(address: str) -> str | None:
    """Return an address's origin as browsers write it; None where it has none."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    origin = f"{parts.scheme}://{parts.netloc.lower()}"
    return origin.removesuffix(DEFAULT_PORTS.get(parts.scheme, ""))


def with_notice(address: str, notice: str) -> str:
    """Add to an address what its page should say; its fragment stays."""
    parts = urlsplit(address)
    kept = [pair for pair in parts.query.split("&") if pair and not pair.startswith(f"{NOTICE}=")]
    return urlunsplit(parts._replace(query="&".join([*kept, f"{NOTICE}={notice}"])))


def _segment(value: str) -> str:
    return quote(value, safe="")


def _tail(asked: Mapping[str, object], at: str | None) -> str:
    pairs = [(name, str(value)) for name, value in asked.items() if value is not None]
    return (f"?{urlencode(pairs)}" if pairs else "") + (f"#{at}" if at else "")


def own_url(article: Article, site: Site, *, own: frozenset[str]) -> str | None:
    """Return where an article is, if the newsroom said so or it is a page of the site's or ours.

    An address that a reader sent along first is led to only within the site's own origins.
    """
    if article.url is None:
        return None
    if article.managed:
        return article.url
    return return_address(article.url, site, own=own)
