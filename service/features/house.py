"""What a site says of itself: its name, its house rules, and what it tells authors of a reason."""

from __future__ import annotations

from msgspec.structs import replace

from service.features import text
from service.model import REASONS, SiteSettings

NAME_MAX_CHARS = 100
RULES_MAX_CHARS = 10_000
REASON_TEXT_MAX_CHARS = 500


def checked_name(name: str) -> str:
    """Return a site's name as it is kept.

    Raises:
        Invalid: it is none (`/name`).
    """
    return text.clean_line(name, max_chars=NAME_MAX_CHARS, pointer="/name")


def checked(settings: SiteSettings) -> SiteSettings:
    """Return settings with their texts as they are kept; blank ones are left out.

    What was said of a reason that the site has no more goes with it.

    Raises:
        Invalid: a text cannot be taken (`/house_rules/fr`, `/reason_texts/fr/spam`).
    """
    reasons = {*REASONS, *settings.reasons}
    rules = {
        lang: text.clean_note(said, max_chars=RULES_MAX_CHARS, pointer=f"/house_rules/{lang}")
        for lang, said in settings.house_rules.items()
    }
    sentences = {
        lang: _sentences(lang, {each: said for each, said in texts.items() if each in reasons})
        for lang, texts in settings.reason_texts.items()
    }
    return replace(
        settings,
        house_rules={lang: said for lang, said in rules.items() if said},
        reason_texts={lang: texts for lang, texts in sentences.items() if texts},
    )


def _sentences(lang: str, texts: dict[str, str]) -> dict[str, str]:
    return {
        reason: text.clean_line(
            said, max_chars=REASON_TEXT_MAX_CHARS, pointer=f"/reason_texts/{lang}/{reason}"
        )
        for reason, said in texts.items()
        if said.strip()
    }
