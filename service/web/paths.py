"""Paths: which operation is meant, and what the path's values may be.

A path is matched on its segments as they were sent, percent-encoded: an article's key may hold
a slash (`%2F`). A segment is decoded strictly; what is no UTF-8 is no path of ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote_to_bytes

from msgspec import Struct, field

from service.errors import Failure, FieldError, Invalid, NotFound
from service.features.articles import KEY_MAX_CHARS, is_printable
from service.features.sites import SLUG
from service.web.operation import Operation

_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
VALUE_MAX_CHARS = 200
"""Of a path's value that has no grammar of its own."""


class Parameter(Struct, frozen=True, kw_only=True):
    """A value that stands in paths, as OpenAPI and people are told of it."""

    schema: Mapping[str, Any]
    description: str


PARAMETERS: Mapping[str, Parameter] = {
    "site": Parameter(
        schema={"type": "string", "pattern": f"^{SLUG.pattern.removesuffix('Z')[:-1]}$"},
        description="The site's slug.",
    ),
    "article": Parameter(
        schema={"type": "string", "minLength": 1, "maxLength": KEY_MAX_CHARS},
        description="The news site's own key of the article, percent-encoded (a slash is %2F).",
    ),
}
"""Those with a grammar of their own; `…_id` is a UUID, unless it is one of `NAMES`."""

NAMES = frozenset({"key_id", "job_id"})
"""Ids that are no UUIDs."""

_ID = Parameter(
    schema={
        "type": "string",
        "format": "uuid",
        "pattern": f"^{_UUID.pattern.removesuffix('Z')[:-1]}$",
    },
    description="An id as the service gave it out: a UUID, lower case.",
)
_NAME = Parameter(
    schema={"type": "string", "minLength": 1, "maxLength": VALUE_MAX_CHARS},
    description="As the service gave it out, percent-encoded.",
)


def parameter(name: str) -> Parameter:
    """Return what is known of a value that stands in paths."""
    if name in PARAMETERS:
        return PARAMETERS[name]
    return _ID if _is_id(name) else _NAME


def parameters_of(template: str) -> list[str]:
    """Return the names of a template's values, in their order."""
    return [part[1:-1] for part in template.split("/") if part.startswith("{")]


def refusal(values: Mapping[str, str]) -> Failure | None:
    """Return what is wrong with the values of a path, if anything is.

    A site's slug is left to the directory of sites. A key that cannot be an article's is
    invalid: such an article could never be. Any other value just names nothing.
    """
    for name, value in values.items():
        if name == "site":
            continue
        if name == "article":
            fault = _article_fault(value)
            if fault is not None:
                return Invalid(fault.detail, errors=(fault,))
        elif _is_id(name):
            if not _UUID.match(value):
                return NotFound()
        elif len(value) > VALUE_MAX_CHARS or not is_printable(value):
            return NotFound()
    return None


class Found(Struct, frozen=True, kw_only=True):
    """Where a path leads."""

    template: str
    by_method: Mapping[str, Operation]
    values: Mapping[str, str]
    """Decoded."""

    @property
    def allow(self) -> str:
        """The value of `Allow`."""
        methods = set(self.by_method) | {"OPTIONS"}
        if "GET" in methods:
            methods.add("HEAD")
        return ", ".join(sorted(methods))

    @property
    def cors(self) -> bool:
        """Whether pages of the site call anything here."""
        return any(operation.cors for operation in self.by_method.values())

    @property
    def any_host(self) -> bool:
        """Whether what is here answers under any `Host`."""
        return any(operation.any_host for operation in self.by_method.values())


class _Node(Struct):
    literals: dict[str, _Node] = field(default_factory=dict)
    values: dict[str, _Node] = field(default_factory=dict)
    template: str = ""
    by_method: dict[str, Operation] = field(default_factory=dict)


class Routes:
    """All operations by path."""

    def __init__(
        self,
        operations: Iterable[Operation],
        *,
        later: Mapping[str, Callable[[], Iterable[Operation]]] = MappingProxyType({}),
    ) -> None:
        """Build the table.

        What comes `later`, by the first segment of its paths, is added when such a path is not
        found: none of its paths may be one of an operation that is there before.

        Raises:
            ValueError: two operations share a name, or a method and a path.
        """
        self.operations: list[Operation] = []
        self._root = _Node()
        self._names: set[str] = set()
        self._later = dict(later)
        for operation in operations:
            self._add(operation)

    def find(self, path: str) -> Found | None:
        """Return where a path, percent-encoded and without query, leads."""
        if not path.startswith("/"):
            return None
        segments = path[1:].split("/")
        values: list[tuple[str, str]] = []
        node = _walk(self._root, segments, 0, values)
        if node is None and segments[0] in self._later:
            for operation in self._later[segments[0]]():
                self._add(operation)
            del self._later[segments[0]]
            node = _walk(self._root, segments, 0, values)
        if node is None:
            return None
        decoded = {}
        for name, raw in values:
            value = decode(raw)
            if value is None:
                return None
            decoded[name] = value
        return Found(template=node.template, by_method=node.by_method, values=decoded)

    def _add(self, operation: Operation) -> None:
        if operation.operation_id in self._names:
            raise ValueError(f"Two operations are called {operation.operation_id}.")
        self._names.add(operation.operation_id)
        self.operations.append(operation)
        node = self._root
        for part in operation.path[1:].split("/"):
            if part.startswith("{"):
                node = node.values.setdefault(part[1:-1], _Node())
            else:
                node = node.literals.setdefault(part, _Node())
        if operation.method in node.by_method:
            raise ValueError(f"Two operations answer {operation.method} {operation.path}.")
        node.template = operation.path
        node.by_method[operation.method] = operation


def decode(raw: str) -> str | None:
    """Decode a percent-encoded segment; None when it is not one or no UTF-8."""
    if "%" not in raw and raw.isascii():
        return raw
    if _PERCENT.search(raw):
        return None
    try:
        return unquote_to_bytes(raw).decode()
    except UnicodeError:
        return None


def _walk(
    node: _Node, segments: list[str], place: int, values: list[tuple[str, str]]
) -> _Node | None:
    """Go on from a node; a literal segment is preferred to a value."""
    while place < len(segments) and not node.values:  # there is one way at most
        only = node.literals.get(segments[place])
        if only is None:
            return None
        node, place = only, place + 1
    if place == len(segments):
        return node if node.by_method else None
    segment = segments[place]
    literal = node.literals.get(segment)
    if literal is not None:
        found = _walk(literal, segments, place + 1, values)
        if found is not None:
            return found
    if not segment:
        return None
    for name, below in node.values.items():
        values.append((name, segment))
        found = _walk(below, segments, place + 1, values)
        if found is not None:
            return found
        values.pop()
    return None


def _is_id(name: str) -> bool:
    return name.endswith("_id") and name not in NAMES


def _article_fault(key: str) -> FieldError | None:
    if len(key) > KEY_MAX_CHARS:
        return FieldError(
            pointer="/article",
            code="too_long",
            detail=f"An article's key has at most {KEY_MAX_CHARS} characters.",
        )
    if not is_printable(key):
        return FieldError(
            pointer="/article",
            code="bad_format",
            detail="An article's key has printable characters only.",
        )
    return None
