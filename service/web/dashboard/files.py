"""Modules and styles of the newsroom's pages, kept in memory.

The whole folder `service/static/dashboard/` has one digest, which stands in every address: so
modules import each other by relative paths, and browsers may keep all of them for good.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from msgspec import Struct

from service.errors import NotFound
from service.web.operation import Cache, Call, Operation, Reply

FOLDER: Final = Path(__file__).resolve().parents[2] / "static" / "dashboard"
MEDIA_TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
DIGEST_CHARS = 12
"""Of SHA-256 in an address: no two releases share it."""
PATH = "/moderate/static"


class File(Struct, frozen=True, kw_only=True):
    """One file as it goes out."""

    body: bytes
    zipped: bytes
    media_type: str


@cache
def _files() -> Mapping[str, File]:
    found = {}
    for path in sorted(FOLDER.rglob("*")):
        if path.suffix in MEDIA_TYPES:
            body = path.read_bytes()
            found[path.relative_to(FOLDER).as_posix()] = File(
                body=body,
                zipped=gzip.compress(body, 9, mtime=0),
                media_type=MEDIA_TYPES[path.suffix],
            )
    return found


@cache
def digest() -> str:
    """Return what tells this release's folder from every other."""
    whole = hashlib.sha256()
    for name, file in _files().items():
        whole.update(f"{name}\n{len(file.body)}\n".encode() + file.body)
    return whole.hexdigest()[:DIGEST_CHARS]


def address(name: str) -> str:
    """Return where pages find a file.

    Raises:
        KeyError: there is no such file.
    """
    _files()[name]  # a page must not name what is not there
    return f"{PATH}/{digest()}/{name}"


def operations() -> list[Operation]:
    """Return the table of files; those in a folder have two names."""
    return [_operation("dashboard_file", "{file}"), _operation("dashboard_part", "{folder}/{file}")]


async def _show(call: Call) -> Reply:
    """Answer a file; to a page of another release with this one's, which is not kept."""
    name = "/".join(call.path[each] for each in ("folder", "file") if each in call.path)
    file = _files().get(name)
    if file is None:
        raise NotFound
    current = call.path["digest"] == digest()
    headers = {"Vary": "Accept-Encoding", "Cross-Origin-Resource-Policy": "same-origin"}
    body = file.body
    if "gzip" in call.headers.get("Accept-Encoding", ""):
        body, headers["Content-Encoding"] = file.zipped, "gzip"
    return Reply(
        ready=body,
        media_type=file.media_type,
        headers=headers,
        cache=Cache.ASSET if current else Cache.NEVER,
    )


def _operation(operation_id: str, rest: str) -> Operation:
    return Operation(
        operation_id=operation_id,
        method="GET",
        path=f"{PATH}/{{digest}}/{rest}",
        summary="A module or a style of the newsroom's pages",
        tag="Pages",
        public=True,
        hidden=True,
        handler=_show,
    )
