"""An admin lets a program of the site's own hear of what happens, in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from tests.browser.test_dashboard_admin import Admin, admin

__all__ = ["admin"]

pytestmark = pytest.mark.browser


@pytest.fixture
def receiver() -> Iterator[str]:
    """A program that takes what comes; `/gone` says that it is gone."""

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(410 if self.path == "/gone" else 204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taker)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_webhook_is_made_tried_looked_at_changed_and_deleted(admin: Admin, receiver: str) -> None:
    admin.open("team")
    admin.write("#webhook-url", "https://10.0.0.1/hook")
    admin.click("#new-webhook > button")
    admin.says("#problem", "Nothing can be sent to this address")
    admin.write("#webhook-url", f"{receiver}/hook")
    admin.write("#webhook-name", "Newsletter")
    admin.click("#new-webhook > button")
    secret = admin.find("dialog code").text
    assert secret.startswith("whsec_")
    admin.click("dialog button:not(.secret button)")
    admin.says("#done", "Newsletter hears of what happens from now on.")
    assert secret not in admin.chrome.page_source

    admin.click("[data-test]")
    admin.says("#done", "Newsletter took the test")
    admin.click("[data-webhook] a.button")
    admin.says("tr[data-delivery]", "Delivered")
    admin.click("tr[data-delivery] summary")
    admin.says("tr[data-delivery]", "taken (204)")
    admin.click("[data-again]")
    admin.says("#done", "It is sent once more.")
    where = admin.chrome.current_url.partition("/moderate/webhooks/")[2][:36]
    attempts = f"webhooks/{where}/deliveries"
    admin.wait(lambda: len(admin.told(attempts)["items"][0]["attempts"]) == 2, "a second try")

    admin.open("team")
    admin.click("[data-webhook] [data-rotate]")
    admin.click("dialog .primary")
    admin.says("dialog", "It is not shown again.")
    assert admin.find("dialog code").text != secret
    admin.click("dialog button:not(.secret button)")
    admin.says("tr[data-webhook]", "The former secret signs too until")
    admin.click("[data-webhook] [data-change]")
    admin.write("#changed-url", f"{receiver}/gone")
    admin.click("dialog .primary")
    admin.says("tr[data-webhook]", "/gone")
    admin.click("[data-test]")
    admin.says("#done", "it said that it is gone (410)")
    admin.open("team")
    admin.says("tr[data-webhook]", "Stopped: it said that it is gone")
    admin.click("[data-webhook] [data-delete]")
    admin.click("dialog .danger")
    admin.says("#done", "Newsletter was deleted.")
    acts = [each["act"] for each in admin.told("administration")["items"]]
    assert [each for each in acts if each.startswith("webhook.")] == [
        "webhook.deleted",
        "webhook.disabled",
        "webhook.changed",
        "webhook.rotated",
        "webhook.created",
    ]


def test_webhooks_are_for_everybody(admin: Admin, receiver: str) -> None:
    """No fault by axe-core, and no sideways scrolling where it is narrow, in every look."""
    said = {"name": "Newsletter", "events": ["comment.approved", "count.changed"]}
    admin.elsewhere("POST", "webhooks", url=f"{receiver}/a-rather-long-path/of/a-hook", **said)
    made = admin.told("webhooks")["items"][0]["webhook_id"]
    slug, key = admin.newsroom.site.slug, admin.newsroom.key
    where = f"/v1/sites/{slug}/webhooks/{made}"
    sent = admin.newsroom.api.ask("POST", f"{where}/test", bearer=key)
    assert sent.status == 202
    log = f"webhooks/{made}/deliveries"
    admin.wait(lambda: bool(admin.told(log)["items"][0]["attempts"]), "a try")
    for lang, theme, width in (
        ("en", "light", 1280),
        ("ar", "dark", 1280),
        ("fr", "contrast", 360),
        ("ar", "light", 360),
    ):
        admin.window(width, 900)
        admin.prefer(lang, theme)
        for page in ("team", f"webhooks/{made}"):
            admin.open(page)
            admin.until("document.querySelector('h1')")
            admin.ask("document.querySelector('tr details')?.setAttribute('open', '')")
            assert admin.faults() == [], (page, lang, theme, width)
            wide = admin.ask("return document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, (page, lang, theme, width)
            admin.ask("document.querySelector('#webhooks-title')?.scrollIntoView()")
            admin.shot(f"webhooks-{page[:4]}-{lang}-{theme}-{width}")
