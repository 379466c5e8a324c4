"""What newsrooms and their programs ask. A process has it when somebody has asked for the first."""

from __future__ import annotations

from service.features.bridges.perspective import Perspective
from service.web.alerts import Alerting
from service.web.articles import ArticleOffice
from service.web.audit import Auditing
from service.web.bridges import Bridging
from service.web.checks import Checking
from service.web.clusters import Clustering
from service.web.cookies import Doorstep
from service.web.desk import DeskStreams
from service.web.dry_runs import DryRunning
from service.web.entrance import Entrance
from service.web.erasures import Forgetting
from service.web.featured import Featuring
from service.web.foreign import ForeignCalls
from service.web.learning import Learning as AskingModels
from service.web.losses import TellingLosses
from service.web.management import Management
from service.web.moderation import Moderation
from service.web.operation import Operation
from service.web.own_account import OwnAccount
from service.web.pace import Pacing
from service.web.people import People
from service.web.records import AuthorRecords
from service.web.rules import Rules
from service.web.saved_searches import KeepingSearches
from service.web.search import Searching
from service.web.seen import Seeing
from service.web.statistics import Counting
from service.web.webhooks import Hooks
from service.web.wishes import Wishing
from service.web.word_lists import ListKeeping
from service.wiring.bridges import Bridges
from service.wiring.core import Core
from service.wiring.editors import Editors
from service.wiring.figures import Figures
from service.wiring.ground import Ground, clock, new_id
from service.wiring.learning import Learning
from service.wiring.live import Live
from service.wiring.log import Log
from service.wiring.members import Members
from service.wiring.moderators import Moderators
from service.wiring.office import Office
from service.wiring.webhooks import Postroom


def of_moderators(
    core: Core, live: Live, moderators: Moderators, members: Members
) -> list[Operation]:
    """Return what the queue's page and the site's back end ask for."""
    moderation = Moderation(
        queue=moderators.queue, decisions=core.decisions, lookup=core.lookup, new_id=new_id
    )
    clustering = Clustering(clusters=core.clusters, decisions=moderators.cluster_decisions)
    desk = DeskStreams(
        desk=live.desk, sessions=members.sessions, access=members.access, clock=clock
    )
    return [
        *desk.operations(),
        *moderation.operations(),
        *Seeing(seen=moderators.seen).operations(),
        *Alerting(alerts=moderators.alerts).operations(),
        *Checking(checks=moderators.checks, decisions=core.decisions).operations(),
        *Featuring(featured=moderators.featured).operations(),
        *Pacing(waits=moderators.waits).operations(),
        *Wishing(wishes=moderators.wishes).operations(),
        *clustering.operations(),
        *Searching(search=moderators.search, exports=moderators.exports).operations(),
        *KeepingSearches(searches=moderators.saved_searches).operations(),
        *AuthorRecords(records=moderators.records, sweeps=moderators.sweeps).operations(),
        *Forgetting(erasures=moderators.erasures).operations(),
    ]


def of_editors(
    core: Core, editors: Editors, log: Log, figures: Figures, learning: Learning
) -> list[Operation]:
    """Return what is asked of rules, of the log, of figures and of models."""
    changes, lists, runs = editors.changes, editors.lists, editors.runs
    models = AskingModels(desk=learning.desk, models=core.models, lookup=core.lookup)
    return [
        *Rules(changes=changes, trials=editors.trials).operations(),
        *DryRunning(runs=runs).operations(),
        *ListKeeping(lists=lists, runs=runs).operations(),
        *Auditing(audit=log.audit).operations(),
        *Counting(statistics=figures.statistics).operations(),
        *models.operations(),
    ]


def of_admins(ground: Ground, core: Core, members: Members, office: Office) -> list[Operation]:
    """Return the entrance, and what is managed."""
    doorstep = Doorstep(public_url=ground.settings.public_url)
    management = Management(
        sites=core.sites,
        articles=core.articles,
        keyring=members.keyring,
        token_keys=core.token_keys,
        acts=core.acts,
    )
    entrance = Entrance(
        sign_in=members.sign_in,
        sessions=members.sessions,
        arrivals=members.arrivals,
        doorstep=doorstep,
    )
    own_account = OwnAccount(
        sign_in=members.sign_in,
        sessions=members.sessions,
        authenticators=members.authenticators,
        passkeys=members.passkeys,
        doorstep=doorstep,
    )
    articles = ArticleOffice(lists=office.article_lists, articles=core.articles, acts=core.acts)
    return [
        *management.operations(),
        *People(team=members.team, administration=members.administration).operations(),
        *entrance.operations(),
        *own_account.operations(),
        *articles.operations(),
        *TellingLosses(losses=core.losses, sites=core.sites).operations(),
    ]


def of_other_systems(core: Core, bridges: Bridges, postroom: Postroom) -> list[Operation]:
    """Return what other systems ask, and what admins say of them."""
    foreign = ForeignCalls(
        bridges=core.bridges,
        opinions=bridges.opinions,
        perspective=Perspective(opinions=bridges.opinions),
    )
    return [
        *Bridging(bridges=core.bridges, check=core.check).operations(),
        *foreign.operations(),
        *Hooks(webhooks=postroom.webhooks, acts=core.acts).operations(),
    ]
