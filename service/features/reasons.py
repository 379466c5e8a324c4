"""Why a comment is turned down: which reasons there are, and what its author is told of them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from service.errors import FieldError, Invalid
from service.model import REASONS, Site

DEFAULT_LANGUAGE = "en"
OTHER_REASON = "other"

PUBLIC_TEXTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "en": {
            "spam": "It reads like spam.",
            "advertising": "It advertises something.",
            "abuse": "It insults somebody.",
            "hate": "It attacks people for who they are.",
            "harassment": "It harasses or threatens somebody.",
            "off_topic": "It is not about the article.",
            "false_information": "It states something that is not true.",
            "personal_data": "It contains somebody's personal details.",
            "illegal": "It may be against the law.",
            "duplicate": "You sent the same comment before.",
            "other": "It does not follow our rules for comments.",
        },
        "fr": {
            "spam": "Il ressemble à du pourriel.",
            "advertising": "Il fait de la publicité.",
            "abuse": "Il insulte quelqu’un.",
            "hate": "Il s’en prend à des personnes pour ce qu’elles sont.",
            "harassment": "Il harcèle ou menace quelqu’un.",
            "off_topic": "Il ne porte pas sur l’article.",
            "false_information": "Il affirme une chose inexacte.",
            "personal_data": "Il contient des données personnelles.",
            "illegal": "Il est peut-être contraire à la loi.",
            "duplicate": "Vous avez déjà envoyé ce commentaire.",
            "other": "Il ne respecte pas nos règles de publication.",
        },
        "ar": {
            "spam": "يبدو رسالة مزعجة.",
            "advertising": "يتضمن إعلانًا.",
            "abuse": "يتضمن إهانة لشخص ما.",
            "hate": "يهاجم أشخاصًا بسبب هويتهم.",
            "harassment": "يتضمن مضايقة أو تهديدًا.",
            "off_topic": "لا يتعلق بموضوع المقال.",
            "false_information": "يتضمن معلومة غير صحيحة.",
            "personal_data": "يتضمن بيانات شخصية.",
            "illegal": "قد يكون مخالفًا للقانون.",
            "duplicate": "سبق أن أرسلت هذا التعليق.",
            "other": "لا يلتزم بقواعد التعليقات لدينا.",
        },
    }
)
"""Sentences about the comment ("it"), by language and reason."""


BY_RULE: Mapping[str, str] = MappingProxyType(
    {
        "en": "A rule of this site decided that, and no person has looked yet.",
        "fr": "Une règle de ce site en a décidé ; personne n’a encore regardé.",
        "ar": "قرّرت ذلك قاعدة من قواعد هذا الموقع، ولم ينظر فيه أحد بعد.",
    }
)
"""What is said besides where nobody has looked, by language."""

Texts = Mapping[str, Mapping[str, str]]
"""By language and reason."""

NONE: Texts = MappingProxyType({})


def public_text(reason: str, lang: str, own: Texts = NONE) -> str:
    """Return the sentence for a reason in a language (`fr`, `fr-CA`), else in English.

    `own` are a site's sentences, which go before. A reason that nobody wrote a sentence for, in
    this language or in English, is its own.
    """
    tongue = lang.partition("-")[0].lower()
    for texts in (own.get(tongue), PUBLIC_TEXTS.get(tongue), own.get(DEFAULT_LANGUAGE)):
        if texts is not None and reason in texts:
            return texts[reason]
    return PUBLIC_TEXTS[DEFAULT_LANGUAGE].get(reason, reason)


def reasons_of(*sites: Site) -> frozenset[str]:
    """Return every reason that can be given on some sites."""
    return frozenset(REASONS).union(*(site.settings.reasons for site in sites))


def reason_fault(
    reason: str | None, *sites: Site, is_needed: bool, pointer: str = "/reason"
) -> FieldError | None:
    """Say what is wrong with the reason of a decision: there is none, or none of that name."""
    if reason is None:
        code, detail = "missing", "A reason is needed."
        return FieldError(pointer=pointer, code=code, detail=detail) if is_needed else None
    if reason in reasons_of(*sites):
        return None
    return FieldError(pointer=pointer, code="unknown_reason", detail="No such reason here.")


def check_reason(site: Site, reason: str | None, *, is_needed: bool) -> None:
    """Refuse a reason that cannot be given.

    Raises:
        Invalid: it is missing where one is needed, or the site has none of that name.
    """
    fault = reason_fault(reason, site, is_needed=is_needed)
    if fault is not None:
        raise Invalid(fault.detail, errors=(fault,))


def known_reason(site: Site, reason: str | None) -> str | None:
    """Return a reason, or `other` where the site has taken it back since it was given."""
    return reason if reason is None or reason in reasons_of(site) else OTHER_REASON


def by_rule_text(lang: str) -> str:
    """Return the sentence that says that a rule decided, in a language, else in English."""
    return BY_RULE.get(lang.partition("-")[0].lower(), BY_RULE[DEFAULT_LANGUAGE])


def texts_with(own: Texts) -> Texts:
    """Return all sentences by language, a site's own before the service's."""
    languages = dict.fromkeys((*PUBLIC_TEXTS, *own))
    return {each: {**PUBLIC_TEXTS.get(each, {}), **own.get(each, {})} for each in languages}
