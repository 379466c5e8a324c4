"""Comments that nobody wrote, for the picture of the widget."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from service.model import Site
from service.web.wire.base import stamp

ARTICLE: Final = "preview"

SAYINGS: Final[Mapping[str, tuple[tuple[str, str], tuple[str, str], tuple[str, str]]]] = {
    "en": (
        ("Leila Haddad", "The second paragraph is the one that matters. Could we read the report?"),
        ("The newsroom", "It is linked at the end of the article now. Thank you for asking."),
        ("Omar", "A calm piece on a loud subject. More of these, please."),
    ),
    "fr": (
        ("Leïla Haddad", "C’est le deuxième paragraphe qui compte. Peut-on lire le rapport ?"),
        (
            "La rédaction",
            "Il est maintenant en lien à la fin de l’article. Merci de l’avoir demandé.",
        ),
        ("Omar", "Un texte calme sur un sujet bruyant. Encore, s’il vous plaît."),
    ),
    "ar": (
        ("ليلى حداد", "الفقرة الثانية هي المهمة. هل يمكننا قراءة التقرير؟"),
        ("هيئة التحرير", "صار الرابط في آخر المقال. شكرًا على السؤال."),
        ("عمر", "مقال هادئ عن موضوع صاخب. نريد المزيد من هذا."),
    ),
}
"""Name and text of a comment, of a reply to it, and of another comment."""

STAFF: Final[Mapping[str, str]] = {"en": "Staff", "fr": "Rédaction", "ar": "من الفريق"}


def thread(site: Site, lang: str, *, now: datetime) -> dict[str, Any]:
    """Return a thread as the widget takes it over from a page."""
    asking, answering, praising = SAYINGS[lang]
    answer = _comment(2, answering, lang, now - timedelta(minutes=20), badge=STAFF[lang])
    answer["parent_id"] = _id(1)
    first = _comment(1, asking, lang, now - timedelta(minutes=55), up=12)
    first |= {"replies": [answer], "reply_count": 1}
    settings = site.settings
    return {
        "site": {
            "body_max_chars": settings.body_max_chars,
            "guests_allowed": settings.guests_allowed,
            "votes_allowed": settings.votes_allowed,
            "usual_minutes": None,
        },
        "article": {
            "key": ARTICLE,
            "url": None,
            "title": None,
            "state": "open",
            "closed_at": None,
            "count": 3,
        },
        "comments": [first, _comment(3, praising, lang, now - timedelta(hours=3), up=4)],
        "next": None,
        "remaining": 0,
    }


def _id(number: int) -> str:
    return f"00000000-0000-7000-8000-{number:012d}"


def _comment(
    number: int,
    said: tuple[str, str],
    lang: str,
    at: datetime,
    *,
    up: int = 0,
    badge: str | None = None,
) -> dict[str, Any]:
    name, text = said
    return {
        "id": _id(number),
        "article": ARTICLE,
        "parent_id": None,
        "status": "approved",
        "revision": 1,
        "author": {"name": name, "badge": badge, "avatar": None},
        "body": [{"t": "p", "c": [text]}],
        "text": text,
        "lang": lang,
        "created_at": stamp(at),
        "edited_at": None,
        "votes": {"up": up, "down": 0},
        "pinned": False,
        "featured": False,
        "reply_count": 0,
        "replies": [],
        "more_replies": None,
    }
