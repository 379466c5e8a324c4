"""The newsroom looks its articles through, and closes the old ones."""

from __future__ import annotations

from msgspec import Struct

from service.cursors import BadCursor
from service.features.administration import Acts
from service.features.article_lists import ArticleLists, ArticleListView
from service.features.articles import ArticleDirectory
from service.model import Role, Scope
from service.web.operation import AModerator, Call, Operation, Reply
from service.web.wire.articles import (
    ArticleLinesOut,
    ArticleListQuery,
    ClosedOut,
    CloseIn,
    article_lines_json,
)

TAG = "Back ends and operators"


class ArticleOffice(Struct, frozen=True, kw_only=True):
    """What is asked about many articles at once."""

    lists: ArticleLists
    articles: ArticleDirectory
    acts: Acts

    def operations(self) -> list[Operation]:
        """Return both operations."""
        return [
            Operation(
                operation_id="list_articles",
                method="GET",
                path="/v1/sites/{site}/articles",
                summary="List a site's articles",
                tag=TAG,
                credential=AModerator(scope=Scope.READ, role=Role.VIEWER),
                query=ArticleListQuery,
                answers={200: ArticleLinesOut},
                problems=(BadCursor,),
                handler=self.list_articles,
            ),
            Operation(
                operation_id="close_old_articles",
                method="POST",
                path="/v1/sites/{site}/closures",
                summary="Close articles that are older than some days",
                description="At most 1,000 are closed in one call; repeat it while any remain.",
                tag=TAG,
                credential=AModerator(scope=Scope.MANAGE, role=Role.EDITOR),
                body=CloseIn,
                answers={200: ClosedOut},
                handler=self.close_old,
            ),
        ]

    async def list_articles(self, call: Call) -> Reply:
        """Show a page of a list."""
        query = call.query_as(ArticleListQuery)
        page = await self.lists.page(
            call.site,
            view=ArticleListView(query.view),
            choice=query.choice,
            cursor=query.cursor,
            limit=query.limit,
            now=call.now,
        )
        return Reply(content=article_lines_json(page))

    async def close_old(self, call: Call) -> Reply:
        """Close them, or say how many there are."""
        wish, closed = call.body_as(CloseIn), 0
        if not wish.dry_run:
            act = self.acts.by(call.actor, "articles.closed", site=call.site, now=call.now)
            closed = await self.articles.close_older(
                call.site, wish.older_than_days, now=call.now, act=act
            )
        left = await self.articles.count_older(call.site, wish.older_than_days, now=call.now)
        return Reply(content={"closed": closed, "remaining": left})
