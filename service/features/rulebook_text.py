"""Rules as people write them, in YAML, TOML or JSON, and where in it something is wrong."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace
from pydantic import ValidationError

from service.errors import FieldError
from service.features import rulebook_yaml

Form = Literal["yaml", "toml", "json"]

DOCUMENT_MAX_CHARS = 1_000_000
"""Of a document; api.md allows a body of 1 MiB."""
TROUBLES_MAX = 50
"""Told at once."""

_TOML_PLACE = re.compile(r"\(at line (\d+), column (\d+)\)")
_TOML_END = "(at end of document)"
_TOML_NAME = re.compile(r"\s*([A-Za-z0-9_-]+)(?:\s*\.\s*([A-Za-z0-9_-]+))?\s*=")
_TOML_RULE = re.compile(r"^\s*\[\[\s*rules\s*\]\]")


class Trouble(Struct, frozen=True, kw_only=True):
    """One thing that is wrong with a document, and where."""

    line: int
    """From 1."""
    column: int
    """From 1; 1 where only the line is known."""
    code: str
    detail: str
    pointer: str = ""
    """JSON pointer to it, where the document could be read."""


class Read(Struct, frozen=True, kw_only=True):
    """A document as it was read."""

    value: Any
    places: Mapping[str, tuple[int, int]]
    """JSON pointer -> line and column, as far as the form tells them."""
    lines: int

    def located(self, error: FieldError, *, root: str = "") -> FieldError:
        """Return an error with its line and column; `root` is what pointers begin with."""
        place = self.trouble(replace(error, pointer=error.pointer.removeprefix(root)))
        return replace(error, line=place.line, column=place.column)

    def trouble(self, error: FieldError) -> Trouble:
        """Say where an error stands: there, or at the nearest place around it that is known."""
        pointer = error.pointer
        while pointer and pointer not in self.places:
            pointer = pointer.rpartition("/")[0]
        line, column = self.places.get(pointer, (1, 1))
        return Trouble(
            line=line, column=column, code=error.code, detail=error.detail, pointer=error.pointer
        )


class Unreadable(Exception):  # noqa: N818 - it is told to a person
    """A text is no document of its form."""

    def __init__(self, trouble: Trouble) -> None:
        """Carry where."""
        super().__init__(trouble.detail)
        self.trouble = trouble


def form_of(name: str) -> Form:
    """Return the form of a file by its name; YAML unless the name says otherwise."""
    _, _, ending = name.lower().rpartition(".")
    return "toml" if ending == "toml" else "json" if ending == "json" else "yaml"


def read_document(text: str, form: Form) -> Read:
    """Read a document.

    Raises:
        Unreadable: it is not of its form, or says a name twice.
    """
    if len(text) > DOCUMENT_MAX_CHARS:
        raise Unreadable(_broken(1, 1, f"At most {DOCUMENT_MAX_CHARS:,} characters."))
    value, places = _read_toml(text) if form == "toml" else _read_yaml(text)
    return Read(value=value, places=places, lines=text.count("\n") + 1)


def write_rule(rule: Mapping[str, Any]) -> str:
    """Write a rule's JSON as people edit it: in the order in which one reads it."""
    return rulebook_yaml.write(_in_order(rule))


def _in_order(said: Any) -> Any:
    """Put names in their order again, which Postgres does not keep."""
    if isinstance(said, list):
        return [_in_order(each) for each in said]
    if not isinstance(said, Mapping):
        return said
    return {
        name: _in_order(said[name])
        for name in sorted(said, key=lambda name: _ORDER.get(name, len(_ORDER)))
    }


_ORDER = {
    name: place
    for place, name in enumerate(
        (
            *("title", "scope", "when", "then", "all", "any", "none"),
            *("words", "phrases", "list", "regex", "view", "min", "max"),
            *("from", "to", "days", "zone", "by", "size_min", "within_minutes"),
            *("action", "severity", "raise", "reason", "note", "tell", "notify"),
        )
    )
}


def field_errors(error: ValidationError, value: Any, *, below: str = "") -> tuple[FieldError, ...]:
    """Return what pydantic found in our codes, with pointers into what was written."""
    found: dict[tuple[str, str], FieldError] = {}
    for fault in error.errors(include_url=False, include_input=False):
        pointer = below + _pointer(fault["loc"], value)
        code = _CODES.get(fault["type"], "bad_value")
        detail = fault["msg"].removeprefix("Value error, ")
        field = FieldError(pointer=pointer, code=code, detail=f"{detail[:1].upper()}{detail[1:]}.")
        found.setdefault((pointer, field.detail), field)
    return tuple(found.values())[:TROUBLES_MAX]


_CODES = {"missing": "missing", "extra_forbidden": "unknown_field"}


def _pointer(loc: tuple[int | str, ...], value: Any) -> str:
    """Follow pydantic's path as far as it leads through what was written."""
    pointer = ""
    for step in loc:
        known = isinstance(value, dict | list)
        pointer += f"/{step}" if known else ""
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            value = None
    return pointer


def _read_yaml(text: str) -> tuple[Any, dict[str, tuple[int, int]]]:
    """Read YAML, of which JSON is a part."""
    try:
        return rulebook_yaml.read(text)
    except rulebook_yaml.Broken as broken:
        raise Unreadable(_broken(broken.line, broken.column, broken.detail)) from broken


def _read_toml(text: str) -> tuple[Any, dict[str, tuple[int, int]]]:
    """Read TOML; of places it tells the line of each rule, and of the names in it."""
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        said = str(error)
        place = _TOML_PLACE.search(said)
        line, column = (int(place[1]), int(place[2])) if place else (text.count("\n") + 1, 1)
        detail = _TOML_PLACE.sub("", said).replace(_TOML_END, "").strip()
        raise Unreadable(_broken(line, column, f"{detail}.")) from error
    except RecursionError as error:
        raise Unreadable(_broken(1, 1, "Nested too deep.")) from error
    except ValueError as error:
        raise Unreadable(_broken(1, 1, "A number that is too long.")) from error
    return value, _toml_places(text)


def _toml_places(text: str) -> dict[str, tuple[int, int]]:
    places: dict[str, tuple[int, int]] = {}
    rule = -1
    for number, written in enumerate(text.splitlines(), start=1):
        if _TOML_RULE.match(written):
            rule += 1
            places[f"/rules/{rule}"] = (number, 1)
            continue
        name = _TOML_NAME.match(written)
        below = f"/rules/{rule}" if rule >= 0 else ""
        for part in filter(None, name.groups() if name else ()):
            below = f"{below}/{part}"
            places.setdefault(below, (number, len(written) - len(written.lstrip()) + 1))
    return places


def _broken(line: int, column: int, detail: str) -> Trouble:
    return Trouble(line=line, column=column, code="unreadable", detail=detail)
