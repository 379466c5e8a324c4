"""The demo newspaper as templates show it: its editions, its stories and their counters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol
from urllib.parse import quote

from msgspec import Struct

from service.features.cache import Tally
from service.web.pages.shown import Moment
from service.web.pages.words import Tongue, tongue_of
from service.web.wire.base import stamp

OPENING_PARAGRAPHS = 2
"""Of the front page's first story."""

LABELS: Final[Mapping[str, str]] = {
    "en": "Comments ({n})",
    "fr": "Commentaires ({n})",
    "ar": "التعليقات ({n})",
}
"""What a counter says; `count.js` gets the same words. No language needs plural forms for it."""


class Story(Protocol):
    """An article of the demo, as its content has it."""

    @property
    def key(self) -> str:
        """Its key."""

    @property
    def lang(self) -> str:
        """Its language."""

    @property
    def url(self) -> str:
        """Its path on this server, `/demo/<lang>/<slug>`."""

    @property
    def section(self) -> str:
        """The newspaper's section."""

    @property
    def published_minutes_ago(self) -> int:
        """Before the demo was filled."""

    @property
    def title(self) -> str:
        """The headline."""

    @property
    def standfirst(self) -> str:
        """The sentence below it."""

    @property
    def dateline(self) -> str:
        """Where it was written."""

    @property
    def byline(self) -> str:
        """Who wrote it."""

    @property
    def paragraphs(self) -> Sequence[str]:
        """Its text."""


class Paper(Struct, frozen=True, kw_only=True):
    """What the demo is made of."""

    editions: Sequence[tuple[str, str]]
    """Language and name of the newspaper in it, in their order."""
    stories: Sequence[Story]
    """In the order of the front page."""


class Teaser(Struct, frozen=True, kw_only=True):
    """An article as front pages and lists show it."""

    key: str
    slug: str
    """Its own part of its address: names it within the page."""
    lang: str
    direction: str
    href: str
    section: str
    title: str
    standfirst: str
    opening: tuple[str, ...]
    """The first paragraphs."""
    byline: str
    published: Moment | None
    counter: str
    label: str
    """The counter's words, `{n}` where the number stands."""
    count: int


class Edition(Struct, frozen=True, kw_only=True):
    """One language's newspaper."""

    tongue: Tongue
    name: str
    href: str
    teasers: tuple[Teaser, ...]
    current: bool


class Issue(Struct, frozen=True, kw_only=True):
    """The newspaper as it is now."""

    paper: Paper
    tallies: Mapping[str, Tally]
    """By the article's key."""
    began: datetime | None
    """When the demo was filled, from which its stories' ages are told."""

    def edition(self, lang: str) -> Edition:
        """Return the newspaper in one of its languages."""
        return next(each for each in self.editions(lang) if each.current)

    def editions(self, lang: str) -> tuple[Edition, ...]:
        """Return it in all languages, `lang` being the one that is read."""
        return tuple(
            Edition(
                tongue=tongue_of(code),
                name=name,
                href=f"/demo/{code}/",
                teasers=tuple(map(self.teaser, self._stories(code))),
                current=code == lang,
            )
            for code, name in self.paper.editions
        )

    def teaser(self, story: Story) -> Teaser:
        """Return a story as lists show it."""
        tongue, label = tongue_of(story.lang), LABELS[story.lang]
        count = self.tallies[story.key].approved
        return Teaser(
            key=story.key,
            slug=story.url.rpartition("/")[2],
            lang=story.lang,
            direction=tongue.direction,
            href=quote(story.url),
            section=story.section,
            title=story.title,
            standfirst=story.standfirst,
            opening=tuple(story.paragraphs[:OPENING_PARAGRAPHS]),
            byline=story.byline,
            published=self._published(story, tongue),
            counter=label.format(n=tongue.number(count)),
            label=label,
            count=count,
        )

    def _stories(self, lang: str) -> Sequence[Story]:
        return [story for story in self.paper.stories if story.lang == lang]

    def _published(self, story: Story, tongue: Tongue) -> Moment | None:
        if self.began is None:
            return None
        at = self.began - timedelta(minutes=story.published_minutes_ago)
        return Moment(words=tongue.day(at), stamp=stamp(at))
