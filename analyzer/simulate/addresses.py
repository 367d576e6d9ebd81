"""Address blocks: who shares an egress with whom.

A block is an IPv4 /24 or an IPv6 /48. Campaigns' proxies and innocent households are drawn
from the same residential pools.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from analyzer.simulate.catalogue import REGIONS
from analyzer.simulate.draws import F64, I64, Rng, pick

_RESERVED_FIRST = {0, 10, 100, 127, 169, 172, 192, 198, 203}
_FIRST_OCTETS = np.array([octet for octet in range(1, 224) if octet not in _RESERVED_FIRST])
_V6_SHARE = 0.18


@dataclass(slots=True)
class AddressPlan:
    """All blocks of a world, by number."""

    prefix: list[str] = field(default_factory=list)
    """``a.b.c.`` or ``2a..:x:y::``; a host number completes it."""
    asn: list[int] = field(default_factory=list)
    country: list[str] = field(default_factory=list)
    _taken: set[str] = field(default_factory=set)

    def new(self, rng: Rng, n: int, region: int, asns: I64, *, v6: float = 0.0) -> I64:
        """Open ``n`` blocks in a region.

        Parameters
        ----------
        rng
            Source of randomness.
        n
            How many.
        region
            Row of ``REGIONS``.
        asns
            Networks to choose from.
        v6
            Share that is IPv6.

        Returns
        -------
        Block numbers, int64, shape (n,).
        """
        first = len(self.prefix)
        while len(self.prefix) < first + n:
            prefix = _v6_prefix(rng) if rng.random() < v6 else _v4_prefix(rng)
            if prefix in self._taken:
                continue
            self._taken.add(prefix)
            self.prefix.append(prefix)
            self.asn.append(int(rng.choice(asns)))
            self.country.append(REGIONS[region].country)
        return np.arange(first, first + n, dtype=np.int64)


def _v4_prefix(rng: Rng) -> str:
    second, third = rng.integers(0, 256, 2)
    return f"{rng.choice(_FIRST_OCTETS)}.{second}.{third}."


def _v6_prefix(rng: Rng) -> str:
    site = rng.integers(0x100, 0x10000, 2)
    return f"2a{rng.integers(0, 16):02x}:{site[0]:x}:{site[1]:x}::"


@dataclass(frozen=True, slots=True)
class Pool:
    """Blocks of one kind and how much each is used."""

    blocks: I64
    shares: F64

    def draw(self, rng: Rng, n: int) -> I64:
        """Draw ``n`` blocks, busy ones more often."""
        return self.blocks[pick(rng, self.shares, n)]

    def some(self, rng: Rng, n: int) -> I64:
        """Draw ``n`` different blocks (fewer if there are not so many), each alike."""
        return np.asarray(rng.permutation(self.blocks)[:n])


@dataclass(frozen=True, slots=True)
class Networks:
    """The pools of a world."""

    homes: tuple[Pool, ...]
    """Residential, by region."""
    mobile: tuple[Pool, ...]
    """Carrier NAT, by region; few blocks with many customers each."""
    cloud: Pool
    vpn: Pool


def lay_networks(plan: AddressPlan, rng: Rng, organisations: int) -> Networks:
    """Open the blocks that a world of so many organisations needs."""
    homes, mobile = [], []
    for at, region in enumerate(REGIONS):
        isps = rng.integers(2_000, 64_000, 5)
        n = max(4, int(organisations * region.share * 0.35))
        homes.append(_pool(plan.new(rng, n, at, isps, v6=_V6_SHARE), rng, 0.9))
        carriers = plan.new(rng, max(2, int(40 * region.share)), at, isps[:2])
        mobile.append(_pool(carriers, rng, 0.7))
    return Networks(
        homes=tuple(homes),
        mobile=tuple(mobile),
        cloud=_pool(_spread(plan, rng, max(12, organisations // 25), 6), rng, 1.2),
        vpn=_pool(_spread(plan, rng, 14, 4), rng, 0.7),
    )


def _spread(plan: AddressPlan, rng: Rng, n: int, networks: int) -> I64:
    asns = rng.integers(8_000, 64_000, networks)
    regions = rng.integers(0, len(REGIONS), n)
    return np.concatenate([plan.new(rng, 1, int(region), asns) for region in regions])


def _pool(blocks: I64, rng: Rng, sigma: float) -> Pool:
    return Pool(blocks, np.exp(rng.normal(0, sigma, len(blocks))))
