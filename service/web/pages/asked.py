"""What a page's query says; people's links are read with patience."""

from __future__ import annotations

from typing import Literal, get_args
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from service.features.threads import Sort
from service.web.pages.words import LANGUAGES, Tongue

Notice = Literal["held", "published"]
"""Also the phrases they are told by."""


class Patient(BaseModel):
    """A query of which the unknown is ignored: pages are linked to by anybody."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class PageQuery(Patient):
    """Which page of a thread, and in which language."""

    lang: str | None = None
    sort: str | None = None
    cursor: str | None = None
    comment: str | None = None
    """The page that holds this comment."""
    parent: str | None = None
    """Only the replies of this comment."""
    reply: str | None = None
    """With the form of a reply to this comment."""
    postbag: str | None = None
    """What became of the form that led here."""


def language_of(said: str | None) -> str | None:
    """Return the code of a language we know."""
    code = (said or "").partition("-")[0].lower()
    return code if code in LANGUAGES else None


def sort_of(said: str | None) -> Sort:
    """Return an order; the best first unless another is named."""
    return Sort(said) if said in set(Sort) else Sort.BEST


def id_of(said: str | None) -> UUID | None:
    """Return a comment's id; None for what cannot be one."""
    try:
        return UUID(said) if said else None
    except ValueError:
        return None


def notice_of(said: str | None, tongue: Tongue) -> str | None:
    """Return the sentence a form's sender is greeted with."""
    return tongue.say(said) if said and said in get_args(Notice) else None
