"""What a request says, read strictly: JSON as RFC 8259 and I-JSON mean it, forms, queries.

Bodies are read by orjson first, which refuses what other readers let pass (NaN, lone
surrogates, bad UTF-8), then looked through for names said twice, then validated by the wire model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin
from urllib.parse import unquote_to_bytes

import orjson
from msgspec.structs import replace
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from pydantic_core.core_schema import ErrorType

from service.errors import FieldError, Invalid
from service.features.articles import is_printable
from service.web.operation import JSON, Operation
from service.web.problems import MalformedJson

ERRORS_MAX = 20
"""Errors told at once."""
FIELDS_MAX = 256
"""Parameters of a query or fields of a form: 200 article keys and some more."""
IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{8,128}\Z")

_TOKENS = re.compile(rb'"([^"\\]*(?:\\.[^"\\]*)*)"[ \t\n\r]*(:)?|[\[\]{}]', re.DOTALL)
"""Strings, with the colon of those that are names, and brackets; all of valid JSON."""

_CODES: Mapping[str, str] = {
    "missing": "missing",
    "extra_forbidden": "unknown_field",
    "string_too_long": "too_long",
    "bytes_too_long": "too_long",
    "too_long": "too_long",
    "string_too_short": "too_short",
    "bytes_too_short": "too_short",
    "too_short": "too_short",
    "greater_than": "out_of_range",
    "greater_than_equal": "out_of_range",
    "less_than": "out_of_range",
    "less_than_equal": "out_of_range",
    "multiple_of": "out_of_range",
    "finite_number": "out_of_range",
    "int_parsing_size": "out_of_range",
    "literal_error": "unknown_value",
    "enum": "unknown_value",
    "union_tag_invalid": "unknown_value",
    "union_tag_not_found": "missing",
}
_BAD_FORMAT = (
    "string_pattern",
    "uuid_",
    "datetime_",
    "date_",
    "time_",
    "timezone_",
    "url_",
    "value_error",
    "assertion_error",
    "decimal_",
    "json_",
)
_KNOWN = frozenset(get_args(ErrorType))

CODES: Mapping[str, str] = {
    "missing": "The field is needed.",
    "unknown_field": "There is no such field.",
    "wrong_type": "The value is of another JSON type than the field.",
    "too_long": "The value is longer than the field takes.",
    "too_short": "The value is shorter than the field takes.",
    "out_of_range": "The number is outside the field's range.",
    "unknown_value": "The value is none of those the field takes.",
    "bad_format": "The value is not written as the field asks.",
    "forbidden_character": "The text has a character that cannot be kept.",
    "repeated": "The parameter was given more than once.",
    "too_deep": "Arrays and objects are nested deeper than the operation takes.",
}
"""Codes of the errors of single fields that every operation can answer."""


def body_of(operation: Operation, raw: bytes) -> BaseModel | None:
    """Return the body as the operation's model; None where it may be left out and was.

    Raises:
        MalformedJson: it is empty, no UTF-8 or no strict JSON, or says a name twice.
        Invalid: it is not what the model asks for.
    """
    if operation.body is None:
        return None
    if operation.body_media != JSON:
        return _validated(operation.body, _fields(_form(raw), operation.body))
    if not raw.strip(b" \t\r\n") and operation.body_optional:
        return None
    document = strict_json(raw, depth_max=operation.body_depth)
    if b"\\u0000" in raw:
        _refuse_nul(document)
    try:
        return operation.body.model_validate_json(raw)
    except ValidationError as error:
        raise invalid(error, document) from None


def query_of(operation: Operation, raw: str) -> BaseModel | None:
    """Return the query as the operation's model.

    Raises:
        Invalid: it is not what the model asks for, or the operation takes none.
    """
    if operation.query is None:
        if raw and not operation.hidden:
            _refuse_all(raw)
        return None
    return _validated(operation.query, _fields(raw, operation.query))


def site_of_query(raw: str) -> str | None:
    """Return the value of `?site=`, if the query has exactly one that can be read."""
    values = [value for name, value in _pairs(raw) if name == "site"]
    return values[0] if len(values) == 1 else None


def strict_json(raw: bytes, *, depth_max: int) -> Any:
    """Return what a JSON text says.

    Raises:
        MalformedJson: it is empty, no UTF-8 or no strict JSON, or says a name twice.
        Invalid: it is nested deeper than `depth_max`.
    """
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise MalformedJson(_where(raw, error)) from None
    if not _says_nothing_twice(raw, document, depth_max):
        _look_through(raw, depth_max)
    return document


def idempotency_key_of(values: list[str]) -> str | None:
    """Return the idempotency key of a request's headers of that name.

    Raises:
        Invalid: there are several, or it is not 8 to 128 visible ASCII characters.
    """
    if not values:
        return None
    if len(values) == 1 and IDEMPOTENCY_KEY.match(values[0]):
        return values[0]
    detail = "Idempotency-Key is one header of 8 to 128 visible ASCII characters."
    error = FieldError(pointer="/Idempotency-Key", code="bad_format", detail=detail)
    raise Invalid(detail, errors=(error,))


def invalid(error: ValidationError, document: Any) -> Invalid:
    """Return pydantic's findings in our few stable codes, with JSON pointers."""
    found: dict[tuple[str, str], FieldError] = {}
    for fault in error.errors(include_url=False, include_input=False):
        field = FieldError(
            pointer=_pointer(fault["loc"], document), code=_code(fault), detail=_sentence(fault)
        )
        found.setdefault((field.pointer, field.code), field)
    return Invalid(errors=tuple(found.values())[:ERRORS_MAX])


