"""Make the pictures of the manual: `python -m bench.pictures`, with Debian's Chromium.

A newsroom of its own is filled with invented comments; each picture is one page of it.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import tempfile
from pathlib import Path
from uuid import UUID

import structlog

from bench.queue_page import browser, newsroom
from service.embedded import EmbeddedStores
from service.model import article_id
from service.storage.checks import Sampled
from service.storage.postgres import migrate
from service.wiring.ground import clock
from tests.browser.conftest import Newsroom
from tests.browser.desk.people import Moderator, Waiting

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "images"
WIDE, HIGH = 1120, 720
ADVERT = "Earn 900 euros a day from home, ask me how on my page"
COMMENTS = (
    ("Omar K", "en", "The council promised a tram in 2019, and we still stand in the rain."),
    ("Leïla", "fr", "Le tram, oui, mais pas au prix des écoles."),
    ("ليلى", "ar", "الترام وعد قديم، ونريد موعدًا واضحًا."),
    ("Ines", "fr", "Merci pour cet article, enfin des chiffres."),
    ("Tomas", "en", "See https://tram.example/plan and https://tram.example/cost for the plan."),
    ("Ben", "en", "You moron, read the article before you write."),
)


def picture(moderator: Moderator, name: str) -> None:
    """Keep what the window shows."""
    shot = moderator.send("Page.captureScreenshot", captureBeyondViewport=False)
    (FOLDER / f"{name}.png").write_bytes(base64.b64decode(shot["data"]))


def filled(room: Newsroom, comments: Waiting) -> None:
    """Let comments come, some of them decided."""
    for number in range(5):
        comments.post(f"{ADVERT} {'!' * number}", name=f"Deal{number}")
    comments.post(f"Careful, this is a fraud: “{ADVERT}”. They took my savings.", name="Ada")
    for word in ("A fair point.", "I was there, it was so."):
        (one,) = comments.post(word, name="Sofia")
        room.decide("approve", one["id"])
        sampled = Sampled(
            article_id=article_id(room.site.site_id, room.article),
            comment_id=UUID(one["id"]),
            n=1,
            decided_by="key",
            decider_id="colleague",
            verdict="approve",
            at=clock(),
        )
        store = room.api.service.moderators.checks.store
        room.api.aside.run(store.add(room.site.site_id, [sampled]))
    for name, lang, text in COMMENTS:
        comments.post(text, name=name, lang=lang)


def statistics(moderator: Moderator, room: Newsroom) -> None:
    """Make the one of the statistics."""
    moderator.chrome.get(f"{room.api.caller.origin}/moderate/statistics")
    moderator.until("document.querySelector('main svg')")
    picture(moderator, "statistics")


def made(database_url: str, redis_url: str) -> None:
    """Make them all."""
    with newsroom(database_url, redis_url) as room, browser() as chrome:
        moderator, comments = Moderator(chrome, room), Waiting(room)
        chrome.set_window_size(WIDE, HIGH)
        chrome.get(f"{room.api.caller.origin}/moderate/sign-in")
        moderator.window(WIDE, HIGH)
        moderator.sign_in()
        moderator.prefer()
        filled(room, comments)
        moderator.visit(sort="newest")
        moderator.until("document.querySelectorAll('#context-body section').length > 3")
        picture(moderator, "queue")
        moderator.decide("r")
        moderator.until("document.querySelector('dialog[open]')")
        picture(moderator, "reject")
        moderator.press("Escape")
        moderator.visit(sort="oldest")
        moderator.until("document.querySelector('.q-current [data-slot=cluster] button')")
        moderator.press("d")
        moderator.until("document.querySelector('dialog[open] .q-members')")
        picture(moderator, "similar")
        moderator.visit(lane="check")
        moderator.until("document.querySelectorAll('#context-body section').length > 1")
        picture(moderator, "second-look")
        moderator.ask("document.querySelector('[data-act=settings]').click()")
        moderator.until("document.querySelector('dialog[open]')")
        picture(moderator, "settings")
        statistics(moderator, room)
        moderator.prefer("ar", "dark")
        moderator.visit(sort="newest")
        moderator.until("document.querySelectorAll('#context-body section').length > 3")
        picture(moderator, "queue-arabic-dark")
        moderator.prefer()
        moderator.window(360, HIGH)
        moderator.visit(sort="newest")
        picture(moderator, "queue-narrow")


async def main() -> None:
    """Make them over stores of its own."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with tempfile.TemporaryDirectory(prefix="postbag-pictures-") as folder:
        await asyncio.to_thread(Path(folder).chmod, 0o711)  # the servers may run as another user
        async with EmbeddedStores(Path(folder) / "data") as stores:
            await migrate(stores.endpoints.database_url)
            await asyncio.to_thread(made, stores.endpoints.database_url, stores.endpoints.redis_url)


if __name__ == "__main__":
    asyncio.run(main())
