"""What every message has in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from service.payload import optional_stamp, stamp

__all__ = ["Timestamp", "VersionNumber", "Wire", "optional_stamp", "stamp"]


class Wire(BaseModel):
    """A JSON object of the API. Unknown fields are refused, and nothing is converted.

    A validator is made when it is first needed: most models only describe what is answered. What
    stands below a field describes it, too (`web/described`).
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        defer_build=True,
    )


Timestamp = Annotated[
    str,
    Field(
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$",
        description="RFC 3339, UTC, milliseconds.",
        examples=["2026-11-23T15:29:57.113Z"],
    ),
]

VersionNumber = Annotated[int, Field(ge=1, lt=2**31)]
"""As far as Postgres counts."""
