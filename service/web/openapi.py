"""The API as OpenAPI 3.1, made of the table of operations and the wire models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from service.errors import Failure, Unavailable
from service.model import Scope
from service.settings import VERSION
from service.web.catalogue import failures_of
from service.web.described import Described
from service.web.operation import (
    JSON,
    AKey,
    AMember,
    AModerator,
    Answer,
    Anyone,
    AVisitor,
    Operation,
)
from service.web.paths import parameter, parameters_of
from service.web.problems import PROBLEM, status_of

TEMPLATE = "#/components/schemas/{model}"

_NOBODY: dict[str, list[str]] = {}
"""Without any credential."""

Schemas = dict[tuple[type[BaseModel], JsonSchemaMode], dict[str, Any]]


class FieldErrorOut(BaseModel):
    """One thing wrong with one field."""

    model_config = ConfigDict(title="FieldError")

    pointer: str = Field(examples=["/author/name"])
    """A JSON pointer; of a query or path, the parameter's name."""
    code: str = Field(examples=["too_long"])
    detail: str
    line: int | None = None
    """Only of a document that was sent as a text."""
    column: int | None = None


class ProblemOut(BaseModel):
    """Why a request was refused (RFC 9457)."""

    model_config = ConfigDict(title="Problem")

    type: str = Field(examples=["/docs#validation_failed"])
    title: str
    status: int
    detail: str
    code: str = Field(examples=["validation_failed"])
    """Stable, for programs and translations."""
    request_id: str
    errors: list[FieldErrorOut] = []
    """With `validation_failed` only."""


SECURITY_SCHEMES: Mapping[str, Any] = {
    "receipt": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "pbr_…",
        "description": "A guest's receipt: speaks for all comments of that guest on the site.",
    },
    "token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A reader's token, minted by the news site.",
    },
    "key": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "pbk_…",
        "description": "A key of the news site's back end; the roles named are its scopes.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-postbag",
        "description": "A member of the newsroom who signed in; the role named is the least"
        " needed. Refused when a page of another origin asks. Over plain http on this machine"
        " the cookie is called `postbag`.",
    },
}


def openapi(operations: Iterable[Operation]) -> dict[str, Any]:
    """Return the document of all operations that are not hidden."""
    shown = [operation for operation in operations if not operation.hidden]
    schemas, definitions = _schemas(shown)
    paths: dict[str, dict[str, Any]] = {}
    for operation in shown:
        written = _operation(operation, schemas, definitions)
        paths.setdefault(operation.path, {})[operation.method.lower()] = written
    for model in _query_models(shown):
        definitions.pop(_name(schemas[model, "validation"]), None)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Postbag",
            "version": VERSION,
            "summary": "Comment moderation for news sites.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(each.tag for each in shown)],
        "paths": paths,
        "components": {"schemas": definitions, "securitySchemes": SECURITY_SCHEMES},
    }


