"""`/openapi.json` for programs, and `/docs`, the same table for people.

The page is one file without scripts: written here, rendered once, readable on a phone, in light
and in dark, and printed.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from html import escape
from typing import Any

import orjson
from msgspec import Struct
from pydantic import BaseModel

from service.errors import Failure, Forbidden, Unauthenticated
from service.settings import VERSION
from service.web.catalogue import EVERYWHERE, failures_of
from service.web.described import json_schema
from service.web.openapi import openapi, query_parameters
from service.web.operation import (
    HTML,
    JSON,
    AKey,
    AMember,
    AModerator,
    Anyone,
    AVisitor,
    Cache,
    Call,
    Operation,
    Reply,
)
from service.web.paths import parameter, parameters_of
from service.web.problems import status_of
from service.web.reading import CODES

TAG = "Documentation"

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --mark: #0a5c8a }
@media (prefers-color-scheme: dark) { :root { --mark: #7cc4ee } }
* { box-sizing: border-box }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem }
h1 { font-size: 1.6rem } h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line) }
h3 { font-size: 1rem; margin: 0; display: inline; font-weight: 600 }
h4 { margin: 1rem 0 .25rem; font-size: .9rem }
a { color: var(--mark) } a:focus-visible, summary:focus-visible { outline: 2px solid var(--mark) }
code { font-family: ui-monospace, monospace; font-size: .9em; overflow-wrap: anywhere }
details { border: 1px solid var(--line); border-radius: .5rem; margin: .5rem 0 }
summary { padding: .5rem .75rem; cursor: pointer }
details > div { padding: 0 .75rem .75rem }
.method { display: inline-block; min-width: 4.5rem; font-weight: 700; color: var(--mark) }
.what { display: block; color: color-mix(in srgb, currentColor 75%, transparent) }
.scroll { overflow-x: auto }
table { border-collapse: collapse; width: 100%; font-size: .9rem }
th, td { text-align: start; vertical-align: top; padding: .25rem .5rem }
tr + tr > * { border-top: 1px solid var(--line) } thead { background: var(--soft) }
.skip { position: absolute; inset-inline-start: -999rem } .skip:focus { position: static }
@media print { details > div { display: block } }
"""

STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)


class Documentation(Struct, frozen=True, dict=True):
    """Both documents, rendered when first asked for: a worker is back without them."""

    operations: Callable[[], Sequence[Operation]]

    @cached_property
    def document(self) -> bytes:
        """OpenAPI, as it goes out."""
        return orjson.dumps(openapi(self.operations()))

    @cached_property
    def page(self) -> bytes:
        """The page for people, as it goes out."""
        return page(self.operations()).encode()

    async def show_document(self, _: Call) -> Reply:
        """Answer programs."""
        headers = {"Access-Control-Allow-Origin": "*"}
        return Reply(ready=self.document, cache=Cache.REVALIDATE, headers=headers)

    async def show_page(self, _: Call) -> Reply:
        """Answer people."""
        return Reply(
            ready=self.page,
            media_type=HTML,
            cache=Cache.REVALIDATE,
            headers={"Content-Security-Policy": POLICY},
        )


def with_documentation(
    operations: Iterable[Operation],
    later: Callable[[], Iterable[Operation]] = tuple,
    last: Iterable[Operation] = (),
) -> list[Operation]:
    """Return the operations with those that document them all, themselves included.

    What comes `later` is documented between the first and the last, and not returned.
    """
    first = list(operations)
    documentation = Documentation(lambda: [*first, *later(), *rest])
    rest = [*last, *_operations(documentation)]
    return [*first, *rest]


def _operations(documentation: Documentation) -> list[Operation]:
    return [
        Operation(
            operation_id="openapi",
            method="GET",
            path="/openapi.json",
            summary="Read this API as OpenAPI 3.1",
            tag=TAG,
            answers={200: JSON},
            public=True,
            handler=documentation.show_document,
        ),
        Operation(
            operation_id="docs",
            method="GET",
            path="/docs",
            summary="Read this API as a page",
            tag=TAG,
            answers={200: HTML},
            public=True,
            handler=documentation.show_page,
        ),
    ]


