"""What the author of a rejected comment is told, in three languages."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

DEFAULT_LANGUAGE = "en"

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


def public_text(reason: str, lang: str) -> str:
    """Return the sentence for a reason in a language (`fr`, `fr-CA`), else in English.

    A site's own reason is its own sentence.
    """
    texts = PUBLIC_TEXTS.get(lang.partition("-")[0].lower(), PUBLIC_TEXTS[DEFAULT_LANGUAGE])
    return texts.get(reason, reason)
