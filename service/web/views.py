"""The widget says that an article is read."""

from __future__ import annotations

from msgspec import Struct

from service.features.views import Views
from service.web.operation import Cache, Call, Operation, Reply


class Viewing(Struct, frozen=True, kw_only=True):
    """What the widget says once its comments are shown."""

    views: Views

    def operations(self) -> list[Operation]:
        """Return the one operation."""
        return [
            Operation(
                operation_id="count_view",
                method="GET",
                path="/v1/sites/{site}/articles/{article}/view",
                summary="Count a view of an article",
                description="Sent once, after the comments are shown. Whose view it is, is neither"
                " asked nor kept.",
                tag="Readers",
                answers={204: None},
                cors=True,
                handler=self.view,
            )
        ]

    async def view(self, call: Call) -> Reply:
        """Count it."""
        self.views.note(call.site, call.article)
        return Reply(status=204, cache=Cache.NEVER)
