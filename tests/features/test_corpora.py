"""Collections of hostile texts, and random ones, through the doors and into Postgres."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import Invalid
from service.features import body, text
from service.features.body.grow import NESTING_MAX
from tests.features.test_body import HREF, KEYS, depth, nodes
from tests.features.test_text import curious_texts

pytestmark = pytest.mark.long

CORPORA = Path(__file__).parents[3] / "shared" / "corpora"
BODY_MAX = 10_000

DOORS: tuple[Callable[[str], str], ...] = (
    partial(text.clean_body, max_chars=BODY_MAX),
    text.clean_name,
)


def naughty_strings(folder: Path) -> list[str]:
    strings: list[str] = json.loads((folder / "blns.json").read_text())
    return strings


def script_injections(folder: Path) -> list[str]:
    return [
        line
        for path in sorted(folder.glob("*.txt"))
        for line in path.read_text(errors="surrogateescape").splitlines()
    ]


def strings_in_json(folder: Path) -> list[str]:
    """All that a lenient reader finds in the files, lone surrogates and NUL among it."""
    found: list[str] = []
    for path in sorted((folder / "test_parsing").glob("[yi]_*.json")):
        try:
            found.extend(strings_within(json.loads(path.read_bytes())))
        except (ValueError, RecursionError):
            continue
    return found


def strings_within(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from strings_within(one)
    elif isinstance(value, dict):
        yield from strings_within([*value, *value.values()])


READERS: dict[str, Callable[[Path], list[str]]] = {
    "blns": naughty_strings,
    "xss-payloads": script_injections,
    "json-test-suite": strings_in_json,
}


@pytest.fixture(params=READERS)
def corpus(request: pytest.FixtureRequest) -> list[str]:
    name: str = request.param
    folder = CORPORA / name
    if not folder.is_dir():
        pytest.skip(f"no corpus ../shared/corpora/{name} beside the checkout")
    strings = READERS[name](folder)
    assert strings
    return strings


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(database_url)
    await opened.execute(
        "CREATE TEMP TABLE kept (place integer PRIMARY KEY, text text, json jsonb)"
    )
    yield opened
    await opened.close()


def accepted(raw: str) -> list[str]:
    """What the doors make of a text; refusals, which say where and why, are left out."""
    clean = []
    for door in DOORS:
        try:
            clean.append(door(raw))
        except Invalid as refusal:
            if not refusal.errors:
                raise
    return clean


def is_storable(clean: str) -> bool:
    """Whether Postgres takes it, and JSON brings it back byte for byte."""
    sent = json.dumps(clean, ensure_ascii=False).encode("utf-8", errors="surrogatepass")
    return (
        "\0" not in clean
        and not any("\ud800" <= character <= "\udfff" for character in clean)
        and unicodedata.is_normalized("NFC", clean)
        and json.loads(sent) == clean
        and json.dumps(json.loads(sent), ensure_ascii=False).encode() == sent
    )


async def stored(connection: asyncpg.Connection, texts: Sequence[str]) -> list[tuple[str, str]]:
    """Write all texts in one statement and read them back, as text and within JSON."""
    async with connection.transaction():
        await connection.execute("DELETE FROM kept")
        await connection.execute(
            "INSERT INTO kept SELECT place, text, json"
            " FROM unnest($1::integer[], $2::text[], $3::jsonb[]) AS sent (place, text, json)",
            range(len(texts)),
            texts,
            [json.dumps({"text": one}, ensure_ascii=False) for one in texts],
        )
        rows = await connection.fetch("SELECT text, json FROM kept ORDER BY place")
    return [(row["text"], json.loads(row["json"])["text"]) for row in rows]


def test_a_corpus_is_refused_or_becomes_a_storable_text(corpus: list[str]) -> None:
    for raw in corpus:
        for door in DOORS:
            try:
                clean = door(raw)
            except Invalid as refusal:
                assert refusal.errors, ascii(raw)  # noqa: PT017 - either outcome is right
                continue
            assert is_storable(clean), ascii(raw)
            assert door(clean) == clean, ascii(raw)


def test_a_corpus_becomes_nothing_but_words_and_plain_links(corpus: list[str]) -> None:
    for raw in corpus:
        for clean in accepted(raw):
            tree = json.loads(json.dumps(body.parse(clean)))
            for node in nodes(tree):
                assert set(node) == KEYS[node["t"]], ascii(raw)
                assert "href" not in node or HREF.fullmatch(node["href"]), ascii(raw)
            assert depth(tree) <= 2 * NESTING_MAX, ascii(raw)
            assert text.has_visible(body.to_plain(body.parse(clean))), ascii(raw)


async def test_postgres_keeps_what_a_corpus_leaves(
    corpus: list[str], connection: asyncpg.Connection
) -> None:
    texts = [clean for raw in corpus for clean in accepted(raw)]
    assert texts
    assert await stored(connection, texts) == [(one, one) for one in texts]


async def test_postgres_keeps_whatever_was_accepted(connection: asyncpg.Connection) -> None:
    texts: list[str] = []

    @given(st.one_of(curious_texts, st.text(), st.text(st.characters(), max_size=12)))
    @settings(max_examples=1_000, deadline=None)
    def collect(raw: str) -> None:
        for clean in accepted(raw):
            assert is_storable(clean)
            texts.append(clean)

    collect()
    assert len(texts) > 500
    assert await stored(connection, texts) == [(one, one) for one in texts]
