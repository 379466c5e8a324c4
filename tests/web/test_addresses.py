from __future__ import annotations

from ipaddress import ip_network

import pytest

from service.web.addresses import Addresses, network_of_peer
from tests.web.conftest import House, Serve
from tests.web.raw import ask

BEHIND = Addresses((ip_network("10.0.0.0/8"), ip_network("fd00::/8"), ip_network("192.0.2.7/32")))
NOTES = "/v1/sites/demo/articles/story-1/notes"


@pytest.mark.parametrize(
    ("forwarded", "network"),
    [
        ([], "10.0.0.1"),
        (["198.51.100.9"], "198.51.100.9"),
        (["198.51.100.9, 10.0.0.2"], "198.51.100.9"),
        (["198.51.100.9", "10.0.0.2"], "198.51.100.9"),
        (["203.0.113.1, 198.51.100.9"], "198.51.100.9"),
        (["203.0.113.1,198.51.100.9,10.1.2.3 , 192.0.2.7"], "198.51.100.9"),
        (["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        (["198.51.100.9:4711"], "198.51.100.9"),
        (["[2001:db8:1:2:3::9]:4711"], "2001:db8:1:2::/64"),
        (["[2001:db8:1:2:3::9]"], "2001:db8:1:2::/64"),
        (["2001:db8:1:2:3::9"], "2001:db8:1:2::/64"),
        (["2001:db8:1:2:3::9, fd00::1"], "2001:db8:1:2::/64"),
        (["::ffff:198.51.100.9"], "198.51.100.9"),
        (["fe80::1%eth0"], "fe80::/64"),
        (["nonsense"], "10.0.0.1"),
        ([""], "10.0.0.1"),
        ([",,,"], "10.0.0.1"),
        (["198.51.100.9, nonsense"], "10.0.0.1"),
        (["nonsense, 198.51.100.9"], "198.51.100.9"),
        (["198.51.100.9, unknown, 10.0.0.2"], "10.0.0.2"),
        (["198.51.100.999"], "10.0.0.1"),
        (["198.51.100.9:port"], "10.0.0.1"),
        (["[2001:db8::1]evil"], "10.0.0.1"),
        (["1.2.3"], "10.0.0.1"),
        (["0x7f.1"], "10.0.0.1"),
        (["198.51.100.9;DROP"], "10.0.0.1"),
        (["for=198.51.100.9"], "10.0.0.1"),
        ([f"198.51.100.9{', 10.0.0.2' * 500}"], "10.0.0.2"),
    ],
)
def test_the_client_is_the_rightmost_hop_that_is_not_trusted(
    forwarded: list[str], network: str
) -> None:
    whence = BEHIND.whence("10.0.0.1", forwarded)
    assert whence.network == network
    assert whence.pretender is None


@pytest.mark.parametrize("peer", ["198.51.100.1", "2001:db8::1", "192.0.2.8"])
def test_nobody_else_is_believed(peer: str) -> None:
    whence = BEHIND.whence(peer, ["203.0.113.7"])
    assert whence.network == network_of_peer(peer)
    assert whence.pretender == peer


def test_by_default_nobody_is_believed() -> None:
    assert Addresses().whence("127.0.0.1", ["203.0.113.7"]).network == "127.0.0.1"


def test_an_ipv4_client_of_an_ipv6_socket_is_an_ipv4_client() -> None:
    assert network_of_peer("::ffff:198.51.100.9") == "198.51.100.9"


@pytest.mark.parametrize("peer", [None, "", "/run/postbag.sock"])
def test_a_peer_without_an_address_is_local(peer: str | None) -> None:
    assert network_of_peer(peer) == "local"


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
async def test_an_untrusted_forwarder_is_counted_and_noted(serve: Serve, name: str) -> None:
    async with serve() as house:
        await ask(house.port, "GET", NOTES, headers={name: "203.0.113.7"})
        assert house.toys.seen[-1].network == "127.0.0.1"
        assert house.seen.addresses == ["127.0.0.1"]
        assert b"postbag_untrusted_forwarded_total 1.0" in house.metrics.render()


async def test_a_trusted_forwarder_is_believed(serve: Serve) -> None:
    async with serve(trusted="127.0.0.0/8") as house:
        await ask(house.port, "GET", NOTES, headers={"X-Forwarded-For": "203.0.113.7"})
        assert house.toys.seen[-1].network == "203.0.113.7"
        assert house.seen.addresses == []


async def test_without_forwarded_headers_it_is_the_peer(house: House) -> None:
    await ask(house.port, "GET", NOTES)
    assert house.toys.seen[-1].network == "127.0.0.1"
