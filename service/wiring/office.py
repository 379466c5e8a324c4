"""Where a site is looked after: articles, losses, and the rules of its house."""

from __future__ import annotations

from typing import Self

from msgspec import Struct

from service.features.article_lists import ArticleLists
from service.storage.article_lists import ArticleListStore
from service.web.articles import ArticleOffice
from service.web.losses import TellingLosses
from service.web.operation import Operation
from service.web.pages.house_rules import RulesPages
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

    def operations(self, core: Core) -> list[Operation]:
        """Return what editors and admins ask, and the pages of a site's own rules."""
        office = ArticleOffice(lists=self.article_lists, articles=core.articles, acts=core.acts)
        return [
            *office.operations(),
            *TellingLosses(losses=core.losses, sites=core.sites).operations(),
            *RulesPages().operations(),
        ]