def _says_nothing_twice(raw: bytes, document: Any, depth_max: int) -> bool:
    """Tell whether it is sure that no name is said twice, and nothing is nested too deep.

    A name has one colon. Where there are no more colons than names that were kept, every name
    was; texts with colons leave it open.
    """
    colons = raw.count(b":")
    level = [document]
    for _ in range(depth_max):
        below: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                colons -= len(each)
                below += each.values()
            elif isinstance(each, list):
                below += each
        if not below:
            return colons == 0
        level = below
    return False


def _look_through(raw: bytes, depth_max: int) -> None:
    """Find names said twice and nesting too deep in what is known to be JSON."""
    depth = 0
    names: list[set[str | bytes]] = []
    for token in _TOKENS.finditer(raw):
        name, colon = token.groups()
        if colon:
            said = orjson.loads(b'"%b"' % name).encode() if b"\\" in name else name
            if said in names[-1]:
                raise MalformedJson("An object says one name twice.")
            names[-1].add(said)
        elif name is None:
            bracket = token[0]
            if bracket in b"[{":
                depth += 1
                names.append(set())
                if depth > depth_max:
                    _refuse_depth(depth_max)
            else:
                depth -= 1
                names.pop()


def _refuse_nul(document: Any, pointer: str = "") -> None:
    """Refuse U+0000, which Postgres keeps in no text: it would be accepted and never published.

    Raises:
        Invalid: a name or a string has one.
    """
    if isinstance(document, str) and "\0" in document:
        error = _error("", "forbidden_character")
        raise Invalid(errors=(replace(error, pointer=pointer),))
    if isinstance(document, list):
        for place, each in enumerate(document):
            _refuse_nul(each, f"{pointer}/{place}")
    elif isinstance(document, dict):
        for name, each in document.items():
            below = f"{pointer}/{_escaped(name)}"
            _refuse_nul(name, below)
            _refuse_nul(each, below)


def _refuse_depth(depth_max: int) -> None:
    detail = f"Arrays and objects may be nested {depth_max} deep."
    raise Invalid(detail, errors=(FieldError(pointer="", code="too_deep", detail=detail),))


def _where(raw: bytes, error: orjson.JSONDecodeError) -> str:
    if not raw:
        return "The body is empty."
    return f"{error.msg[:1].upper()}{error.msg[1:]} (character {error.pos})."


def _validated(model: type[BaseModel], fields: Mapping[str, Any]) -> BaseModel:
    """Validate what came as text: numbers and dates are converted."""
    try:
        return model.model_validate(fields, strict=False)
    except ValidationError as error:
        raise invalid(error, fields) from None


def _fields(raw: str, model: type[BaseModel]) -> dict[str, Any]:
    """Return a query's or form's fields; those the model has as a list are one.

    Raises:
        Invalid: it cannot be read, or a field that is no list is repeated.
    """
    lists = _lists_of(model)
    fields: dict[str, Any] = {}
    for name, value in _pairs(raw):
        if name in lists:
            fields.setdefault(name, []).append(value)
        elif name in fields:
            raise _one(name, "repeated")
        else:
            fields[name] = value
    return fields


def _lists_of(model: type[BaseModel]) -> set[str]:
    return {
        field.alias or name
        for name, field in model.model_fields.items()
        if get_origin(field.annotation) in {list, tuple, set, frozenset}
    }


def _pairs(raw: str) -> Iterator[tuple[str, str]]:
    if not raw:
        return
    pairs = raw.split("&", FIELDS_MAX)
    if len(pairs) > FIELDS_MAX:
        raise _one("", "too_long")
    for pair in pairs:
        if pair:
            name, _, value = pair.partition("=")
            yield _unquoted(name), _unquoted(value)


def _unquoted(text: str) -> str:
    """Decode percent signs and pluses.

    Raises:
        Invalid: it is no UTF-8, or has a NUL, which no store keeps.
    """
    try:
        decoded = unquote_to_bytes(text.replace("+", " ")).decode()
    except UnicodeError:
        raise _one("", "bad_format") from None
    if "\0" in decoded:
        raise _one("", "bad_format")
    return decoded


def _form(raw: bytes) -> str:
    if not raw.isascii():
        raise _one("", "bad_format")
    return raw.decode("ascii")


def _refuse_all(raw: str) -> None:
    errors = [_error(name, "unknown_field") for name, _ in _pairs(raw)]
    if errors:
        raise Invalid(errors=tuple(errors[:ERRORS_MAX]))


def _one(name: str, code: str) -> Invalid:
    return Invalid(errors=(_error(name, code),))


def _error(name: str, code: str) -> FieldError:
    return FieldError(pointer=f"/{_escaped(name)}" if name else "", code=code, detail=CODES[code])


def _code(fault: ErrorDetails) -> str:
    kind = fault["type"]
    if kind in _CODES:
        return _CODES[kind]
    if kind not in _KNOWN:
        return kind
    return "bad_format" if kind.startswith(_BAD_FORMAT) else "wrong_type"


def _sentence(fault: ErrorDetails) -> str:
    said = fault["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return said if said.endswith(".") else f"{said}."


def _pointer(location: tuple[int | str, ...], document: Any) -> str:
    """Return the JSON pointer of a fault; pydantic's names of a union's members are left out."""
    parts = []
    node = document
    for place, part in enumerate(location):
        if _leads_on(node, part):
            node = node[part]
        elif place < len(location) - 1 or not isinstance(node, dict):
            continue
        parts.append(_escaped(str(part)))
    return "".join(f"/{part}" for part in parts)


def _leads_on(node: Any, part: int | str) -> bool:
    if isinstance(node, list):
        return isinstance(part, int) and part < len(node)
    return isinstance(node, dict) and part in node


def _escaped(part: str) -> str:
    shown = part if is_printable(part) else ascii(part)[1:-1]
    return shown[:200].replace("~", "~0").replace("/", "~1")