def page(operations: Sequence[Operation]) -> str:
    """Return the page for people."""
    shown = [operation for operation in operations if not operation.hidden]
    tags = list(dict.fromkeys(operation.tag for operation in shown))
    chapters = "".join(_chapter(tag, [each for each in shown if each.tag == tag]) for tag in tags)
    contents = "".join(f'<li><a href="#{_anchor(tag)}">{escape(tag)}</a>' for tag in tags)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Postbag {VERSION}: the API</title><style>{STYLE}</style></head><body>"
        '<a class="skip" href="#content">To the content</a>'
        f"<header><h1>Postbag {VERSION}: the API</h1>"
        '<p>JSON in UTF-8. Times are RFC 3339, UTC, milliseconds. Errors are <a href="#problems">'
        'problem documents</a>. For programs: <a href="/openapi.json">OpenAPI 3.1</a>.</p>'
        f'<nav aria-label="Chapters"><ul>{contents}<li><a href="#problems">Problems</a></ul></nav>'
        f'</header><main id="content">{chapters}{_problems(shown)}</main></body></html>'
    )


def _chapter(tag: str, operations: Sequence[Operation]) -> str:
    items = "".join(map(_operation, operations))
    return f'<section id="{_anchor(tag)}"><h2>{escape(tag)}</h2>{items}</section>'


def _operation(operation: Operation) -> str:
    parts = [
        f"<p>{escape(operation.description)}</p>" if operation.description else "",
        f"<h4>Who may</h4><p>{_who(operation)}</p>",
        _table("Path", ("Name", "Value"), _path_rows(operation)),
        _table("Query", ("Name", "Value", ""), _query_rows(operation)),
        _body(operation),
        _table("Answers", ("Status", "Body"), _answer_rows(operation)),
        _table("Problems", ("Status", "Code"), _problem_rows(failures_of(operation))),
    ]
    return (
        f'<details id="{escape(operation.operation_id)}"><summary><h3>'
        f'<span class="method">{operation.method}</span> <code>{escape(operation.path)}</code></h3>'
        f'<span class="what">{escape(operation.summary)}</span></summary>'
        f"<div>{''.join(parts)}</div></details>"
    )


def _who(operation: Operation) -> str:
    match operation.credential:
        case Anyone():
            return "Anybody. <code>Authorization</code> is not looked at."
        case AModerator(scope=scope, role=role):
            return (
                f"A back end's key with the scope <code>{scope.value}</code>, or a member who"
                f" signed in, with the role <code>{role.value}</code> or above."
            )
        case AKey(scope=scope):
            return f"A back end's key with the scope <code>{scope.value}</code>."
        case AMember(role=least):
            rank = f" with the role <code>{least.value}</code> or above" if least else ""
            return f"A member who signed in{rank}."
        case AVisitor(required=required, key_scope=scope):
            key = f", or a key with the scope <code>{scope.value}</code>" if scope else ""
            asked = f"with a guest's receipt or a reader's token{key}."
            return f"Only {asked}" if required else f"Anybody, also {asked}"


def _path_rows(operation: Operation) -> list[tuple[str, ...]]:
    return [
        (f"<code>{name}</code>", escape(parameter(name).description))
        for name in parameters_of(operation.path)
    ]


def _query_rows(operation: Operation) -> list[tuple[str, ...]]:
    if operation.query is None:
        return []
    schema = json_schema(operation.query)
    return [
        (
            f"<code>{escape(each['name'])}</code>",
            _kind(each["schema"], schema.get("$defs", {})),
            _about(each["schema"], each.get("description", ""), needed=each["required"]),
        )
        for each in query_parameters(schema)
    ]


def _body(operation: Operation) -> str:
    if operation.body is None:
        return ""
    optional = ", may be left out" if operation.body_optional else ""
    title = f"Body: {operation.body_media}, at most {operation.body_limit // 1024} KiB{optional}"
    return _table(title, ("Field", "Value", ""), _fields(operation.body))


def _fields(model: type[BaseModel]) -> list[tuple[str, ...]]:
    schema = json_schema(model)
    return _field_rows(schema, schema.get("$defs", {}), "", ())


