"""Pages of one site: which one is meant by `?site=`, and what somebody may do there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from service.errors import NotFound
from service.features.lookup import Found
from service.features.sessions import SignedInMember, role_on
from service.model import REASONS, Role, Site
from service.web.dashboard import words
from service.web.dashboard.queue import pieces


class SiteAsked(BaseModel):
    """The address of a page: anything that means nothing is as if it were not there."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    site: str = ""


def slug_of(member: SignedInMember, asked: str) -> str:
    """Return the site that is meant: the one that is named, or else a member's first.

    Raises:
        NotFound: they have no role there, or nowhere.
    """
    for each in member.memberships:
        if asked in {"", each.site}:
            return each.site
    raise NotFound


def rights(member: SignedInMember, site: Site) -> dict[str, bool]:
    """Return what a page may offer."""
    role = role_on(member, site)
    return {
        "decides": role.includes(Role.MODERATOR),
        "senior": role.includes(Role.SENIOR),
        "admin": role.includes(Role.ADMIN),
    }


def reasons_of(site: Site) -> tuple[str, ...]:
    """Return all reasons of a site."""
    return (*REASONS, *site.settings.reasons)


def cut(found: Found, said: str, *, masks: bool) -> list[tuple[str, str]]:
    """Cut a text where signals marked it, as the queue does; of public texts nothing is kept."""
    is_public = found.public is not None and found.public.text is not None
    source = None if is_public else found.waiting or found.kept
    why = [{"rule": each.rule, "spans": each.spans} for each in source.why] if source else []
    return pieces(said, why, masks=masks)


def spoken(lang: str) -> Mapping[str, Any]:
    """Return the phrases of the queue's modules: what reasons and states are called."""
    return words.script_words(lang, ["queue", "people"])
