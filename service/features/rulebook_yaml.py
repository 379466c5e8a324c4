"""Rules in YAML. A module of its own: the parser is loaded when somebody reads or writes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

TEXT_WIDTH = 90
FLOW_MAX = 72
"""Characters up to which what has no groups in it stands on one line."""


class Broken(Exception):  # noqa: N818 - it is told to a person
    """A text is no YAML, or none that we read."""

    def __init__(self, line: int, column: int, detail: str) -> None:
        """Carry where, both from 1."""
        super().__init__(detail)
        self.line = line
        self.column = column
        self.detail = detail


def read(text: str) -> tuple[Any, dict[str, tuple[int, int]]]:
    """Return what a text says, and where: JSON pointer -> line and column, from 1.

    Raises:
        Broken: it is no YAML, or says a name twice, or refers to something.
    """
    places: dict[str, tuple[int, int]] = {}
    try:
        node = yaml.compose(text, Loader=_Plain)
        value = None if node is None else _value(node, "", places)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        said = (error.problem or error.context or "this cannot be read").strip()
        raise Broken(line, column, f"{said[:1].upper()}{said[1:]}.") from error
    except yaml.YAMLError as error:
        raise Broken(1, 1, "A character that no document may have.") from error
    except RecursionError as error:
        raise Broken(1, 1, "Nested too deep.") from error
    except (ValueError, OverflowError) as error:  # of an escape beyond Unicode
        raise Broken(1, 1, "A character that no document may have.") from error
    return value, places


def write(value: Any) -> str:
    """Write JSON as YAML, its names in the order they have."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=TEXT_WIDTH)


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
