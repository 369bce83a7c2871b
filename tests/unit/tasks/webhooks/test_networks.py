"""Which addresses a webhook may be sent to."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.webhooks.networks import literal, may_dial

PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450:4001::1"]
CLOSED = {
    "0.0.0.0": "unspecified",
    "0.1.2.3": "this network",
    "10.1.2.3": "private",
    "100.64.0.1": "carriers' NAT",
    "100.100.100.200": "a cloud's metadata",
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback",
    "168.63.129.16": "Azure's host",
    "169.254.169.254": "clouds' metadata",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.0.0.192": "a cloud's metadata",
    "192.0.2.1": "documentation",
    "192.168.1.1": "private",
    "198.18.0.1": "benchmarks",
    "203.0.113.9": "documentation",
    "224.0.0.1": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "broadcast",
    "::": "unspecified",
    "::1": "loopback",
    "::127.0.0.1": "compatible with version 4",
    "::ffff:127.0.0.1": "mapped",
    "::ffff:10.0.0.1": "mapped",
    "::ffff:169.254.169.254": "mapped",
    "64:ff9b::7f00:1": "NAT64 of loopback",
    "64:ff9b::a9fe:a9fe": "NAT64 of metadata",
    "64:ff9b:1::1": "local NAT64",
    "100::1": "discarded",
    "2001::1": "Teredo",
    "2001:0:7f00:1::": "Teredo",
    "2001:db8::1": "documentation",
    "2002:7f00:1::": "6to4 of loopback",
    "2002:808:808::1": "6to4",
    "3fff::1": "documentation",
    "5f00::1": "segment routing",
    "fc00::1": "unique local",
    "fd00:ec2::254": "a cloud's metadata",
    "fe80::1": "link-local",
    "fec0::1": "site-local",
    "ff02::1": "multicast",
}


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_of_the_public_internet_are_dialled(address: str) -> None:
    assert may_dial(ip_address(address))


@pytest.mark.parametrize("address", CLOSED)
def test_what_is_not_of_the_public_internet_is_not(address: str) -> None:
    assert not may_dial(ip_address(address)), CLOSED[address]


@pytest.mark.parametrize("address", ["::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_what_stands_for_a_public_address_is_dialled(address: str) -> None:
    assert may_dial(ip_address(address))


@given(st.ip_addresses())
def test_nothing_is_dialled_that_the_standard_library_knows_to_be_special(address: IPv4Address | IPv6Address) -> None:
    if may_dial(address) and not (isinstance(address, IPv6Address) and address in IPv6Network("64:ff9b::/96")):
        meant = getattr(address, "ipv4_mapped", None) or address
        assert meant.is_global
        assert not any((meant.is_multicast, meant.is_loopback, meant.is_link_local, meant.is_unspecified))


def test_a_network_of_the_settings_is_dialled_and_no_other() -> None:
    allowed = (IPv4Network("10.1.0.0/16"), IPv6Network("fd00:1::/32"))
    assert may_dial(ip_address("10.1.2.3"), allowed)
    assert may_dial(ip_address("::ffff:10.1.2.3"), allowed)
    assert may_dial(ip_address("fd00:1::5"), allowed)
    assert not may_dial(ip_address("10.2.2.3"), allowed)
    assert not may_dial(ip_address("169.254.169.254"), allowed)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "localhost",
        "LOCALHOST", "localhost.", "a.localhost", "127.0.0.1.",
    ],
)  # fmt: skip
def test_loopback_is_recognised_in_every_notation(host: str) -> None:
    assert literal(host) == IPv4Address("127.0.0.1")


@pytest.mark.parametrize("host", ["example.com", "127.0.0.1.example.com", "localhost.example.com", "a", "1.2.3.4.5"])
def test_a_name_is_no_literal(host: str) -> None:
    assert literal(host) is None


def test_an_address_of_version_6_is_a_literal() -> None:
    assert literal("::1") == IPv6Address("::1")
