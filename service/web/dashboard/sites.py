"""The page of a site's settings, and the widget as readers would see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from msgspec import Struct
from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict

from service.features.reasons import PUBLIC_TEXTS
from service.features.sites import SiteDirectory
from service.model import REASONS, Mode, Role, SiteSettings
from service.web.dashboard import files, sample, words
from service.web.dashboard.choice import chosen_site
from service.web.dashboard.frame import HEADERS, POLICY, page, page_operation
from service.web.dashboard.words import LANGUAGES
from service.web.operation import HTML, Cache, Call, Operation, Reply
from service.web.pages.fragment import script_safe
from service.web.pages.places import base_of
from service.web.pages.templates import render
from service.web.wire.management import settings_json

PATH: Final = "/moderate/sites"
COLUMNS_MAX = 6
"""Languages that stand side by side."""
RIGHT_TO_LEFT: Final = frozenset(
    {"ar", "ckb", "dv", "fa", "he", "ku", "ps", "sd", "ug", "ur", "yi"}
)
"""Languages written from right to left."""

FRAMING: Final[Mapping[str, str]] = {
    **HEADERS,
    "Content-Security-Policy": f"{POLICY}; frame-src 'self'",
}
"""Of the page that shows the widget in frames; no other page of the newsroom has any."""
FRAMED: Final[Mapping[str, str]] = {
    **HEADERS,
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
        " connect-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self';"
        " require-trusted-types-for 'script'; trusted-types 'none'"
    ),
}
"""Of what is shown in them: it asks nobody anything, and stands in our own pages alone."""


class SettingsAsked(BaseModel):
    """The address of the page."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    site: str = ""


class PreviewAsked(BaseModel):
    """How the widget is shown."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    site: str = ""
    lang: str = ""
    theme: Literal["light", "dark"] = "light"


class Frame(Struct, frozen=True, kw_only=True):
    """One way in which the widget is shown."""

    lang: str
    theme: Literal["light", "dark"]


class SitePages(Struct, frozen=True, kw_only=True):
    """The page of settings, and what is framed in it."""

    sites: SiteDirectory
    public_url: str | None

    def operations(self) -> list[Operation]:
        """Return both."""
        settings = page_operation("settings_page", PATH, self.show, role=Role.EDITOR)
        preview = page_operation(
            "widget_preview", f"{PATH}/preview", self.preview, role=Role.EDITOR
        )
        return [replace(settings, query=SettingsAsked), replace(preview, query=PreviewAsked)]

    async def show(self, call: Call) -> Reply:
        """Show every setting as it is now; who is no admin may look."""
        choice = chosen_site(call.member, call.query_as(SettingsAsked).site, Role.EDITOR)
        site = await self.sites.read_again(choice.slug)
        changes, base = choice.may(Role.ADMIN), base_of(self.public_url, call.headers)
        shown = page(
            call,
            "sites.html",
            title="nav_sites",
            section="sites",
            parts=["asking", "sites"],
            site=site,
            settings=site.settings,
            slugs=choice.slugs,
            changes=changes,
            modes=tuple(Mode),
            columns=columns(site.settings),
            reasons=(*REASONS, *site.settings.reasons),
            said=_said,
            direction=direction,
            rules_missing=[
                each for each in columns(site.settings) if each not in site.settings.house_rules
            ],
            frames=frames(site.settings),
            told={
                "sites": {
                    "site": site.slug,
                    "settings": settings_json(site),
                    "changes": changes,
                    "columns": columns(site.settings),
                    "base": base,
                }
            },
        )
        return replace(shown, headers=FRAMING)

    async def preview(self, call: Call) -> Reply:
        """Show the widget with comments that nobody wrote."""
        asked = call.query_as(PreviewAsked)
        site = await self.sites.get(chosen_site(call.member, asked.site, Role.EDITOR).slug)
        tongue = words.tongue(asked.lang if asked.lang in LANGUAGES else LANGUAGES[0])
        return Reply(
            ready=render(
                "dashboard/preview.html",
                tongue=tongue,
                theme=asked.theme,
                site=site.slug,
                asset=files.address,
                payload=script_safe(sample.thread(site, tongue.code, now=call.now)),
            ),
            media_type=HTML,
            headers=FRAMED,
            cache=Cache.PRIVATE,
        )


def columns(settings: SiteSettings) -> list[str]:
    """Return the languages in which a site's texts are written side by side."""
    written = (*settings.house_rules, *settings.reason_texts)
    return list(dict.fromkeys((*settings.languages[:COLUMNS_MAX], *written)))


def direction(lang: str) -> str:
    """Return in which direction a language is written: `ltr` or `rtl`."""
    return "rtl" if lang.partition("-")[0].lower() in RIGHT_TO_LEFT else "ltr"


def frames(settings: SiteSettings) -> list[Frame]:
    """Return how the widget is shown: from left to right and from right to left, light and dark."""
    known = [each.partition("-")[0] for each in settings.languages]
    left = next((each for each in known if each in LANGUAGES and each not in RIGHT_TO_LEFT), "en")
    themes: Sequence[Literal["light", "dark"]] = ("light", "dark")
    return [Frame(lang=lang, theme=theme) for lang in (left, "ar") for theme in themes]


def _said(settings: SiteSettings, lang: str, reason: str) -> Mapping[str, Any]:
    """Return what authors are told of a reason in a language, and what the service would say."""
    own = settings.reason_texts.get(lang, {}).get(reason, "")
    usual = PUBLIC_TEXTS.get(lang.partition("-")[0], {}).get(reason, "")
    return {"own": own, "usual": usual, "missing": not own and not usual}
