"""A newcomer's first minutes: `serve --demo`, and the lines to paste."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
from asyncio.subprocess import PIPE
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from service.demo.content import load
from tests.journeys.api import Paper
from tests.journeys.command import ROOT, Running, data_folder, served
from tests.journeys.house import SCOPES

MARK = "---- and then ----"
ARTICLES = [article.key for article in load().articles]

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(shutil.which("curl") is None, reason="The lines are for curl."),
]


@pytest.fixture(scope="module")
async def running(tell: Callable[[str], None]) -> AsyncIterator[Running]:
    """The demo in a new folder."""
    begun = monotonic()
    with data_folder() as folder:
        async with served(folder, "--demo") as started:
            (await started.api("GET", f"/v1/sites/demo/articles/{ARTICLES[0]}/comments")).expect(
                200
            )
            tell(f"First start, demo and first thread: {monotonic() - begun:.1f} s.")
            yield started


@pytest.fixture(scope="module")
async def demo(running: Running) -> Paper:
    """The demo site, with a key that may do everything."""
    words = [word for scope in set(SCOPES) - {"second"} for word in ("--scope", scope)]
    key = (await running.run("key", "create", "--site", "demo", *words)).strip()
    return Paper(api=running.api, slug="demo", keys=dict.fromkeys(SCOPES, key))


async def test_the_demo_is_as_large_as_promised(demo: Paper) -> None:
    assert len(set(ARTICLES)) == 9
    counts = [await demo.count(key) for key in ARTICLES]
    described = [
        (await demo.api("GET", demo.article(key), token=demo.keys["read"])).expect(200)
        for key in ARTICLES
    ]
    waiting = await _waiting(demo)

    assert sum(counts) + len(waiting) >= 120
    assert {article["lang"] for article in described} == {"en", "fr", "ar"}
    assert all(article["title"] for article in described)
    assert len(waiting) >= 30


async def test_what_waits_in_the_demo_can_each_be_approved_by_itself(demo: Paper) -> None:
    waiting = await _waiting(demo)

    assert max(Counter(item["comment"]["text"] for item in waiting).values()) == 1
    for item in waiting:
        comment, parent = item["comment"], item["parent"]
        assert (comment["status"], comment["revision"]) == ("pending", 1)
        assert item["lease"] is None
        assert (parent is None) == (comment["parent_id"] is None)
        assert parent is None or parent["status"] == "approved"


async def test_the_lines_that_are_printed_do_what_they_say(running: Running, demo: Paper) -> None:
    commands = _printed(running.said)
    assert len(commands) == 6
    article = re.findall(r"/articles/([^/]+)/comments", commands[1])[0]
    before = await demo.count(article)

    said = await _paste(commands, running)

    posted, claimed, decided, thread, count = map(json.loads, said[1:])
    assert said[0] == "", "The key goes into a variable and is not shown."
    assert posted["comment"]["status"] == "pending"
    assert posted["receipt"].startswith("pbr_")
    (item,) = claimed["items"]
    (result,) = decided["results"]
    assert item["comment"]["id"] == result["comment_id"], "It approves what was claimed."
    assert (result["outcome"], result["status"]) == ("applied", "approved")
    assert item["comment"]["article"] == article == thread["article"]["key"]
    assert count == {"article": article, "count": before + 1}
    one = (await demo.comment(result["comment_id"])).expect(200)
    assert one["comment"]["text"] == item["comment"]["text"]
    assert (await demo.comment(posted["comment"]["id"])).status == 404


async def test_the_lines_of_the_readme_do_what_they_say(running: Running, demo: Paper) -> None:
    article = "en-harbour-ferry"
    before = await demo.count(article)
    # The text of the reader above would be the same submission within a minute.
    lines = (
        _readme()
        .replace("http://127.0.0.1:8080", running.base_url)
        .replace(".venv/bin/postbag", f"{sys.executable} -m service")
        .replace("/tmp/comment.json", str(running.folder.with_suffix(".json")))  # noqa: S108
        .replace("Noor", "Amina")
    )

    said = await _paste(_commands(lines), running)

    posted, claimed, decided, thread, count = (json.loads(each) for each in said if each)
    assert posted["comment"]["status"] == "pending"
    assert len(claimed["items"]) == 1
    (result,) = decided["results"]
    assert result["comment_id"] == posted["comment"]["id"]
    assert (result["outcome"], result["status"]) == ("applied", "approved")
    assert thread["comments"][0]["id"] == posted["comment"]["id"]
    assert count == {"article": article, "count": before + 1}


async def test_everything_that_waits_is_approved_and_the_next_start_has_it_all(
    running: Running, demo: Paper
) -> None:
    ids = [item["comment"]["id"] for item in await _waiting(demo)]

    results = await demo.decide("approve", *ids, override=True)

    assert {result["outcome"] for result in results} == {"applied"}
    assert (await demo.queue())["total"] == 0
    counts = [await demo.count(key) for key in ARTICLES]
    assert await running.stop() == 0
    async with served(running.folder, "--demo") as again:
        demo = Paper(api=again.api, slug="demo", keys=demo.keys)
        assert [await demo.count(key) for key in ARTICLES] == counts
        assert (await demo.queue())["total"] == 0


async def _waiting(paper: Paper) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = await paper.queue(f"&limit=100{cursor}")
        items += page["items"]
        if page["next"] is None:
            assert len(items) == page["total"]
            return items
        cursor = f"&cursor={page['next']}"


async def _paste(commands: list[str], running: Running) -> list[str]:
    """Run commands in one shell, as somebody does who pastes them, and return what each says."""
    script = "\n".join(f"{command}\necho; echo '{MARK}'" for command in commands)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    shell = await asyncio.create_subprocess_exec(
        "bash", "-eu", "-o", "pipefail", "-c", script,
        cwd=ROOT, env={**running.environment, "PATH": path}, stdout=PIPE, stderr=PIPE,
    )  # fmt: skip
    out, err = await shell.communicate()
    assert shell.returncode == 0, err.decode()
    return [part.strip() for part in out.decode().split(MARK)[:-1]]


def _printed(said: str) -> list[str]:
    """Return the commands of the welcome."""
    _, _, lines = said.partition("A comment's whole life, in a second terminal:")
    return _commands("\n".join(line.removeprefix("  ") for line in lines.splitlines()))


def _readme() -> str:
    """Return the lines the README has for a second terminal."""
    blocks: list[str] = re.findall(
        r"```sh\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL
    )
    return next(block for block in blocks if "curl" in block)


def _commands(lines: str) -> list[str]:
    """Return one command after the other, without comments; a backslash goes on."""
    joined = lines.replace("\\\n", " ")
    return [line.strip() for line in joined.splitlines() if line.strip() and line.strip()[0] != "#"]
