"""Where a site is looked after: articles, losses, and the rules of its house."""

from __future__ import annotations

from typing import Self

from msgspec import Struct

from service.features.article_lists import ArticleLists
from service.storage.article_lists import ArticleListStore
from service.wiring.core import Core
from service.wiring.ground import Ground
from service.wiring.readers import Readers


class Office(Struct, frozen=True, kw_only=True):
    """What editors and admins look after."""

    article_lists: ArticleLists

    @classmethod
    def build(cls, ground: Ground, core: Core, readers: Readers) -> Self:
        """Wire it to the stores."""
        return cls(
            article_lists=ArticleLists(
                store=ArticleListStore(pool=ground.pool),
                views=readers.views,
                cursors=core.cursors,
            )
        )