def query_parameters(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the parameters that the schema of a query's model speaks of."""
    needed = schema.get("required", [])
    return [
        {
            "name": name,
            "in": "query",
            "required": name in needed,
            "schema": {key: value for key, value in about.items() if key != "description"},
            **({"description": about["description"]} if "description" in about else {}),
        }
        for name, about in schema.get("properties", {}).items()
    ]


def _schemas(operations: Sequence[Operation]) -> tuple[Schemas, dict[str, Any]]:
    """Return where each model's schema is, and all schemas by name."""
    wanted: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {}
    for operation in operations:
        for model in (operation.body, operation.query):
            if model is not None:
                wanted[model, "validation"] = None
        for answer in operation.answers.values():
            if isinstance(answer, type):
                wanted[answer, "serialization"] = None
    wanted[ProblemOut, "serialization"] = None
    schemas, whole = models_json_schema(
        list(wanted), ref_template=TEMPLATE, schema_generator=Described
    )
    return cast("Schemas", schemas), whole.get("$defs", {})


def _query_models(operations: Sequence[Operation]) -> set[type[BaseModel]]:
    return {operation.query for operation in operations if operation.query is not None}


def _operation(
    operation: Operation, schemas: Schemas, definitions: Mapping[str, Any]
) -> dict[str, Any]:
    written: dict[str, Any] = {
        "operationId": operation.operation_id,
        "summary": operation.summary,
        "tags": [operation.tag],
        "security": _security(operation),
        "parameters": _parameters(operation, schemas, definitions),
        "responses": _responses(operation, schemas),
    }
    if operation.description:
        written["description"] = operation.description
    if operation.body is not None:
        written["requestBody"] = {
            "required": not operation.body_optional,
            "content": {operation.body_media: {"schema": schemas[operation.body, "validation"]}},
        }
    return written


def _security(operation: Operation) -> list[dict[str, list[str]]]:
    match operation.credential:
        case Anyone():
            return []
        case AModerator(scope=scope, role=role):
            return [_key(scope), {"session": [role.value]}]
        case AKey(scope=scope):
            return [_key(scope)]
        case AMember(role=least, required=required):
            roles = [] if least is None else [least.value]
            return [*([] if required else [_NOBODY]), {"session": roles}]
        case AVisitor(required=required, key_scope=scope):
            optional = [] if required else [_NOBODY]
            key = [] if scope is None else [_key(scope)]
            return [*optional, {"receipt": []}, {"token": []}, *key]


def _key(scope: Scope) -> dict[str, list[str]]:
    return {"key": [scope.value]}


def _parameters(
    operation: Operation, schemas: Schemas, definitions: Mapping[str, Any]
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": dict(parameter(name).schema),
            "description": parameter(name).description,
        }
        for name in parameters_of(operation.path)
    ]
    if operation.query is not None:
        name = _name(schemas[operation.query, "validation"])
        found += query_parameters(definitions[name])
    if operation.takes_idempotency_key:
        found.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{8,128}$"},
                "description": "Makes a repetition harmless for 48 hours.",
            }
        )
    return found


def _responses(operation: Operation, schemas: Schemas) -> dict[str, Any]:
    responses = {
        str(status): _answer(status, answer, schemas, public=operation.public)
        for status, answer in operation.answers.items()
    }
    if operation.public:
        responses["304"] = {"description": "What the client has is still right."}
    by_status: dict[int, list[type[Failure]]] = {}
    for failure in failures_of(operation):
        by_status.setdefault(status_of(failure), []).append(failure)
    for status, failures in by_status.items():
        written = _refusal(status, failures, schemas)
        told = responses.get(str(status))
        if told is None:
            responses[str(status)] = written
        else:  # an answer of this status is documented already: a probe's 503
            told.setdefault("content", {}).update(written["content"])
    responses["default"] = {
        "description": "Anything else that was refused, or went wrong.",
        "content": _content(PROBLEM, schemas[ProblemOut, "serialization"]),
    }
    return responses


def _answer(status: int, answer: Answer, schemas: Schemas, *, public: bool) -> dict[str, Any]:
    headers: dict[str, Any] = {"X-Request-Id": _header("Names the request in the log.")}
    if public:
        headers["ETag"] = _header("Strong: names these very bytes.")
    written: dict[str, Any] = {"description": _phrase(status), "headers": headers}
    if isinstance(answer, str):
        is_json = answer.endswith(("/json", "+json"))
        written["content"] = _content(answer, {"type": "object" if is_json else "string"})
    elif answer is not None:
        written["content"] = _content(JSON, schemas[answer, "serialization"])
    return written


def _refusal(status: int, failures: Sequence[type[Failure]], schemas: Schemas) -> dict[str, Any]:
    codes = {"properties": {"code": {"enum": [failure.code for failure in failures]}}}
    whole = {"allOf": [schemas[ProblemOut, "serialization"], codes]}
    headers = {"X-Request-Id": _header("Names the request in the log.")}
    if any(issubclass(failure, Unavailable) for failure in failures):
        headers["Retry-After"] = _header("Whole seconds.")
    told = "\n".join(f"- `{failure.code}`: {failure.title}" for failure in failures)
    return {
        "description": f"{_phrase(status)}\n\n{told}",
        "headers": headers,
        "content": _content(PROBLEM, whole),
    }


def _content(media: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {media: {"schema": schema}}


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase


def _name(schema: Mapping[str, Any]) -> str:
    return str(schema["$ref"]).rpartition("/")[2]
