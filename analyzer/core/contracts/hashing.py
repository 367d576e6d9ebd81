"""Stable keyed hashes and network blocks: how text becomes 64-bit integers.

Never the built-in ``hash()``: it differs from process to process.
"""

from __future__ import annotations

import ipaddress
import re
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from analyzer.errors import BadRecord

CACHE_LIMIT = 1_000_000
CACHE_CHARACTERS = 4 * 1_048_576
"""What each of the caches of a source may hold, of which there are eight."""
OBJECT_BYTES = 150
"""What a text costs beside its characters."""
_TURN = 0x9E3779B97F4A7C16
V4_BITS, V6_BITS = 24, 48
LONGEST_LIST = 1_024
"""Characters looked at of a list of addresses, as proxies append them."""
_BRACKETS = re.compile(r"\[([^\]]*)\](?::\d{1,5})?")
_PORT = re.compile(r"(\d+\.\d+\.\d+\.\d+):\d{1,5}")


def domain_seed(key: str, domain: str) -> int:
    """64-bit seed for one kind of text, derived from the secret key."""
    digest = blake2b(domain.encode(), key=key.encode()[:64], digest_size=8).digest()
    return int.from_bytes(digest, "little")


class HashCache(dict[str | None, int]):
    """Text → stable 64-bit hash, computed once; None → 0, which means "not given".

    Bounded: forgets everything when it holds ``CACHE_CHARACTERS`` of text, which changes no
    answer.

    Examples
    --------
    >>> cache = HashCache("key", "account")
    >>> cache["a"] == HashCache("key", "account")["a"], cache[None]
    (True, 0)
    """

    def __init__(self, key: str, domain: str) -> None:
        super().__init__({None: 0})
        self._seed = domain_seed(key, domain)
        self._room = CACHE_CHARACTERS

    def __missing__(self, text: str) -> int:
        self._room -= len(text) + OBJECT_BYTES
        if self._room < 0:
            self.clear()
            self[None], self._room = 0, CACHE_CHARACTERS
        self[text] = value = stable_hash(text, self._seed)
        return value


def stable_hash(text: str, seed: int) -> int:
    """XXH3 (64 bits) of the text in UTF-8; never 0."""
    return xxh3_64_intdigest(text.encode(), seed) or 1


def pseudonym(text: str, key: str) -> str:
    """Keyed digest that stands for an id in all output, when ids must not be shown."""
    return blake2b(text.encode(), key=key.encode()[:64], digest_size=10).hexdigest()


class BlockCache(dict[str | None, int]):
    """IP address or CIDR → its block as a reversible integer; None → 0.

    The integer is ``version << 60 | prefix_bits << 48 | leading 48 bits``; a block is an
    IPv4 /24 or an IPv6 /48, or the given prefix where the producer shows less.

    Examples
    --------
    >>> block_name(BlockCache()["203.0.113.77"])
    '203.0.113.0/24'
    >>> block_name(BlockCache()["203.0.113.77:54321, 10.0.0.7"])
    '203.0.113.0/24'
    >>> block_name(BlockCache()["2001:db8:1:2::9"])
    '2001:db8:1::/48'
    """

    def __init__(self) -> None:
        super().__init__({None: 0})
        self._room = CACHE_CHARACTERS

    def __missing__(self, text: str) -> int:
        self._room -= len(text) + OBJECT_BYTES
        if self._room < 0:
            self.clear()
            self[None], self._room = 0, CACHE_CHARACTERS
        self[text] = value = _parse_block(text)
        return value


def _parse_block(text: str) -> int:
    for part in text[:LONGEST_LIST].split(","):
        if network := _network(part.strip().strip('"')):
            return _block_of(network)
    raise BadRecord("bad_ip", "no IPv4 or IPv6 address can be read from it")


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """The address as proxies write it: alone, with a port, in brackets, with a zone.

    All addresses together are none.
    """
    address, slash, bits = text.partition("/")
    if match := _BRACKETS.fullmatch(address) or _PORT.fullmatch(address):
        address = match[1]
    try:
        network = ipaddress.ip_network(address.partition("%")[0] + slash + bits, strict=False)
    except ValueError:
        return None
    return network if network.prefixlen else None


def _block_of(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> int:
    address = network.network_address
    if isinstance(address, ipaddress.IPv6Address) and (mapped := address.ipv4_mapped):
        return _parse_block(str(mapped))
    if network.version == 4:
        return _pack(4, min(network.prefixlen, V4_BITS), int(address) << 16)
    return _pack(6, min(network.prefixlen, V6_BITS), int(address) >> 80)


def _pack(version: int, bits: int, leading: int) -> int:
    mask = ((1 << bits) - 1) << (48 - bits)
    return version << 60 | bits << 48 | leading & mask


def block_name(block: int) -> str:
    """The block in CIDR form."""
    version, bits, leading = block >> 60, block >> 48 & 0xFFF, block & (1 << 48) - 1
    if version == 4:
        octets = (leading >> 16).to_bytes(4)
        return f"{octets[0]}.{octets[1]}.{octets[2]}.{octets[3]}/{bits}"
    return f"{ipaddress.IPv6Address(leading << 80)}/{bits}"


def alert_id(campaign_id: str, revision: int) -> str:
    """The same for the same alert of a thread, however often it is made."""
    return blake2b(f"{campaign_id}:{revision}".encode(), digest_size=16).hexdigest()


def in_turn(hashes: NDArray[np.uint64], pane: int) -> NDArray[np.uint64]:
    """The hashes in another order in each pane, so that a sample of the least ones takes turns.

    They are multiplied by a different odd number each time; shape (n,).
    """
    return hashes * np.uint64(pane * _TURN % 2**64 | 1)
