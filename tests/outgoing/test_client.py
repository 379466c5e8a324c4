from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from service.outgoing import GuardedClient, Unreached
from service.outgoing import client as room
from tests.place import Place, standing

HERE = (ip_network("127.0.0.0/8"),)


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    async with standing() as one:
        yield one


@pytest.fixture
async def client() -> AsyncIterator[GuardedClient]:
    client = GuardedClient(networks=HERE)
    try:
        yield client
    finally:
        await client.close()


async def _post(client: GuardedClient, url: str, **changed: float) -> room.Answer:
    seconds = changed.pop("timeout_seconds", 5.0)
    most = int(changed.pop("answer_max_bytes", 1_000))
    return await client.post(
        url,
        body=b'{"a":1}',
        headers={"webhook-id": "m1"},
        timeout_seconds=seconds,
        answer_max_bytes=most,
    )


async def _refused(client: GuardedClient, url: str, **changed: float) -> str:
    with pytest.raises(Unreached) as refused:
        await _post(client, url, **changed)
    return refused.value.kind


async def test_a_body_is_posted_and_the_answer_returned(
    client: GuardedClient, place: Place
) -> None:
    place.says = b"HTTP/1.1 429 Too Many\r\nContent-Length: 4\r\nRetry-After: 7\r\n\r\nslow"
    answer = await _post(client, place.url)
    assert (answer.status, answer.body, answer.retry_after) == (429, b"slow", "7")
    assert not answer.ok
    head, _, body = place.asked[0].partition(b"\r\n\r\n")
    assert body == b'{"a":1}'
    assert b"webhook-id: m1" in head
    assert b"Content-Type: application/json" in head
    assert b"Cookie" not in head


async def test_a_redirect_is_an_answer_and_is_not_followed(
    client: GuardedClient, place: Place
) -> None:
    place.says = (
        f"HTTP/1.1 302 Found\r\nLocation: {place.url}\r\nContent-Length: 0\r\n\r\n".encode()
    )
    answer = await _post(client, place.url)
    assert (answer.status, answer.ok) == (302, False)
    assert len(place.asked) == 1


async def test_cookies_are_not_kept(client: GuardedClient, place: Place) -> None:
    place.says = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
    await _post(client, place.url)
    await _post(client, place.url)
    assert b"a=b" not in place.asked[1]


async def test_who_does_not_answer_in_time_is_given_up(client: GuardedClient, place: Place) -> None:
    place.waits = True
    assert await _refused(client, place.url, timeout_seconds=0.1) == "timeout"


async def test_an_answer_that_is_too_large_is_given_up(client: GuardedClient, place: Place) -> None:
    place.says = b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + b"x" * 1_001
    assert await _refused(client, place.url) == "too_large"


async def test_one_who_hangs_up_is_asked_once_more_and_then_given_up(
    client: GuardedClient, place: Place
) -> None:
    place.says = b""
    assert await _refused(client, place.url) == "broken"
    assert len(place.asked) == 2


async def test_an_answer_that_is_no_http_is_given_up(client: GuardedClient, place: Place) -> None:
    place.says = b"+PONG\r\n"
    assert await _refused(client, place.url) == "broken"


OK = b"HTTP/1.1 200 OK\r\n"
PART = b"400\r\n" + b"x" * 1_024 + b"\r\n"
HOSTILE = {
    "a body without end": (OK + b"Transfer-Encoding: chunked\r\n\r\n" + PART, "too_large"),
    "headers without end": (OK + b"X-More: " + b"x" * 100_000 + b"\r\n\r\n", "broken"),
    "two lengths": (OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "broken"),
    "a body that is cut": (OK + b"Content-Length: 9\r\n\r\n{}", "broken"),
    "another protocol": (b"HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", ""),
}


@pytest.mark.parametrize(("says", "kind"), HOSTILE.values(), ids=HOSTILE)
async def test_a_hostile_answer_is_given_up(
    client: GuardedClient, place: Place, says: bytes, kind: str
) -> None:
    place.says = says
    if kind:
        assert await _refused(client, place.url) == kind
    else:
        assert not (await _post(client, place.url)).ok


async def test_a_packed_body_is_not_unpacked(client: GuardedClient, place: Place) -> None:
    """A kilobyte could become a gigabyte."""
    packed = gzip.compress(b"0" * 1_000_000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
    place.says = head.encode() + packed
    assert (await _post(client, place.url, answer_max_bytes=2_000)).body == packed
    assert place.headers()["accept-encoding"] == "identity"


async def test_who_answers_in_drops_is_given_up_in_time(client: GuardedClient) -> None:
    async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            while not writer.is_closing():
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.02)

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert await _refused(client, f"http://127.0.0.1:{port}/", timeout_seconds=0.2) == "timeout"
    server.close()


async def test_nobody_there_is_said_apart(client: GuardedClient) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert await _refused(client, f"http://127.0.0.1:{port}/") == "unreachable"


async def test_without_the_operators_word_nothing_reaches_this_machine(place: Place) -> None:
    client = GuardedClient()
    for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "127.1", "2130706433"):
        for scheme in ("http", "https"):
            assert await _refused(client, f"{scheme}://{host}:{place.port}/") == "address_denied"
    assert place.connections == 0
    await client.close()


async def test_a_name_that_stands_for_an_inner_address_is_denied(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def look_up(
        _host: str, port: int, _family: object
    ) -> list[tuple[socket.AddressFamily, tuple[str, int]]]:
        inner = (socket.AF_INET, ("10.0.0.7", port))
        return [(socket.AF_INET, ("8.8.8.8", port)), inner]

    monkeypatch.setattr(room, "_look_up", look_up)
    client = GuardedClient()
    assert await _refused(client, "https://checks.daily.example/") == "address_denied"
    await client.close()


async def test_the_address_is_judged_again_when_it_is_connected_to(place: Place) -> None:
    """Whatever a resolver said: the socket itself is refused."""
    client = GuardedClient()
    with pytest.raises(OSError, match=r"127\.0\.0\.1"):
        client._socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 443)))  # noqa: SLF001
    client = GuardedClient(networks=HERE)
    client._socket(  # noqa: SLF001
        (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", place.port))
    ).close()


async def test_an_unknown_name_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(_host: str, _port: int, _family: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(room, "_look_up", look_up)
    client = GuardedClient()
    assert await _refused(client, "https://checks.daily.example/") == "unreachable"
    await client.close()


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    client: GuardedClient, tmp_path: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certificate(tmp_path))

    async def never(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(never, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    assert await _refused(client, f"https://127.0.0.1:{port}/") == "tls"
    server.close()


async def test_an_authority_that_the_machine_trusts_vouches_for_a_certificate(
    client: GuardedClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, file = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), _certificate(tmp_path)
    context.load_cert_chain(file)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b'{"a":1}')
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    assert (await _post(client, f"https://127.0.0.1:{port}/")).status == 204
    server.close()


def _certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)  # noqa: TID251 - TLS asks the real clock
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False
        )
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path
