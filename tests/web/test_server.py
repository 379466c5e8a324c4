from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
from collections import Counter
from contextlib import AsyncExitStack

import pytest

from service.web.server import Bounds, Deadlines
from tests.web.conftest import House, Serve
from tests.web.raw import Answer, ask, connected, request, send_raw, until

NOTES = "/v1/sites/demo/articles/story-1/notes"
SHORT = Deadlines(head_seconds=0.1, write_seconds=0.1, linger_seconds=0.1)
POST = f"POST {NOTES} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n".encode()
GET = f"GET {NOTES} HTTP/1.1\r\nHost: a\r\n".encode()


@pytest.mark.parametrize(
    "raw",
    [
        POST + b"Content-Length: 13\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Content-Length: 13\r\nContent-Length: 14\r\n\r\n" + b'{"text": "x"}',
        POST + b"Content-Length: 13, 13\r\n\r\n" + b'{"text": "x"}',
        POST + b"Content-Length: +13\r\n\r\n" + b'{"text": "x"}',
        POST + b"Content-Length: 1_3\r\n\r\n" + b'{"text": "x"}',
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Content-Length : 13\r\n\r\n" + b'{"text": "x"}',
        POST + b"Transfer-Encoding: chunky\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n0xd\r\n" + b'{"text": "x"}\r\n0\r\n\r\n',
        POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nd;a=b\n" + b'{"text": "x"}\r\n0\r\n\r\n',
        POST + b"Transfer-Encoding: chunked\r\n\r\nd\n" + b'{"text": "x"}\n0\n\n',
        POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        GET.replace(b"\r\n", b"\n") + b"\n",
        GET.replace(b"\r\n", b"\r") + b"\r\r\n\r\n",
        GET + b"".join(b"X%d: a\r\n" % number for number in range(200)) + b"\r\n",
        GET + b"X" * 9_000 + b": a\r\n\r\n",
        GET + b": nameless\r\n\r\n",
        GET + b" folded: x\r\n\r\n",
        GET + b"X: a\r\n b\r\n\r\n",
        GET + b"Bad Name: x\r\n\r\n",
        GET + b"X: a\x00b\r\n\r\n",
        GET + b"X: a\rb\r\n\r\n",
        GET + b"Host: b\r\n\r\n",
        f"GET {NOTES} HTTP/1.1\r\n\r\n".encode(),
        GET + b"X: " + b"a" * 9_000 + b"\r\n\r\n",
        GET + b"".join(b"X%d: a\r\n" % number for number in range(100)) + b"\r\n",
        b"GET /" + b"a" * 60_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/3.0\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
        b"FROBNICATE / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello over TLS\r\n\r\n",
        f"GET {NOTES}\r\n\r\n".encode(),
        f"GET {NOTES} HTTP/0.9\r\n\r\n".encode(),
    ],
)
async def test_what_is_no_http_is_400_and_ends_the_connection(house: House, raw: bytes) -> None:
    async with connected(house.port) as line:
        await line.send(raw + b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = await line.receive()
        assert (answer.status, answer.code) == (400, "bad_request")
        assert answer.json["request_id"] == answer.headers["x-request-id"]
        assert answer.headers["server"] == "postbag"
        assert await line.is_closed()


async def test_requests_may_follow_each_other_and_be_sent_at_once(house: House) -> None:
    async with connected(house.port) as line:
        await line.send(
            request("GET", f"{NOTES}?limit=1")
            + request("POST", NOTES, json={"text": "x"})
            + request("GET", f"{NOTES}?limit=3")
        )
        answers = [await line.receive() for _ in range(3)]
        assert [answer.status for answer in answers] == [200, 201, 200]
        assert [answers[0].json["limit"], answers[2].json["limit"]] == [1, 3]
        assert len({answer.headers["x-request-id"] for answer in answers}) == 3


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"CONNECT evil.example:443 HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        (f"CONNECT {NOTES} HTTP/1.1\r\nHost: a\r\n\r\n".encode(), 405),
        (f"TRACE {NOTES} HTTP/1.1\r\nHost: a\r\n\r\n".encode(), 405),
        (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        (GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 200),
        (GET + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n", 200),
    ],
)
async def test_no_tunnel_is_dug_and_no_other_protocol_begun(
    house: House, raw: bytes, status: int
) -> None:
    answer = await send_raw(house.port, raw)
    assert answer.status == status
    assert "upgrade" not in answer.headers


async def test_http_1_0_is_spoken(house: House) -> None:
    async with connected(house.port) as line:
        await line.send(f"GET {NOTES} HTTP/1.0\r\n\r\n".encode())
        assert (await line.receive()).status == 200
        assert await line.is_closed()


async def test_a_connection_that_asks_for_nothing_is_closed(serve: Serve) -> None:
    async with serve(deadlines=SHORT) as house, connected(house.port) as line:
        assert await line.is_closed()


@pytest.mark.parametrize("begun", [b"G", GET, GET + b"X: a"])
async def test_a_head_that_does_not_end_is_408(serve: Serve, begun: bytes) -> None:
    async with serve(deadlines=SHORT) as house, connected(house.port) as line:
        await line.send(begun)
        answer = await line.receive()
        assert (answer.status, answer.code) == (408, "request_timeout")
        assert await line.is_closed()


async def test_a_head_that_trickles_is_408_all_the_same(serve: Serve) -> None:
    async with serve(deadlines=SHORT) as house, connected(house.port) as line:

        async def trickle() -> None:
            while True:
                await line.send(b"X: a\r\n")
                await asyncio.sleep(0.02)

        await line.send(GET)
        trickling = asyncio.create_task(trickle())
        assert (await line.receive()).status == 408
        trickling.cancel()


async def test_a_later_head_has_its_deadline_too(serve: Serve) -> None:
    deadlines = Deadlines(head_seconds=0.1, idle_seconds=30)
    async with serve(deadlines=deadlines) as house, connected(house.port) as line:
        await line.send(request("GET", NOTES))
        assert (await line.receive()).status == 200
        await line.send(b"GET /")
        assert (await line.receive()).status == 408
        assert await line.is_closed()


async def test_a_head_after_ready_answers_has_its_deadline_as_well(serve: Serve) -> None:
    deadlines = Deadlines(head_seconds=0.1, idle_seconds=30)
    async with serve(deadlines=deadlines) as house, connected(house.port) as line:
        for _ in range(3):
            await line.send(request("GET", "/v1/ready"))
            assert (await line.receive()).body == b"ready"
        assert sum(house.gate.ready.answered.values()), "the short way was taken"
        await line.send(b"GET /v1/ready HTTP/1.1")
        assert (await line.receive()).status == 408
        assert await line.is_closed()


async def test_an_idle_connection_outlives_the_deadline_of_heads(serve: Serve) -> None:
    deadlines = Deadlines(head_seconds=0.05, idle_seconds=30)
    async with serve(deadlines=deadlines) as house, connected(house.port) as line:
        for _ in range(3):
            await line.send(request("GET", NOTES))
            assert (await line.receive()).status == 200
            await asyncio.sleep(0.08)  # the idle time itself is what is tested


async def test_an_idle_connection_is_closed_in_the_end(serve: Serve) -> None:
    deadlines = Deadlines(idle_seconds=0.1)
    async with serve(deadlines=deadlines) as house, connected(house.port) as line:
        await line.send(request("GET", NOTES))
        assert (await line.receive()).status == 200
        assert await line.is_closed()


@pytest.mark.parametrize("piece", [b"", b'{"text"'])
async def test_a_body_that_does_not_come_is_408(serve: Serve, piece: bytes) -> None:
    async with serve(deadlines=SHORT, body_seconds=0.1) as house, connected(house.port) as line:
        await line.send(POST + b"Content-Length: 13\r\n\r\n" + piece)
        answer = await line.receive()
        assert (answer.status, answer.code) == (408, "request_timeout")
        assert await line.is_closed()
        assert house.gate.admission.held_bytes == 0


async def test_a_client_that_leaves_in_mid_body_leaves_nothing_behind(serve: Serve) -> None:
    async with serve() as house:
        async with connected(house.port) as line:
            await line.send(POST + b"Content-Length: 13\r\n\r\n" + b'{"text"')
            await until(lambda: house.gate.admission.held_bytes == 7)
        await until(lambda: not house.gate.admission.held_bytes)
        assert (await ask(house.port, "GET", NOTES)).status == 200


async def test_a_connection_outlives_requests_that_took_too_long(house: House) -> None:
    async with connected(house.port) as line:
        for _ in range(2):
            await line.send(request("GET", "/v1/sleep") + request("GET", NOTES))
            answers = [await line.receive() for _ in range(2)]
            assert [(each.status, each.code) for each in answers] == [
                (503, "timed_out"),
                (200, None),
            ]


async def test_a_client_that_does_not_read_is_cut_off(serve: Serve) -> None:
    async with serve(deadlines=SHORT) as house:
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            deaf.connect(("127.0.0.1", house.port))
            await until(lambda: len(house.server.connections) == 1)
            deaf.send(request("GET", "/docs") * 500)
            await until(lambda: house.server.connections == [])
        assert (await ask(house.port, "GET", NOTES)).status == 200


async def test_one_address_has_so_many_connections_and_no_more(serve: Serve) -> None:
    async with serve(bounds=Bounds(per_address=2)) as house:
        async with connected(house.port) as first, connected(house.port) as second:
            for line in (first, second):
                await line.send(request("GET", NOTES))
                assert (await line.receive()).status == 200
            refused = await refusal(house)
            assert (refused.status, refused.code) == (429, "rate_limited")
            assert int(refused.headers["retry-after"]) >= 1
        await until(lambda: house.server.connections == [])
        assert (await ask(house.port, "GET", NOTES)).status == 200


async def test_a_trusted_proxy_has_no_such_bound(serve: Serve) -> None:
    async with (
        serve(bounds=Bounds(per_address=1), trusted="127.0.0.0/8") as house,
        connected(house.port) as line,
    ):
        await line.send(request("GET", NOTES))
        assert (await line.receive()).status == 200
        assert (await ask(house.port, "GET", NOTES)).status == 200


async def test_all_together_have_a_bound_too(serve: Serve) -> None:
    async with serve(bounds=Bounds(connections=1, per_address=None)) as house:
        async with connected(house.port) as line:
            await line.send(request("GET", NOTES))
            assert (await line.receive()).status == 200
            refused = await refusal(house)
            assert (refused.status, refused.code) == (503, "overloaded")
            assert "retry-after" in refused.headers
        await until(lambda: house.server.connections == [])
        assert (await ask(house.port, "GET", NOTES)).status == 200


async def test_what_is_in_work_is_finished_when_the_server_stops(serve: Serve) -> None:
    async with serve() as house:
        working = asyncio.create_task(ask(house.port, "POST", "/v1/work"))
        await until(lambda: house.toys.working == 1)
        asyncio.get_running_loop().call_later(0.05, house.toys.let_go.set)
    answer = await working
    assert answer.status == 200
    assert answer.json == {"text": "done"}


async def refusal(house: House) -> Answer:
    """Connect and read what is said before anything was asked."""
    return await send_raw(house.port, b"")


async def test_whoever_is_connected_to_the_kernel_alone_is_answered_when_the_server_stops(
    serve: Serve,
) -> None:
    """The loop has had no turn to take them in."""
    with contextlib.ExitStack() as opened:
        async with serve() as house:
            asked = []
            for _ in range(20):
                client = opened.enter_context(
                    socket.create_connection(("127.0.0.1", house.port), timeout=5)
                )
                client.sendall(request("POST", NOTES, json={"text": "x"}))
                asked.append(client)
            house.draining.begun = True
        for client in asked:
            head = client.recv(65_536)
            assert head.startswith(b"HTTP/1.1 201 ")
            assert b"Connection: close\r\n" in head


async def test_the_connection_of_a_stream_is_never_used_again(serve: Serve) -> None:
    """It may end because we do: a client that took it back would write into a closing one."""
    async with serve() as house:
        answer = await send_raw(house.port, request("GET", "/v1/stream"))
    assert answer.headers["connection"] == "close"


async def test_processes_may_have_one_door(serve: Serve) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
        async with serve(door=door.dup()), serve(door=door.dup()):
            pass
        with socket.create_connection(("127.0.0.1", port), timeout=5) as late:
            late.sendall(request("GET", NOTES))
            async with serve(door=door.dup()):
                answer = await asyncio.to_thread(late.recv, 65_536)
    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_who_has_half_a_head_out_may_finish_it_when_the_server_stops(serve: Serve) -> None:
    async with serve() as house, AsyncExitStack() as opened:
        line = await opened.enter_async_context(connected(house.port))
        whole = request("POST", NOTES, json={"text": "x"})
        await line.send(whole[:20])
        await until(lambda: len(house.server.connections) == 1)
        asyncio.get_running_loop().call_later(0.05, line.writer.write, whole[20:])
        stopping = opened.pop_all()
    assert (await line.receive()).status == 201
    await stopping.aclose()


async def test_a_farewell_is_said_when_nobody_new_comes_in(serve: Serve) -> None:
    said: list[bool] = []
    port = 0

    async def farewell() -> None:
        with pytest.raises(ConnectionError):
            await ask(port, "GET", NOTES)
        said.append(True)

    async with serve(farewell=farewell) as house:
        port = house.port
        assert not said
    assert said


async def test_what_is_too_large_or_compressed_is_refused_unread(house: House) -> None:
    """Protocol.md F10: 70 kB, and a bomb of 48 kB that would become 50 MB."""
    large = await ask(house.port, "POST", NOTES, json={"text": "x" * 70_000})
    assert (large.status, large.code) == (413, "body_too_large")
    bomb = gzip.compress(b"x" * 50_000_000)
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    refused = await ask(house.port, "POST", NOTES, body=bomb[:30_000], headers=headers)
    assert (refused.status, refused.code) == (415, "unsupported_media_type")
    assert house.gate.admission.held_bytes == 0


HALF_OPEN = {
    "silent": b"",
    "slow_head": GET + b"X: a",
    "slow_body": POST + b"Content-Length: 13\r\n\r\n" + b'{"te',
    "slow_reader": request("GET", "/docs") * 400,
}
"""What somebody sends who keeps a connection open, by the reason for which it is cut off."""


@pytest.mark.long
async def test_two_hundred_half_open_connections_keep_nobody_else_waiting(serve: Serve) -> None:
    deadlines = Deadlines(head_seconds=1, write_seconds=1, linger_seconds=0.5)
    async with serve(deadlines=deadlines, bounds=Bounds(per_address=None), body_seconds=1) as house:
        reasons = Counter[str]()
        house.gate.admission.pulse.pressure.heard = lambda reason: reasons.update([reason])
        over, answered = asyncio.Event(), Counter[int]()

        ordinary = request("GET", NOTES), request("POST", NOTES, json={"text": "x"})

        async def be_ordinary() -> None:
            async with connected(house.port) as line:
                while not over.is_set():
                    for asked in ordinary:
                        await line.send(asked)
                        answered[(await line.receive()).status] += 1

        people = [asyncio.create_task(be_ordinary()) for _ in range(4)]
        with contextlib.ExitStack() as opened:
            for number in range(200):
                half = opened.enter_context(socket.socket())
                half.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
                half.connect(("127.0.0.1", house.port))
                half.setblocking(False)
                half.send(list(HALF_OPEN.values())[number % len(HALF_OPEN)])
                await asyncio.sleep(0)
            await until(lambda: reasons.total() == 200)
            await until(lambda: len(house.server.connections) == len(people))
        over.set()
        await asyncio.gather(*people)
        assert reasons == dict.fromkeys(HALF_OPEN, 50)
        assert set(answered) == {200, 201}
        assert house.gate.admission.held_bytes == 0
