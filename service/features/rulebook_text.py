"""Rules as people write them, in YAML, TOML or JSON, and where in it something is wrong."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import yaml
from pydantic import ValidationError

from service.errors import FieldError

Form = Literal["yaml", "toml", "json"]

DOCUMENT_MAX_CHARS = 1_000_000
"""Of a document; api.md allows a body of 1 MiB."""
TROUBLES_MAX = 50
"""Told at once."""

_TOML_PLACE = re.compile(r"\(at line (\d+), column (\d+)\)")
_TOML_END = "(at end of document)"
_TOML_NAME = re.compile(r"\s*([A-Za-z0-9_-]+)(?:\s*\.\s*([A-Za-z0-9_-]+))?\s*=")
_TOML_RULE = re.compile(r"^\s*\[\[\s*rules\s*\]\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One thing that is wrong with a document, and where."""

    line: int
    """From 1."""
    column: int
    """From 1; 1 where only the line is known."""
    code: str
    detail: str
    pointer: str = ""
    """JSON pointer to it, where the document could be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
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
    return yaml.dump(
        _in_order(rule),
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=TEXT_WIDTH,
    )


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


TEXT_WIDTH = 90
FLOW_MAX = 72
"""Characters up to which what has no groups in it stands on one line."""


class _Dumper(yaml.SafeDumper):
    """YAML with short conditions on one line each."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT001, FBT002 - PyYAML's
        """Indent lists below their names."""
        del indentless
        super().increase_indent(flow, False)


def _mapping(dumper: _Dumper, value: dict[str, Any]) -> yaml.Node:
    is_short = len(str(value)) <= FLOW_MAX and not {"all", "any", "none", "when"} & value.keys()
    return dumper.represent_mapping("tag:yaml.org,2002:map", value.items(), flow_style=is_short)


_Dumper.add_representer(dict, _mapping)


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
    places: dict[str, tuple[int, int]] = {}
    try:
        node = yaml.compose(text, Loader=_Plain)
        value = None if node is None else _value(node, "", places)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        said = (error.problem or error.context or "this cannot be read").strip()
        raise Unreadable(_broken(line, column, f"{said[:1].upper()}{said[1:]}.")) from error
    except yaml.YAMLError as error:
        raise Unreadable(_broken(1, 1, "A character that no document may have.")) from error
    except RecursionError as error:
        raise Unreadable(_broken(1, 1, "Nested too deep.")) from error
    except (ValueError, OverflowError) as error:  # of an escape beyond Unicode
        raise Unreadable(_broken(1, 1, "A character that no document may have.")) from error
    return value, places


class _Plain(yaml.SafeLoader):
    """YAML as rules are written in it: times of day are strings, and nothing refers to anything."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Refuse aliases: a few lines of them stand for more than any memory holds."""
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="references are not known", problem_mark=mark)
        return super().compose_node(parent, index)


_Plain.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag in {"tag:yaml.org,2002:null", "tag:yaml.org,2002:float"}
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Plain.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
_Plain.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"^[-+]?(?:0|[1-9][0-9]*)$"), list("-+0123456789")
)


def _value(node: yaml.Node, pointer: str, places: dict[str, tuple[int, int]]) -> Any:
    """Return what a node says, noting where each part stands."""
    if pointer in places:
        raise yaml.MarkedYAMLError(problem=f"{pointer!r} twice", problem_mark=node.start_mark)
    places[pointer] = (node.start_mark.line + 1, node.start_mark.column + 1)
    if len(pointer) > POINTER_MAX:
        raise yaml.MarkedYAMLError(problem="nested too deep", problem_mark=node.start_mark)
    if isinstance(node, yaml.SequenceNode):
        return [_value(each, f"{pointer}/{at}", places) for at, each in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        return dict(_members(node, pointer, places))
    try:
        value = _Plain("").construct_object(node)
    except (ValueError, KeyError, AttributeError) as error:
        problem = "this is not what its tag says"
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark) from error
    if isinstance(value, str):
        _check_characters(value, node)
    return value


def _check_characters(value: str, node: yaml.Node) -> None:
    """Refuse what an escape can write and no store can keep."""
    if _UNKEPT.search(value):
        problem = "a character that cannot be kept"
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


_UNKEPT = re.compile("[\0\ud800-\udfff]")

POINTER_MAX = 400
"""Characters of a pointer: groups are at most three deep."""


def _members(
    node: yaml.MappingNode, pointer: str, places: dict[str, tuple[int, int]]
) -> Iterator[tuple[str, Any]]:
    for key, value in node.value:
        name = str(key.value)
        _check_characters(name, key)
        if f"{pointer}/{name}" in places:
            problem = f"{name!r} is said twice"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
        said = _value(value, f"{pointer}/{name}", places)
        places[f"{pointer}/{name}"] = (key.start_mark.line + 1, key.start_mark.column + 1)
        yield name, said


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