def _field_rows(
    schema: Mapping[str, Any], definitions: Mapping[str, Any], above: str, seen: tuple[str, ...]
) -> list[tuple[str, ...]]:
    """Return a row for each field, those of nested objects after theirs."""
    rows: list[tuple[str, ...]] = []
    for name, about in schema.get("properties", {}).items():
        path = f"{above}{name}"
        needed = name in schema.get("required", [])
        rows.append(
            (
                f"<code>{escape(path)}</code>",
                _kind(about, definitions),
                _about(about, about.get("description", ""), needed=needed),
            )
        )
        for below, suffix in _objects_in(about):
            if below not in seen:
                nested = f"{path}{suffix}."
                rows += _field_rows(definitions[below], definitions, nested, (*seen, below))
    return rows


def _objects_in(about: Mapping[str, Any], suffix: str = "") -> list[tuple[str, str]]:
    """Return the schemas a field's schema refers to, `[]` marking those in a list."""
    if "$ref" in about:
        return [(str(about["$ref"]).rpartition("/")[2], suffix)]
    found = [each for part in about.get("anyOf", []) for each in _objects_in(part, suffix)]
    if "items" in about:
        found += _objects_in(about["items"], f"{suffix}[]")
    return found


def _kind(about: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    if "$ref" in about:
        return _kind(definitions[str(about["$ref"]).rpartition("/")[2]], definitions)
    if "anyOf" in about:
        return " or ".join(dict.fromkeys(_kind(part, definitions) for part in about["anyOf"]))
    if "enum" in about or "const" in about:
        values = about.get("enum") or [about["const"]]
        return ", ".join(f"<code>{escape(str(value))}</code>" for value in values)
    if about.get("type") == "array":
        return f"list of {_kind(about.get('items', {}), definitions)}"
    return escape(str(about.get("format") or about.get("type", "any")))


_BOUNDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "above {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "below {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "pattern": "of the form {}",
    "default": "else {}",
}


def _about(about: Mapping[str, Any], description: str, *, needed: bool) -> str:
    schemas = [about, *about.get("anyOf", [])]
    bounds = [
        words.format(f"<code>{escape(str(schema[name]))}</code>")
        for schema in schemas
        for name, words in _BOUNDS.items()
        if schema.get(name) is not None
    ]
    parts = [*(["needed"] if needed else []), *bounds]
    return escape(description) + (" " if description and parts else "") + ", ".join(parts)


def _answer_rows(operation: Operation) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for status, answer in operation.answers.items():
        if answer is None:
            rows.append((str(status), "none"))
        elif isinstance(answer, str):
            rows.append((str(status), f"<code>{escape(answer)}</code>"))
        else:
            fields = ", ".join(f"<code>{escape(name)}</code>" for name in answer.model_fields)
            rows.append((str(status), fields))
    return rows


def _problem_rows(failures: Iterable[type[Failure]]) -> list[tuple[str, ...]]:
    return [
        (
            str(status_of(failure)),
            f'<a href="#{failure.code}"><code>{failure.code}</code></a> {escape(failure.title)}',
        )
        for failure in failures
    ]


def _problems(operations: Sequence[Operation]) -> str:
    by_code: dict[str, type[Failure]] = {}
    general: tuple[type[Failure], ...] = (*EVERYWHERE, Unauthenticated, Forbidden)
    for failure in general:
        by_code[failure.code] = failure
    for operation in operations:
        for failure in failures_of(operation):
            by_code.setdefault(failure.code, failure)
    rows = "".join(
        f'<tr id="{code}"><td><code>{code}</code><td>{status_of(failure)}'
        f"<td>{escape(failure.title)}"
        for code, failure in sorted(by_code.items())
    )
    fields = _table(
        "Codes in <code>errors</code>",
        ("Code", "Meaning"),
        [(f"<code>{code}</code>", escape(meaning)) for code, meaning in CODES.items()],
    )
    return (
        '<section id="problems"><h2>Problems</h2><p>Every refusal is'
        " <code>application/problem+json</code> with a stable <code>code</code>; a 429 or 503"
        " says in <code>Retry-After</code> when to come back.</p>"
        '<div class="scroll"><table><thead><tr><th scope="col">Code<th scope="col">Status'
        f'<th scope="col">Meaning<tbody>{rows}</table></div>{fields}</section>'
    )


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    head = "".join(f'<th scope="col">{name}' for name in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}' for cell in row)}" for row in rows)
    return (
        f'<h4>{title}</h4><div class="scroll"><table><thead><tr>{head}<tbody>{body}</table></div>'
    )


def _anchor(tag: str) -> str:
    return "chapter-" + "".join(char if char.isalnum() else "-" for char in tag.lower())
