"""Where a site is looked after: articles, settings, team and keys, and their pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from service.features.article_lists import ArticleLists
from service.features.webhooks import Webhooks
from service.storage.article_lists import ArticleListStore
from service.web.articles import ArticleOffice
from service.web.dashboard.articles import ArticlePages
from service.web.dashboard.sites import SitePages
from service.web.dashboard.team import TeamPages
from service.web.dashboard.webhooks import WebhookPages
from service.web.losses import TellingLosses
from service.web.operation import Operation
from service.web.pages.house_rules import RulesPages
from service.wiring.core import Core
from service.wiring.ground import Ground
from service.wiring.members import Members
from service.wiring.readers import Readers


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
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

    def operations(
        self, ground: Ground, core: Core, members: Members, webhooks: Webhooks
    ) -> list[Operation]:
        """Return what editors and admins ask, and their pages."""
        office = ArticleOffice(lists=self.article_lists, articles=core.articles, acts=core.acts)
        team = TeamPages(
            team=members.team,
            keyring=members.keyring,
            token_keys=core.token_keys,
            webhooks=webhooks,
            sites=core.sites,
        )
        return [
            *office.operations(),
            *TellingLosses(losses=core.losses, sites=core.sites).operations(),
            *ArticlePages(lists=self.article_lists, sites=core.sites).operations(),
            *SitePages(sites=core.sites, public_url=ground.settings.public_url).operations(),
            *team.operations(),
            *WebhookPages(webhooks=webhooks, sites=core.sites).operations(),
            *RulesPages().operations(),
        ]
