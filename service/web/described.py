"""What stands below a field of a wire model in the source, as its description in JSON schemas."""

from __future__ import annotations

import ast
import inspect
import sys
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema


class Described(GenerateJsonSchema):
    """Writes descriptions when a document is asked for.

    pydantic's `use_attribute_docstrings` looks for them when a class is made: with three hundred
    models that was a seventh of a start.
    """

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Return the schema of one model; a description that the field itself has is kept."""
        written = super().model_schema(schema)
        model: type[BaseModel] = schema["cls"]
        told = _told(model)
        for name, field in model.model_fields.items():
            about = written.get("properties", {}).get(field.alias or name)
            if about is not None and name in told:
                about.setdefault("description", told[name])
        return written


def json_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the schema of one model, as what it reads."""
    return model.model_json_schema(schema_generator=Described)


def _told(model: type[BaseModel]) -> dict[str, str]:
    """Return what stands below each field of a model, those it inherits included."""
    told: dict[str, str] = {}
    for each in reversed(model.__mro__):
        if issubclass(each, BaseModel) and each is not BaseModel:
            told |= _in_module(each.__module__).get(each.__qualname__, {})
    return told


@cache
def _in_module(name: str) -> dict[str, dict[str, str]]:
    """Return, by class and field, what the source of a module says below its fields."""
    whole = ast.parse(inspect.getsource(sys.modules[name]))
    return {each.name: _below(each) for each in whole.body if isinstance(each, ast.ClassDef)}


def _below(model: ast.ClassDef) -> dict[str, str]:
    told: dict[str, str] = {}
    for field, following in zip(model.body, model.body[1:], strict=False):
        match field, following:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                told[name] = inspect.cleandoc(text)
            case _:
                pass
    return told
