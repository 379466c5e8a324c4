"""The scripts and the style sheet that news sites put on their pages.

Written as small modules under `service/static/`, served as one file each: joined, minified and
compressed once, when somebody first asks.
"""

from __future__ import annotations

import asyncio
import gzip
import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache as once
from functools import cached_property, partial
from pathlib import Path
from typing import Final

import brotli
import rjsmin
from msgspec import Struct

from service.settings import VERSION
from service.web.conditional import etag_of
from service.web.operation import Cache, Call, Operation, Reply
from service.web.ready import Fixed

STATIC = Path(__file__).resolve().parents[1] / "static"

SCRIPT: Final = "text/javascript; charset=utf-8"
STYLE: Final = "text/css; charset=utf-8"

TAG = "Files"

PARTS: Final = ("act.js", "act.en.js", "act.fr.js", "act.ar.js")
"""What the widget fetches when a reader first acts: what they can do, and the words for it."""

EVERGREEN = "public, max-age=600, stale-while-revalidate=86400, stale-if-error=86400"
"""Ten minutes after a new release readers have it, and nobody ever waits for it (ux.md 3.14)."""

IMPORT = re.compile(
    r"^import (?:\* as (?P<space>\w+) |(?P<sheet>\w+) |\{[^}]*\} )from '(?P<path>\.[\w./-]+)'"
    r"(?: with \{ type: 'css' \})?\n",
    re.MULTILINE,
)
EXPORT = re.compile(r"^export (?:const|class) (\w+)", re.MULTILINE)

CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
CSS_SPACE = re.compile(r"\s*([{};,>])\s*|\s+")


class Asset(Struct, frozen=True, kw_only=True, dict=True):
    """A file as it goes out."""

    write: Callable[[], str]
    """Joins and minifies it."""
    media_type: str

    @cached_property
    def ready(self) -> Fixed:
        """Its bytes, made once: a fifth of a second for all files, which no start waits for.

        Raises:
            OSError: a file is missing.
        """
        body = self.write().encode()
        # Brotli's last step would take 20 times as long for a few bytes.
        forms = {"br": brotli.compress(body, quality=9), "gzip": gzip.compress(body, 9, mtime=0)}
        return Fixed(body=body, etag=etag_of(body), forms=forms)

    @property
    def body(self) -> bytes:
        """As it is, minified."""
        return self.ready.body

    @property
    def zipped(self) -> bytes:
        """As its budget is told."""
        return self.ready.forms["gzip"]

    def reply(self, cache_control: str) -> Reply:
        """Answer with the bytes that the client understands."""
        headers = {"Access-Control-Allow-Origin": "*", "Cache-Control": cache_control}
        return Reply(source=self.ready, media_type=self.media_type, headers=headers)


class Assets(Struct, frozen=True, kw_only=True):
    """What `/embed/` answers, by the name it has there."""

    files: Mapping[str, Asset]

    @classmethod
    @once
    def load(cls, folder: Path = STATIC) -> Assets:
        """Name the files; once a process."""
        widget = folder / "widget"
        scripts = {
            "v1.js": partial(joined, widget, "index.js"),
            "count.js": partial((folder / "count" / "count.js").read_text, "utf-8"),
            **{part: partial(joined, widget, part) for part in PARTS},
        }
        files = {
            name: Asset(write=partial(_script, source), media_type=SCRIPT)
            for name, source in scripts.items()
        }
        sheets = (widget / "v1.css", widget / "fragment.css")
        style = Asset(write=partial(_style, sheets), media_type=STYLE)
        return cls(files={**files, "v1.css": style})

    def operations(self) -> list[Operation]:
        """Return the files; the API's documents do not list them.

        What follows releases has an address of its own; a release's never has another content.
        """
        release = {"embed.js": self.files["v1.js"], **{part: self.files[part] for part in PARTS}}
        evergreen = [
            _file(f"/embed/{name}", asset, EVERGREEN) for name, asset in self.files.items()
        ]
        return evergreen + [
            _file(f"/embed/{VERSION}/{name}", asset, Cache.ASSET) for name, asset in release.items()
        ]


def joined(folder: Path, entry: str) -> str:
    """Return one module with everything that a module imports, what is imported first.

    Its own exports stay. All share one scope, so no two of them may have the same name at their
    top level; one imported whole (`import * as dialogs`) becomes an object of what it exports.
    """
    parts: dict[str, str] = {}
    _collect(folder, entry, parts)
    *inner, last = parts
    return "".join([*(re.sub(r"(?m)^export ", "", parts[path]) for path in inner), parts[last]])


def _collect(folder: Path, path: str, parts: dict[str, str]) -> None:
    if path in parts:
        return
    source = (folder / path).read_text("utf-8")
    if path.endswith(".css"):
        return
    names: dict[str, str] = {}
    for found in IMPORT.finditer(source):
        inner = posixpath.normpath(posixpath.join(posixpath.dirname(path), found["path"]))
        _collect(folder, inner, parts)
        if found["space"]:
            names[found["space"]] = inner
        elif found["sheet"]:
            parts[inner] = _sheet(found["sheet"], (folder / inner).read_text("utf-8"))
    spaces = "".join(_namespace(name, folder / inner) for name, inner in names.items())
    parts[path] = spaces + IMPORT.sub("", source)


def _sheet(name: str, style: str) -> str:
    quoted = minified_style(style).replace("\\", "\\\\").replace("`", "\\`").replace("${", "\\${")
    return f"const {name} = new CSSStyleSheet()\n{name}.replaceSync(`{quoted}`)\n"


def _namespace(name: str, path: Path) -> str:
    exported: Mapping[str, None] = dict.fromkeys(EXPORT.findall(path.read_text("utf-8")))
    return f"const {name} = {{ {', '.join(exported)} }}\n"


def _script(source: Callable[[], str]) -> str:
    return minified_script(source())


def _style(sheets: Sequence[Path]) -> str:
    return "".join(minified_style(sheet.read_text("utf-8")) for sheet in sheets)


def minified_script(source: str) -> str:
    """Return a script without comments and needless white space."""
    return str(rjsmin.jsmin(source))


def minified_style(source: str) -> str:
    """Return a style sheet without comments and needless white space."""
    bare = CSS_SPACE.sub(lambda found: found[1] or " ", CSS_COMMENT.sub("", source))
    return bare.replace(";}", "}").replace(": ", ":").strip()


def _file(path: str, asset: Asset, cache_control: str) -> Operation:
    async def show(_: Call) -> Reply:
        return await asyncio.to_thread(asset.reply, cache_control)

    return Operation(
        operation_id=re.sub(r"\W+", "_", path.strip("/")),
        method="GET",
        path=path,
        summary=f"Read {path}",
        tag=TAG,
        answers={200: asset.media_type},
        public=True,
        hidden=True,
        handler=show,
    )
