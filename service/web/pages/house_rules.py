"""`/rules/{site}`: a site's house rules, for its readers."""

from __future__ import annotations

from msgspec import Struct

from service.errors import NotFound
from service.web.operation import HTML, Call, Operation, Reply
from service.web.pages.asked import PageQuery
from service.web.pages.files import PAGE_STYLE, TAG
from service.web.pages.policy import PAGE_POLICY, as_pages
from service.web.pages.templates import render
from service.web.pages.words import tongue_of


class RulesPages(Struct, frozen=True, kw_only=True):
    """The page of a site's house rules."""

    def operations(self) -> list[Operation]:
        """Return the page."""
        return [
            Operation(
                operation_id="house_rules_page",
                method="GET",
                path="/rules/{site}",
                summary="A site's house rules",
                tag=TAG,
                query=PageQuery,
                answers={200: HTML},
                problems=(NotFound,),
                public=True,
                hidden=True,
                handler=as_pages(self.show),
            )
        ]

    async def show(self, call: Call) -> Reply:
        """Show the rules in the language that is asked for, or else in one that there are."""
        settings = call.site.settings
        said = call.query_as(PageQuery).lang or ""
        asked = (said, said.partition("-")[0], *settings.languages)
        written = settings.house_rules
        lang = next((each for each in asked if each in written), next(iter(written), None))
        if lang is None:
            raise NotFound("This site has no house rules.")
        tongue = tongue_of(lang)
        return Reply(
            ready=render(
                "rules.html",
                tongue=tongue,
                lang=lang,
                rules=[line.strip() for line in written[lang].splitlines() if line.strip()],
                site_name=call.site.name,
                style=PAGE_STYLE.address,
            ),
            media_type=HTML,
            headers={"Content-Security-Policy": PAGE_POLICY},
        )
