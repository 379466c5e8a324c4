"""The embed scripts: their sizes, their headers, and what their sources may not contain."""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from babel import Locale

from service.settings import VERSION
from service.web.answers import Answers, Circumstances
from service.web.assets import SCRIPT, STATIC, STYLE, Assets, joined
from service.web.operation import Call, Operation
from service.wiring.ground import clock

SCRIPTS = sorted([*STATIC.glob("widget/**/*.js"), *STATIC.glob("count/*.js")])
SHEETS = sorted(STATIC.glob("widget/**/*.css"))
CATALOGUES = ("words/", "act.")
LANGUAGES = ("en", "fr", "ar")
RARE = {"fr": ("many", ()), "ar": ("zero", {"title", "left"})}
"""Forms of millions and of none, and what can be so many or so few; the rest never says them."""

BUDGETS = {
    "v1.js": 12_000,
    "act.js": 10_000,
    "act.en.js": 2_000,
    "act.fr.js": 2_000,
    "act.ar.js": 2_000,
    "count.js": 1_000,
    "v1.css": 3_000,
}
"""Compressed bytes (ux.md 1); the act's words are what one language more may weigh."""

FORBIDDEN = {
    "markup from text": r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|srcdoc"
    r"|createContextualFragment|setHTMLUnsafe",
    "code from text": r"\beval\b|new Function|set(Timeout|Interval)\(['\"`]|javascript:",
    "inline styles": r"\.style\b|cssText|'style'",
    "inline listeners": r"\.on[a-z]+ = |setAttribute\(['\"]on",
    "cookies": r"document\.cookie|credentials: '(include|same-origin)'",
    "a foreign host": r"https?://(?!\w*['\"`]|\\)[a-z]",
    "a word for developers": r"console\.|debugger|TODO",
}
PHYSICAL = re.compile(
    r"(?<![\w-])((margin|padding|border)-(left|right|top|bottom)\b|(left|right|top|bottom)\s*:"
    r"|(min-|max-)?(width|height)\s*:|float\s*:|text-align\s*:\s*(left|right))"
)


@pytest.fixture(scope="module")
def assets() -> Assets:
    """What the service serves."""
    return Assets.load()


def source(path: Path) -> str:
    """Return a file without its comments."""
    text = path.read_text("utf-8")
    return re.sub(r"/\*.*?\*/|(?m:(?<=\s)//[^\n]*$|^//[^\n]*$)", "", text, flags=re.DOTALL)


def test_the_files_keep_their_budgets(assets: Assets) -> None:
    sizes = {name: len(asset.zipped) for name, asset in assets.files.items()}
    assert {name: n for name, n in sizes.items() if n >= BUDGETS[name]} == {}
    for asset in assets.files.values():
        assert gzip.decompress(asset.zipped) == asset.body


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_script_has(path: Path, what: str) -> None:
    assert re.findall(FORBIDDEN[what], source(path)) == []


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("markup from text", "node.innerHTML = text"),
        ("code from text", "setTimeout('x()', 1)"),
        ("inline styles", "h('p', { 'style': 'color: red' })"),
        ("inline listeners", "node.onclick = act"),
        ("cookies", "document.cookie = 'a=b'"),
        ("a foreign host", "fetch('https://cdn.example/x')"),
        ("a word for developers", "console.log(1)"),
    ],
)
def test_what_scripts_may_not_have_would_be_found(what: str, line: str) -> None:
    assert re.search(FORBIDDEN[what], line)


@pytest.mark.parametrize("path", SHEETS, ids=lambda path: path.name)
def test_style_sheets_know_no_left_and_right(path: Path) -> None:
    queries = re.sub(r"@(media|container)[^{]*\{", "{", source(path))
    assert PHYSICAL.findall(queries) == []


@pytest.mark.parametrize("css", ["margin-left: 1px", "right: 0", "width: 3px", "float: left"])
def test_left_and_right_would_be_found(css: str) -> None:
    assert PHYSICAL.search(f".a {{ {css} }}")


def test_sites_set_fourteen_properties() -> None:
    text = "".join(path.read_text("utf-8") for path in SHEETS)
    assert len(set(re.findall(r"var\((--postbag-[\w-]+)", text))) == 14


@pytest.mark.parametrize("entry", ["index.js", "act.js"])
def test_joined_modules_share_a_scope_without_a_clash(entry: str) -> None:
    text = joined(STATIC / "widget", entry)
    names = re.findall(r"^(?:export )?(?:const|let|class|function) (\w+)", text, re.MULTILINE)
    assert sorted(names) == sorted(set(names))
    assert not re.search(r"^import ", text, re.MULTILINE)


