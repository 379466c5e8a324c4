"""A whole document of rules as it was written: checked, with every fault at its line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from msgspec import Struct
from pydantic import ValidationError

from service.errors import FieldError, Invalid
from service.features.rule_changes_checks import explained
from service.features.rulebook_text import (
    Form,
    Read,
    Trouble,
    Unreadable,
    field_errors,
    read_document,
)
from service.features.screening import BadRules, RuleDocument, compile_rules
from service.features.screening.words import WordList


class Document(Struct, frozen=True, kw_only=True):
    """A document that can be used."""

    rules: RuleDocument
    written: Mapping[str, Mapping[str, Any]]
    """Each rule's JSON by its id, as it was written."""


class BadDocument(Exception):  # noqa: N818 - it is told to a person, fault by fault
    """A document that cannot be used."""

    def __init__(self, troubles: Iterable[Trouble]) -> None:
        """Carry everything that is wrong, in the order of the lines."""
        self.troubles = tuple(sorted(troubles, key=lambda one: (one.line, one.column)))
        super().__init__(self.troubles[0].detail)


def read_rules(text: str, form: Form, lists: Mapping[str, WordList]) -> Document:
    """Read and check a document; `lists` are those that its rules may name beside its own.

    Compiling takes 10 to 100 ms: not for the event loop.

    Raises:
        BadDocument: it is not of its form, a rule is none, or a pattern or a list cannot be used.
    """
    try:
        read = read_document(text, form)
    except Unreadable as error:
        raise BadDocument([error.trouble]) from error
    try:
        document = RuleDocument.model_validate(read.value)
    except ValidationError as error:
        raise BadDocument(_places(field_errors(error, read.value), read)) from None
    everything = document.model_copy(
        update={"rules": [rule.model_copy(update={"state": "live"}) for rule in document.rules]}
    )
    try:
        compile_rules(everything, lists=lists)
    except BadRules as error:
        raise BadDocument(
            _places((explained(one, read.value) for one in error.errors), read)
        ) from None
    written = {rule["id"]: rule for rule in read.value.get("rules", ())}
    return Document(rules=document, written=written)


class WrittenRule(Struct, frozen=True, kw_only=True):
    """One rule as an editor wrote it, and how to say where something is wrong in it."""

    wish: Mapping[str, Any]
    read: Read | None
    """None where it was sent as JSON: pointers say it all."""

    @contextmanager
    def located(self) -> Iterator[None]:
        """Give what is refused within the block its line and column.

        Raises:
            Invalid: as it was raised.
        """
        try:
            yield
        except Invalid as refused:
            read = self.read
            if read is not None:
                refused.errors = tuple(
                    read.located(one, root="/rule") if one.pointer.startswith("/rule") else one
                    for one in refused.errors
                )
            raise


def read_rule_text(text: str) -> WrittenRule:
    """Read one rule in YAML.

    Raises:
        Invalid: it is none.
    """
    try:
        read = read_document(text, "yaml")
    except Unreadable as error:
        place = error.trouble
        fault = FieldError(
            pointer="/text",
            code=place.code,
            detail=place.detail,
            line=place.line,
            column=place.column,
        )
        raise Invalid(place.detail, errors=(fault,)) from error
    if not isinstance(read.value, dict):
        detail = "A rule begins with its title, as in docs/screening.md."
        fault = FieldError(pointer="/text", code="unreadable", detail=detail, line=1, column=1)
        raise Invalid(detail, errors=(fault,))
    return WrittenRule(wish=read.value, read=read)


def _places(errors: Iterable[FieldError], read: Read) -> list[Trouble]:
    return [read.trouble(one) for one in errors]
