"""The table of operations as tests are made of it, and what a request for each looks like."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

import pytest
from msgspec import structs

from service.app import Service
from service.secrets import Secrets
from service.settings import Settings
from service.web.operation import JSON, AKey, AMember, AVisitor, Operation
from service.web.paths import NAMES, parameters_of
from tests.api.calls import query, segment

NOBODY = "0199f1f0-0000-7000-8000-00000000000a"
"""An id that names nothing."""

QUERIES: Mapping[str, Mapping[str, Any]] = {"read_counts": {"article": "story-1"}}
"""Parameters an operation cannot do without."""

BODIES: Mapping[str, Any] = {
    "edit_comment": {"body": "Another text.", "revision": 1},
    "vote": {"value": 1},
    "report_comment": {"reason": "spam"},
    "appeal": {"text": "Please look again."},
    "answer_appeal": {"grant": False},
    "check_decision": {"verdict": "approve"},
    "feature_comment": {"featured": True},
    "add_note": {"text": "Known."},
    "warn_reader": {"text": "Be kind."},
    "reject_all_waiting": {"reason": "spam"},
    "change_member": {"role": "viewer"},
    "decide_cluster": {"action": "approve"},
    "try_check": {"text": "Good morning."},
    "see_alerts": {"rule": "threats", "upto": "2026-11-25T12:00:00.000Z"},
    "promote_model": {"version": 1},
    "allow_model_approval": {"approves": False},
    "change_webhook": {"active": False},
    "keep_search": {"name": "Links", "q": "rule:links"},
}
"""Bodies of those that look at their object only when the body is one."""


def _without_stores() -> Service:
    """Return a service that cannot do anything."""
    parts = {name: _empty(part) for name, part in get_type_hints(Service).items()}
    known = {"settings": Settings(), "secrets": Secrets.derive("k" * 32)}
    ground = structs.replace(parts["ground"], **known)
    return Service(**{**parts, "ground": ground})


def _empty(part: Any) -> Any:
    """Make a part of nothing but what answers by itself."""
    known = vars(sys.modules[part.__module__])
    kinds = {name: known.get(str(kind)) for name, kind in part.__annotations__.items()}
    return part(
        **{
            name: _empty(kind) if hasattr(kind, "operations") else None
            for name, kind in kinds.items()
        }
    )


SERVICE = _without_stores()

OPERATIONS = [
    operation
    for operation in SERVICE.operations()
    if not operation.hidden and operation.body_media == JSON
]
"""The API, without pages, files and forms."""


def each(
    chosen: Callable[[Operation], bool] = lambda _: True,
) -> pytest.MarkDecorator:
    """Make a test of each operation that fits."""
    fitting = [operation for operation in OPERATIONS if chosen(operation)]
    assert fitting
    return pytest.mark.parametrize(
        "operation", fitting, ids=[operation.operation_id for operation in fitting]
    )


def takes_json(operation: Operation) -> bool:
    return operation.body is not None and operation.body_media == JSON


def needs_credential(operation: Operation) -> bool:
    credential = operation.credential
    if isinstance(credential, AVisitor | AMember):
        return credential.required
    return isinstance(credential, AKey)


def needs_key(operation: Operation) -> bool:
    return isinstance(operation.credential, AKey)


def looks_at_credential(operation: Operation) -> bool:
    return isinstance(operation.credential, AKey | AVisitor)


def is_of_readers(operation: Operation) -> bool:
    return operation.cors


def is_a_list(operation: Operation) -> bool:
    """Whether it answers pages in JSON."""
    asked = operation.query.model_fields if operation.query else {}
    return "cursor" in asked and isinstance(operation.answers.get(200), type)


def is_of_the_newsroom(operation: Operation) -> bool:
    """Whether no page of the site calls anything at its path."""
    return not any(other.cors for other in OPERATIONS if other.path == operation.path)


def names_site(operation: Operation) -> bool:
    return operation.site_in_path or operation.site_in_query or operation.site_in_body


def names_ids(operation: Operation) -> list[str]:
    """Return the path's values that are UUIDs."""
    names = parameters_of(operation.path)
    return [name for name in names if name.endswith("_id") and name not in NAMES]


def body(operation: Operation) -> Any:
    """Return the least that an operation takes for a body; None where it takes no JSON."""
    return BODIES.get(operation.operation_id, {}) if takes_json(operation) else None


def broken_body(operation: Operation) -> bytes | None:
    """Return what is no JSON; None where no body is taken."""
    return b"{" if takes_json(operation) else None


def target(operation: Operation, site: str, **values: Any) -> str:
    """Return where to ask: `values` by name are the path's, all others the query's."""
    path = operation.path
    for name in parameters_of(path):
        usual = site if name == "site" else NOBODY if name.endswith("_id") else "story-1"
        path = path.replace(f"{{{name}}}", segment(str(values.pop(name, usual))))
    asked = {**QUERIES.get(operation.operation_id, {}), **values}
    if operation.site_in_query:
        asked.setdefault("site", site)
    return path + query(**asked)
