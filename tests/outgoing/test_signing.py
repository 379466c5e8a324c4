from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import pytest

from service.outgoing import BadSecret, hosts, new_secret, read_secret, sign

NOW = datetime(2021, 2, 25, 7, 8, 10, 900_000, tzinfo=UTC)


def test_the_example_of_standard_webhooks_is_signed_as_there() -> None:
    secret = read_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = sign(
        b'{"test": 2432232314}',
        secrets=[secret],
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        now=datetime.fromtimestamp(1614265330, UTC),
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_while_a_secret_is_replaced_both_sign() -> None:
    new, old = read_secret(new_secret()), read_secret(new_secret())
    headers = sign(b"{}", secrets=[new, old], message_id="m", now=NOW)
    signed = f"m.{headers['webhook-timestamp']}.{{}}".encode()
    expected = [
        "v1," + base64.b64encode(hmac.new(each, signed, hashlib.sha256).digest()).decode()
        for each in (new, old)
    ]
    assert headers["webhook-signature"].split(" ") == expected


def test_secrets_are_made_by_chance_and_long_enough() -> None:
    first, second = new_secret(), new_secret()
    assert first != second
    assert len(read_secret(first)) == 32


@pytest.mark.parametrize(
    "text",
    ["", "whsec_", "whsec_c2hvcnQ=", "whsec_not base64", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "é"],
)
def test_what_is_no_secret_is_refused(text: str) -> None:
    with pytest.raises(BadSecret):
        read_secret(text)


def test_each_machine_has_a_breaker_of_its_own_and_few_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hosts, "HOSTS_MAX", 2)
    kept = hosts.Hosts()
    first = kept.of("a")
    assert kept.of("b") is not first
    assert kept.of("a") is first
    kept.of("c")
    assert kept.of("a") is first, "b was not asked for longest"
    assert first.probe_seconds == 10.0
