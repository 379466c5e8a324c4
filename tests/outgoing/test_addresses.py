from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis.strategies import ip_addresses

from service.outgoing import BadUrl, check_url
from service.outgoing.addresses import is_allowed, is_public, unwrapped

HERE = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104 - it is denied
        "10.1.2.3",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.170",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.7",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:0:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::808:808",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "2620:4f:8000::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "not an address",
    ],
)
def test_what_is_not_surely_public_is_denied(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "172.32.0.1", "100.128.0.1", "198.20.0.1", "2a00:1450:4007::1", "::ffff:8.8.8.8"],
)
def test_the_public_internet_is_allowed_on_the_ports_of_https(address: str) -> None:
    assert is_allowed(address, 443, networks=())
    assert is_allowed(address, 8443, networks=())
    assert not is_allowed(address, 80, networks=())
    assert not is_allowed(address, 6379, networks=())


def test_a_network_that_the_operator_names_is_allowed_on_any_port() -> None:
    office = (ip_network("10.20.0.0/16"),)
    assert is_allowed("10.20.1.1", 9000, networks=office)
    assert is_allowed("::ffff:10.20.1.1", 9000, networks=office)
    assert not is_allowed("10.21.1.1", 443, networks=office)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "checks.daily.example",
        "http://checks.daily.example/",
        "ftp://checks.daily.example/",
        "file:///etc/passwd",
        "https://",
        "https:///check",
        "https://user@checks.daily.example/",
        "https://user:secret@checks.daily.example/",
        "https://checks.daily.example:6379/",
        "https://checks.daily.example:99999/",
        "https://checks.daily.example/#here",
        "https://checks.daily.example/\r\nX-Other: 1",
        "https://checks.daily.example\\@10.0.0.1/",
        "https://checks.daily.example /",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.0.0.1/",
        "https://0177.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[fe80::1%25eth0]/",
        "https://169.254.169.254/latest/",
        "https://metadata.google.internal/",
        "https://metadata.google.internal./",
        "https://１２７.0.0.1/",  # noqa: RUF001 - other digits
        f"https://daily.example/{'x' * 2_000}",
    ],
)
def test_an_address_that_could_be_a_trap_is_refused_when_it_is_saved(url: str) -> None:
    with pytest.raises(BadUrl):
        check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://checks.daily.example/comments",
        "https://checks.daily.example:8443/comments?from=postbag",
        "https://CHECKS.daily.example",
        "https://8.8.8.8/",
        "https://[2a00:1450:4007::1]/",
    ],
)
def test_an_ordinary_address_is_accepted(url: str) -> None:
    assert check_url(url).scheme == "https"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_plain_http_is_for_this_machine_and_only_where_the_operator_says_so(host: str) -> None:
    assert check_url(f"http://{host}:9000/", networks=HERE).port == 9000
    with pytest.raises(BadUrl):
        check_url(f"http://{host}:9000/", networks=(ip_network("10.0.0.0/8"),))
    with pytest.raises(BadUrl):
        check_url("http://checks.daily.example/", networks=HERE)


@given(ip_addresses())
@settings(max_examples=300, deadline=None)
def test_what_is_called_public_is_so_for_python_as_well(address: IPv4Address | IPv6Address) -> None:
    """Of another list, made by others; ours denies more."""
    if is_public(str(address)):
        meant = unwrapped(address)
        assert meant.is_global
        assert not meant.is_multicast
        assert not meant.is_reserved


@given(ip_addresses(v=4))
@settings(max_examples=300, deadline=None)
def test_an_address_in_disguise_is_judged_as_what_it_stands_for(address: IPv4Address) -> None:
    assert is_public(f"::ffff:{address}") is is_public(str(address))
    sixtofour = f"2002:{int(address) >> 16:x}:{int(address) & 0xFFFF:x}::1"
    nat64 = f"64:ff9b::{int(address) >> 16:x}:{int(address) & 0xFFFF:x}"
    for other in (f"::{address}", sixtofour, nat64):
        assert not is_public(other)
