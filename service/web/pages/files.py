"""Files that pages ask for, kept in memory; their addresses name what is in them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Final

from msgspec import Struct

from service.errors import NotFound
from service.web.operation import Cache, Call, Operation, Reply

TAG = "Pages"
MEDIA_TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
DIGEST_CHARS = 12
"""Of SHA-256 in an address: one file's versions never share it."""


class File(Struct, frozen=True):
    """A file below `service/static/`, at an address of its own."""

    folder: str
    name: str
    path: str
    """Where it is served."""

    @property
    def content(self) -> bytes:
        """Its bytes."""
        return _read(self.folder, self.name)

    @property
    def digest(self) -> str:
        """What its address carries, so that a browser may keep it for good."""
        return hashlib.sha256(self.content).hexdigest()[:DIGEST_CHARS]

    @property
    def address(self) -> str:
        """Where pages find it."""
        return f"{self.path}?v={self.digest}"

    def reply(self) -> Reply:
        """Return it as an answer; one that was asked for without its digest is asked again."""
        suffix = self.name[self.name.rindex(".") :]
        return Reply(ready=self.content, media_type=MEDIA_TYPES[suffix], cache=Cache.REVALIDATE)


@cache
def _read(folder: str, name: str) -> bytes:
    return (resources.files("service") / "static" / folder / name).read_bytes()


PAGE_STYLE: Final = File("pages", "thread.css", "/t/page.css")
DEMO_NAMES: Final = ("paper.css", "paper.js", "icon.svg")
DEMO_FILES: Final[Mapping[str, File]] = {
    name: File("demo", name, f"/demo/static/{name}") for name in DEMO_NAMES
}


async def _show_style(_: Call) -> Reply:
    return PAGE_STYLE.reply()


async def _show_demo_file(call: Call) -> Reply:
    file = DEMO_FILES.get(call.path["file"])
    if file is None:
        raise NotFound
    return file.reply()


def operations() -> list[Operation]:
    """Return the table of files."""
    return [
        Operation(
            operation_id="page_style",
            method="GET",
            path="/t/page.css",
            summary="The style of threads as pages",
            tag=TAG,
            public=True,
            hidden=True,
            handler=_show_style,
        ),
        Operation(
            operation_id="demo_file",
            method="GET",
            path="/demo/static/{file}",
            summary="Style and script of the demo",
            tag=TAG,
            public=True,
            hidden=True,
            handler=_show_demo_file,
        ),
    ]
