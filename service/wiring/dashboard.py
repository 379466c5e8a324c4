"""The newsroom's pages. A process has them when somebody has asked for the first."""

from __future__ import annotations

from service.features.webhooks import Webhooks
from service.web.cookies import Doorstep
from service.web.dashboard.articles import ArticlePages
from service.web.dashboard.author import AuthorPages
from service.web.dashboard.bridges import BridgePages
from service.web.dashboard.entrance import EntrancePages
from service.web.dashboard.learning import LearningPages
from service.web.dashboard.log import LogPages
from service.web.dashboard.queue import QueuePages
from service.web.dashboard.rules import RulePages
from service.web.dashboard.search import SearchPages
from service.web.dashboard.sites import SitePages
from service.web.dashboard.statistics.page import StatisticsPages
from service.web.dashboard.team import TeamPages
from service.web.dashboard.webhooks import WebhookPages
from service.web.operation import Operation
from service.wiring.core import Core
from service.wiring.editors import Editors
from service.wiring.figures import Figures
from service.wiring.ground import Ground
from service.wiring.learning import Learning
from service.wiring.log import Log
from service.wiring.members import Members
from service.wiring.moderators import Moderators
from service.wiring.office import Office


def of_moderators(core: Core, moderators: Moderators, log: Log) -> list[Operation]:
    """Return the pages of the queue, of what was done, and of who wrote."""
    queue = QueuePages(
        queue=moderators.queue,
        sites=core.sites,
        wishes=moderators.wishes,
        checks=moderators.checks,
    )
    past = LogPages(audit=log.audit, wishes=moderators.wishes, sites=core.sites, lookup=core.lookup)
    search = SearchPages(
        search=moderators.search,
        searches=moderators.saved_searches,
        wishes=moderators.wishes,
        sites=core.sites,
    )
    author = AuthorPages(
        records=moderators.records,
        dossiers=log.dossiers,
        sweeps=moderators.sweeps,
        search=moderators.search,
        audit=log.audit,
        wishes=moderators.wishes,
        sites=core.sites,
    )
    return [
        *queue.operations(),
        *past.operations(),
        *search.operations(),
        *author.operations(),
    ]


def of_editors(
    core: Core, editors: Editors, figures: Figures, learning: Learning, office: Office
) -> list[Operation]:
    """Return the pages of rules, figures, models and articles."""
    rules = RulePages(
        changes=editors.changes, lists=editors.lists, runs=editors.runs, sites=core.sites
    )
    return [
        *rules.operations(),
        *StatisticsPages(statistics=figures.statistics, sites=core.sites).operations(),
        *LearningPages(desk=learning.desk, sites=core.sites).operations(),
        *ArticlePages(lists=office.article_lists, sites=core.sites).operations(),
    ]


def of_admins(ground: Ground, core: Core, members: Members, webhooks: Webhooks) -> list[Operation]:
    """Return the entrance, and the pages of sites, team, webhooks and bridges."""
    public_url = ground.settings.public_url
    entrance = EntrancePages(
        sign_in=members.sign_in,
        sessions=members.sessions,
        passkeys=members.passkeys,
        doorstep=Doorstep(public_url=public_url),
    )
    team = TeamPages(
        team=members.team,
        keyring=members.keyring,
        token_keys=core.token_keys,
        webhooks=webhooks,
        sites=core.sites,
    )
    bridges = BridgePages(
        bridges=core.bridges, check=core.check, sites=core.sites, public_url=public_url
    )
    return [
        *entrance.operations(),
        *SitePages(sites=core.sites, public_url=public_url).operations(),
        *team.operations(),
        *WebhookPages(webhooks=webhooks, sites=core.sites).operations(),
        *bridges.operations(),
    ]
