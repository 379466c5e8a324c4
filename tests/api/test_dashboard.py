"""The newsroom's pages as a server gives them out; what they do is tried in a browser."""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from babel import Locale
from justhtml import JustHTML

from service.model import Role
from service.web.dashboard import files, words
from service.web.dashboard.frame import POLICY
from service.web.dashboard.view import View, own_path
from tests.api.calls import Answer
from tests.api.conftest import Api
from tests.api.insiders import signed_in

OPEN = ("/moderate/sign-in", "/moderate/arrival")
INSIDE = ("/moderate/", "/moderate/me")
DASHBOARD = Path(files.FOLDER)


def ask(api: Api, target: str, *, method: str = "GET", **headers: str) -> Answer:
    """Ask like a person who opens a page."""
    said = {"Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "none"}
    said |= {name.replace("_", "-"): value for name, value in headers.items()}
    return api.caller.exchange(method, target, list(said.items()), None)


def inside(api: Api, target: str, **headers: str) -> Answer:
    return ask(api, target, Cookie=f"postbag={signed_in(api, Role.VIEWER).token}", **headers)


def shown(api: Api, target: str, **headers: str) -> Answer:
    return ask(api, target, **headers) if target in OPEN else inside(api, target, **headers)


@pytest.mark.parametrize("target", [*OPEN, *INSIDE])
def test_a_page_lets_browsers_do_nothing_but_what_it_needs(api: Api, target: str) -> None:
    answer = shown(api, target)
    assert answer.status == 200
    assert answer.headers["Content-Security-Policy"] == POLICY
    for word in ("unsafe", "*", "http:", "https:"):
        assert word not in POLICY
    assert "frame-ancestors 'none'" in POLICY
    assert "require-trusted-types-for 'script'" in POLICY
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("target", [*OPEN, *INSIDE])
@pytest.mark.parametrize("lang", words.LANGUAGES)
def test_a_page_is_valid_and_has_nothing_inline(api: Api, target: str, lang: str) -> None:
    page = shown(api, target, Accept_Language=f"{lang}-XX, en;q=0.5").raw.decode()
    JustHTML(page, strict=True)
    direction = "rtl" if lang == "ar" else "ltr"
    assert f'<html lang="{lang}" dir="{direction}"' in page
    assert page.count("<h1") == 1
    assert page.count("<main") == 1
    assert "<style" not in page
    assert " style=" not in page
    assert not re.search(r"\son\w+=", page)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", page))
    assert "javascript:" not in page


@pytest.mark.parametrize("target", INSIDE)
def test_whoever_is_not_signed_in_is_led_to_the_entrance(api: Api, target: str) -> None:
    for cookie in ("", "postbag=pbs_" + "A" * 43):
        answer = ask(api, target, Cookie=cookie)
        assert answer.status == 303
        place = "/moderate/sign-in" + ("" if target == "/moderate/" else f"?next={target}")
        assert answer.headers["Location"] == place
        assert answer.raw == b""


def test_whoever_follows_a_link_from_elsewhere_is_asked_for_their_cookie_again(api: Api) -> None:
    """`SameSite=Strict` keeps it back the first time."""
    answer = ask(api, "/moderate/me", Sec_Fetch_Site="cross-site")
    assert answer.status == 200
    assert b'http-equiv="refresh"' in answer.raw
    assert ask(api, "/moderate/me", Sec_Fetch_Site="same-origin").status == 303


def test_a_page_in_a_frame_of_another_site_knows_nobody(api: Api) -> None:
    token = signed_in(api).token
    answer = ask(
        api,
        "/moderate/me",
        Cookie=f"postbag={token}",
        Sec_Fetch_Site="cross-site",
        Sec_Fetch_Dest="iframe",
    )
    assert answer.status == 403
    assert token not in answer.told


def test_whoever_is_in_is_led_past_the_entrance(api: Api) -> None:
    answer = inside(api, "/moderate/sign-in")
    assert (answer.status, answer.headers["Location"]) == (303, "/moderate/")
    assert ask(api, "/moderate").headers["Location"] == "/moderate/"


def test_over_a_line_that_others_may_read_the_entrance_says_so(api: Api) -> None:
    page = ask(api, "/moderate/sign-in", Host="192.0.2.7").raw.decode()
    assert "not encrypted" in page
    assert "not encrypted" not in ask(api, "/moderate/sign-in", Host="localhost").raw.decode()


def test_what_members_call_themselves_is_no_markup(api: Api) -> None:
    sam = signed_in(api)
    hostile = '"><img src=x onerror=alert(1)>'

    async def rename() -> None:
        async with api.service.ground.pool.acquire() as connection:
            await connection.execute(
                "UPDATE members SET name = $2 WHERE member_id = $1", sam.member_id, hostile
            )

    api.aside.run(rename())
    for target in INSIDE:
        page = ask(api, target, Cookie=f"postbag={sam.token}").raw.decode()
        assert "<img" not in page
        assert "&lt;img" in page


def test_language_and_theme_are_chosen_by_a_form_and_kept(api: Api) -> None:
    body = b"lang=ar&theme=contrast&back=%2Fmoderate%2Fme"
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Content-Length": str(len(body)),
        "Sec-Fetch-Site": "same-origin",
    }
    answer = api.caller.exchange("POST", "/moderate/view", list(headers.items()), body)
    assert (answer.status, answer.headers["Location"]) == (303, "/moderate/me")
    cookie = answer.headers["Set-Cookie"].partition(";")[0]
    page = ask(api, "/moderate/sign-in", Cookie=cookie).raw.decode()
    assert '<html lang="ar" dir="rtl" data-theme="contrast"' in page
    foreign = {**headers, "Sec-Fetch-Site": "cross-site"}
    refused = api.caller.exchange("POST", "/moderate/view", list(foreign.items()), body)
    assert refused.status == 403