def test_modules_are_short() -> None:
    assert {path.name: n for path in SCRIPTS if (n := len(source(path).splitlines())) > 450} == {}


async def answer(operation: Operation, **headers: str) -> Mapping[str, str]:
    """Ask for a file; return the answer's headers, with its status and body."""
    call = Call(
        operation=operation, now=clock(), request_id="r", network="127.0.0.1", headers=headers
    )
    circumstances = Circumstances(
        operation=operation,
        request_id="r",
        if_none_match=[headers["If-None-Match"]] if "If-None-Match" in headers else [],
        accept_encoding=headers.get("Accept-Encoding"),
    )
    response = Answers().whole(await operation.handler(call), circumstances)
    body = response.body if isinstance(response.body, bytes) else b""
    lower = {name.lower(): value for name, value in response.headers.items()}
    return {**lower, "status": str(response.status), "length": str(len(body))}


def operations() -> dict[str, Operation]:
    """Return the operations by their paths."""
    return {each.path: each for each in Assets.load().operations()}


@pytest.mark.parametrize("name", ["v1.js", "act.js", "act.ar.js", "count.js"])
async def test_a_script_is_kept_for_ten_minutes_by_any_page(name: str) -> None:
    said = await answer(operations()[f"/embed/{name}"], **{"Accept-Encoding": "gzip, br"})
    assert said["content-type"] == SCRIPT
    assert said["access-control-allow-origin"] == "*"
    assert said["cache-control"].startswith("public, max-age=600, stale-while-revalidate=")
    assert said["content-encoding"] == "br"
    assert said["x-content-type-options"] == "nosniff"
    again = await answer(
        operations()[f"/embed/{name}"], **{"Accept-Encoding": "br", "If-None-Match": said["etag"]}
    )
    assert (again["status"], again["length"]) == ("304", "0")


@pytest.mark.parametrize("accepted", ["", "identity", "zstd", "gzip;q=0"])
async def test_who_takes_no_form_of_ours_gets_the_text(assets: Assets, accepted: str) -> None:
    said = await answer(operations()["/embed/v1.css"], **{"Accept-Encoding": accepted})
    assert said["content-type"] == STYLE
    assert "content-encoding" not in said
    assert int(said["length"]) == len(assets.files["v1.css"].body)


async def test_a_releases_script_never_changes() -> None:
    said = await answer(operations()[f"/embed/{VERSION}/embed.js"])
    assert said["cache-control"] == "public, max-age=31536000, immutable"


def catalogue(part: str, language: str) -> dict[str, str | dict[str, str]]:
    """Read a catalogue; a plural entry becomes a dictionary."""
    text = (STATIC / "widget" / f"{part}{language}.js").read_text("utf-8")
    found: dict[str, str | dict[str, str]] = {}
    for key, value in re.findall(r"^  (\w+): (.*),$", text, re.MULTILINE):
        forms = re.findall(r"(\w+): '([^']*)'", value) if value.startswith("{") else None
        found[key] = dict(forms) if forms else value.strip("'")
    return found


@pytest.mark.parametrize("part", CATALOGUES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_has_every_key_and_every_form(part: str, language: str) -> None:
    english, own = catalogue(part, "en"), catalogue(part, language)
    assert list(own) == list(english)
    forms = {*Locale(language).plural_form.tags, "other"}
    if language == "fr":
        forms.add("many")  # CLDR 38 on: "1 million de commentaires"
    for key, value in own.items():
        if isinstance(english[key], dict):
            assert isinstance(value, dict), key
            form, where = RARE.get(language, ("", ()))
            assert set(value) == (forms if key in where else forms - {form}), key
            assert "{n}" in value["other"], key
        else:
            assert isinstance(value, str), key
            assert value, key
            assert re.findall(r"\{\w\}", value) == re.findall(r"\{\w\}", str(english[key])), key


def test_every_word_is_used_and_every_used_word_is_there() -> None:
    text = "".join(
        source(path) for path in SCRIPTS if path.stem.removeprefix("act.") not in LANGUAGES
    )
    keys = {key for part in CATALOGUES for key in catalogue(part, "en")}
    codes = {"author_banned", "edit_window_over", "forbidden_character", "too_many_emoji"}
    assert {key for key in keys - codes if f"'{key}'" not in text} == set()
    said = set(re.findall(r"\.say\('(\w+)'", text))
    assert said <= keys