@pytest.mark.parametrize(
    "said",
    ["//evil.example", "https://evil.example", "/moderate//evil", "", "/t/x", "/moderate/\r\nX: y"],
)
def test_after_a_form_one_stays_on_these_pages(said: str) -> None:
    assert own_path(said) == "/moderate/"
    assert own_path("/moderate/queue?lane=held&q=a%20b") == "/moderate/queue?lane=held&q=a%20b"


@pytest.mark.parametrize(
    ("accepted", "lang"),
    [
        ("", "en"),
        ("fr", "fr"),
        ("de, fr-CA;q=0.8, ar;q=0.9", "ar"),
        ("xx;q=1, *", "en"),
        ("fr;q=0.1, en;q=0.2", "en"),
        ("ar;q=x, fr;q=0.5", "fr"),
        ("," * 500, "en"),
    ],
)
def test_the_browsers_language_is_taken_where_we_know_it(accepted: str, lang: str) -> None:
    assert words.language_of(accepted) == lang


def test_a_cookie_of_nonsense_chooses_nothing() -> None:
    view = View(lang="en", theme="system")
    assert view.changed({"lang": "xx", "theme": "<b>"}) == view
    assert view.changed({"lang": "fr", "theme": "dark"}) == View(lang="fr", theme="dark")


def test_modules_are_kept_for_good_under_the_digest_of_them_all(api: Api) -> None:
    for path in sorted(DASHBOARD.rglob("*.*")):
        name = path.relative_to(DASHBOARD).as_posix()
        answer = ask(api, files.address(name))
        assert answer.status == 200, name
        assert answer.raw == path.read_bytes()
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    old = ask(api, "/moderate/static/000000000000/frame.js")
    assert (old.status, old.headers["Cache-Control"]) == (200, "no-store")
    assert ask(api, f"/moderate/static/{files.digest()}/nothing.js").status == 404
    with pytest.raises(KeyError):
        files.address("nothing.js")


def test_modules_import_each_other_by_relative_paths_and_never_parse_markup() -> None:
    for path in DASHBOARD.rglob("*.js"):
        source = path.read_text("utf-8")
        for said in re.findall(r"(?:from|import\()\s*'([^']+)'", source):
            assert said.startswith("."), path.name
            assert (path.parent / said).resolve().is_file(), f"{path.name}: {said}"
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert word not in source, path.name


def catalogue(lang: str, part: str) -> dict[str, Any]:
    folder = resources.files("service") / "templates" / "dashboard" / "words"
    return tomllib.loads((folder / lang / f"{part}.toml").read_text("utf-8"))


@pytest.mark.parametrize("part", words.parts())
@pytest.mark.parametrize("lang", words.LANGUAGES[1:])
def test_every_language_says_the_same(part: str, lang: str) -> None:
    ours, theirs = catalogue("en", part), catalogue(lang, part)
    for place in ("", "script"):
        english = ours.get(place, {}) if place else ours
        other = theirs.get(place, {}) if place else theirs
        assert set(english) == set(other)
        for phrase, said in english.items():
            if phrase == "script":
                continue
            assert fields(said) == fields(other[phrase]), phrase
            assert isinstance(said, str) == isinstance(other[phrase], str), phrase


@pytest.mark.parametrize("lang", words.LANGUAGES)
def test_a_plural_has_every_form_of_its_language(lang: str) -> None:
    wanted = set(Locale(lang).plural_form.tags) | {"other"}
    for part in words.parts():
        told = catalogue(lang, part)
        for phrase, said in {**told, **told.get("script", {})}.items():
            if isinstance(said, dict) and phrase != "script":
                assert set(said) >= wanted, f"{part}: {phrase}"


def test_no_two_parts_have_a_phrase_of_one_name() -> None:
    seen: dict[str, str] = {}
    for part in words.parts():
        for phrase in catalogue("en", part):
            if phrase != "script":
                assert seen.setdefault(phrase, part) == part, phrase


def test_every_phrase_that_modules_and_templates_say_is_there() -> None:
    known = {phrase for part in words.parts() for phrase in catalogue("en", part).get("script", {})}
    for path in DASHBOARD.rglob("*.js"):
        said = set(re.findall(r"\bsay\('(\w+)'", path.read_text("utf-8")))
        assert said <= known, path.name
    templates = resources.files("service") / "templates" / "dashboard"
    phrases = words.tongue("en").phrases
    for entry in templates.iterdir():
        if entry.name.endswith(".html"):
            told = set(re.findall(r"tongue\.say\([\"'](\w+)[\"'][,)]", entry.read_text("utf-8")))
            assert told <= set(phrases), entry.name


def fields(said: str | dict[str, str]) -> set[str]:
    """Return the values that a phrase, or any form of a plural, needs; `n` may be left out."""
    texts = [said] if isinstance(said, str) else list(said.values())
    found = {name for text in texts for _, name, _, _ in Formatter().parse(text) if name}
    return found - {"n"}
